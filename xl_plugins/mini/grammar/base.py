"""What the grammars share: tokens, phrase caches, constituent order and the choice of synonyms."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from xl_plugins.mini.lexicon import load
from xl_plugins.mini.meaning import KIND_OF, Clause, NounPhrase, put

SINGULAR = ("the", "a")


class Token(NamedTuple):
    """``form`` as written, universal part of speech, and what it means.

    ``concept`` is "n:dog:s", "v:eat:fpn", "a:big", "c:two", "p:kitchen", "t:monday" or "" for words (or parts of
    fixed phrases) that mean nothing alone. Nouns carry their number (s, p); verbs tense (p, f), number, "n" if negated.
    """

    form: str
    pos: str
    concept: str = ""


Tokens = tuple[Token, ...]


def base(key: str) -> str:
    """Concept of a lexicon key: "child#2" -> "child"."""
    return key.partition("#")[0]


def kind(noun: str) -> str:
    return KIND_OF[base(noun)]


def number(phrase: NounPhrase) -> str:
    return "s" if phrase.amount in SINGULAR else "p"


def text(tokens: Tokens) -> str:
    """The sentence as one line. Lower case but for names and German nouns, without punctuation."""
    return " ".join([token.form for token in tokens])


def unit(words: str, pos: str, concept: str) -> list[Token]:
    """Tokens of a lexical unit; only a unit of one word can be looked up, so only that carries the concept."""
    forms = words.split()
    return [Token(form, pos, concept if len(forms) == 1 else "") for form in forms]


class Grammar:
    """Says clauses in one language. Subclasses give ``noun_phrase``, ``verb_group`` and, if need be, ``arrange``."""

    object_first = False  # subject-object-verb order
    _FUNCTION = {"the": "DET", "der": "DET", "la": "DET", "el": "DET", "le": "DET", "dem": "DET", "l'": "DET"}

    def __init__(self, code: str) -> None:
        self.code = code
        self.lexicon = load(code)
        self._phrases: dict[object, list[Token]] = {}
        self._synonyms: dict[str, dict[str, tuple[str, ...]]] = {"n": {}, "v": {}, "a": {}}
        for key, others in self.lexicon.synonyms.items():
            self._synonyms.setdefault(key[0], {})[key[2:]] = others
        self._adverbials = {
            slot: {key: self._adverbial(fields[0], f"{slot[0]}:{key}") for key, fields in table.items()}
            for slot, table in (("place", self.lexicon.places), ("time", self.lexicon.times))
        }

    def _adverbial(self, phrase: str, concept: str) -> list[Token]:
        tokens = []
        for word in phrase.split():
            if word.startswith("*"):
                tokens.append(Token(word[1:], "NOUN", concept))
            else:
                tokens.append(Token(word, self._FUNCTION.get(word, "ADP")))
        return tokens

    # -- what a language must say -------------------------------------------------------------------------------
    def noun_phrase(self, phrase: NounPhrase, verb: str) -> list[Token]:
        """``verb`` is empty for a subject and names the governing verb for an object."""
        raise NotImplementedError

    def verb_group(self, clause: Clause) -> list[Token]:
        """Finite verb with auxiliaries and negation, agreeing with the subject (and object)."""
        raise NotImplementedError

    # -- shared ------------------------------------------------------------------------------------------------
    def adverbial(self, clause: Clause, slot: str) -> list[Token]:
        value = getattr(clause, slot)
        return self._adverbials[slot][value] if value else []

    def government(self, verb: str) -> object:
        """The part of a verb that decides the form of its object; phrases are cached by it."""
        return True

    def phrase(self, phrase: NounPhrase, verb: str = "") -> list[Token]:
        key = (phrase, self.government(verb) if verb else None)
        tokens = self._phrases.get(key)
        if tokens is None:
            tokens = self._phrases[key] = self.noun_phrase(phrase, verb)
        return tokens

    def verb(self, clause: Clause) -> list[Token]:
        subject, target = clause.subject, clause.object
        key: tuple[object, ...] = (clause.verb, clause.future, clause.negated, subject.noun, number(subject))
        if target is not None:
            key += (kind(target.noun) in ("person", "animal"), number(target))
        tokens = self._phrases.get(key)
        if tokens is None:
            tokens = self._phrases[key] = self.verb_group(clause)
        return tokens

    def arrange(self, clause: Clause, time: list[Token], place: list[Token]) -> list[Token]:
        """Everything but a fronted adverbial, in order."""
        target = self.phrase(clause.object, clause.verb) if clause.object else []
        subject, verb = self.phrase(clause.subject), self.verb(clause)
        if self.object_first:
            return [*subject, *time, *place, *target, *verb]
        return [*subject, *verb, *target, *place, *time]

    def say(self, clause: Clause) -> Tokens:
        """The clause as tokens. Deterministic: synonyms are chosen before, by :meth:`restyle`."""
        time, place = self.adverbial(clause, "time"), self.adverbial(clause, "place")
        if clause.front == "time":
            return (*time, *self.arrange(clause, [], place))
        if clause.front == "place":
            return (*place, *self.arrange(clause, time, []))
        return tuple(self.arrange(clause, time, place))

    def concept(self, clause: Clause) -> str:
        """Concept label of the main verb of ``clause``."""
        tense = "f" if clause.future else "p"
        return f"v:{base(clause.verb)}:{tense}{number(clause.subject)}{'n' if clause.negated else ''}"

    def restyle(self, clause: Clause, rng: Random, rate: float = 0.2) -> Clause:
        """Replace words that have synonyms in this language by one of them, each with probability ``rate``."""

        synonyms, draw = self._synonyms, rng.random
        for role, phrase in (("subject", clause.subject), ("object", clause.object)):
            if phrase is None:
                continue
            noun, count, adjective = phrase
            if noun in synonyms["n"] and draw() < rate:
                noun = rng.choice(synonyms["n"][noun])
            if adjective in synonyms["a"] and draw() < rate:
                adjective = rng.choice(synonyms["a"][adjective])
            if noun is not phrase.noun or adjective is not phrase.adjective:
                clause = put(clause, role, NounPhrase(noun, count, adjective))
        if clause.verb in synonyms["v"] and draw() < rate:
            clause = clause._replace(verb=rng.choice(synonyms["v"][clause.verb]))
        return clause
