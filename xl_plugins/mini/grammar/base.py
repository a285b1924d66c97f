"""The common part of the grammars: tokens, phrase caches, constituent order and the choice of synonyms."""

from __future__ import annotations

from random import Random
from typing import Iterable, NamedTuple

from xl_plugins.mini.concepts import KIND_OF
from xl_plugins.mini.lexicon import each, load, names
from xl_plugins.mini.meaning import Clause, NounPhrase, put

SINGULAR = ("the", "a")
VERY = "^"  # at the end of an adjective: to a high degree
_VERY = each("very, sehr, muy, très, बहुत, sangat, sana, çok")


class Token(NamedTuple):
    """``form`` as written, universal part of speech, and what it means.

    ``concept`` is "n:dog:s", "v:eat:fpn", "a:big", "c:two", "p:kitchen", "t:monday" or "" for words (or parts of
    fixed phrases) that mean nothing alone. Nouns carry their number (s, p); verbs tense (p, f), number, "n" if negated;
    words of proper names their entity tag (B-PER, I-LOC). ``role`` is the part of the clause the word belongs to:
    subject, verb, object, place, time or empty.
    """

    form: str
    pos: str
    concept: str = ""
    role: str = ""


Tokens = tuple[Token, ...]


def base(key: str) -> str:
    """Concept of a lexicon key: "child#2" -> "child"."""
    return key.partition("#")[0]


def kind(noun: str) -> str:
    """A key of KINDS; for a proper name "person", "organisation" or "city"."""
    if names.is_name(noun):
        return {"ORG": "organisation", "LOC": "city"}.get(names.split(noun)[0], "person")
    return KIND_OF[base(noun)]


def number(phrase: NounPhrase) -> str:
    return "s" if phrase.amount in SINGULAR else "p"


def with_role(tokens: Iterable[Token], role: str) -> list[Token]:
    return [token._replace(role=role) for token in tokens]


def text(tokens: Tokens) -> str:
    """The sentence as one line. Lower case but for names and German nouns, without punctuation."""
    return " ".join([token.form for token in tokens])


def lexeme(words: str, pos: str, concept: str) -> list[Token]:
    """The tokens of a lexeme; only one of a single word can be looked up, so only that carries the concept."""
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
            slot: {
                key: with_role(self._adverbial(fields[0], f"{slot[0]}:{key}"), slot) for key, fields in table.items()
            }
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

    def mark_name(self, words: list[Token], noun: str, verb: str) -> list[Token]:
        """A proper name as object of ``verb``: unmarked unless the language says otherwise."""
        return words

    def mark_place(self, words: list[Token], noun: str) -> list[Token]:
        """A city or organisation as a place."""
        return [Token(names.PLACE_MARKS[self.code][noun.startswith("@ORG")], "ADP"), *words]

    # -- shared ------------------------------------------------------------------------------------------------
    def adverbial(self, clause: Clause, slot: str) -> list[Token]:
        value = getattr(clause, slot)
        if names.is_name(value):
            return with_role(self.mark_place(self.name(value), value), slot)
        return self._adverbials[slot][value] if value else []

    def name(self, noun: str) -> list[Token]:
        """The words of a proper name, or a pronoun; function words inside a name are ADP, "&" is CCONJ."""
        if noun.startswith("@PRO"):
            return [Token(names.called(noun, self.code)[0], "PRON")]
        tokens: list[Token] = []
        for word in names.called(noun, self.code):
            pos = "CCONJ" if word == "&" else "ADP" if word.islower() else "PROPN"
            tokens.append(Token(word, pos, f"{'I' if tokens else 'B'}-{noun[1:4]}"))
        return tokens

    def gender(self, noun: str) -> str:
        """Second field of the noun in the lexicon, for languages where that is the gender."""
        return names.gender(noun) if names.is_name(noun) else self.lexicon.nouns[noun][1]

    def government(self, verb: str) -> object:
        """The part of a verb that decides the form of its object; phrases are cached by it."""
        return True

    def phrase(self, phrase: NounPhrase, verb: str = "") -> list[Token]:
        key = (phrase, self.government(verb) if verb else None)
        tokens = self._phrases.get(key)
        if tokens is None:
            role = "object" if verb else "subject"
            tokens = self._phrases[key] = with_role(self._noun_phrase(phrase, verb), role)
        return tokens

    def _noun_phrase(self, phrase: NounPhrase, verb: str) -> list[Token]:
        if names.is_name(phrase.noun):
            words = self.name(phrase.noun)
            return self.mark_name(words, phrase.noun, verb) if verb else words
        if not phrase.adjective.endswith(VERY):
            return self.noun_phrase(phrase, verb)
        tokens = self.noun_phrase(phrase._replace(adjective=phrase.adjective[: -len(VERY)]), verb)
        places = [index for index, token in enumerate(tokens) if token.pos == "ADJ"]
        place = places[-1] + 1 if self.code == "sw" else places[0]
        if tokens[0].form == "an" and self.code == "en":
            tokens[0] = tokens[0]._replace(form="a")
        return [*tokens[:place], Token(_VERY[self.code], "ADV"), *tokens[place:]]

    def verb(self, clause: Clause) -> list[Token]:
        subject, target = clause.subject, clause.object
        key: tuple[object, ...] = (clause.verb, clause.future, clause.negated, subject.noun, number(subject))
        if target is not None:
            key += (kind(target.noun) in ("person", "animal"), number(target))
        tokens = self._phrases.get(key)
        if tokens is None:
            tokens = self._phrases[key] = with_role(self.verb_group(clause), "verb")
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
