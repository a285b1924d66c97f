"""French: subject verb object place time; adjectives after (some before) the noun; ne ... pas; elision."""

from __future__ import annotations

from xl_plugins.mini.grammar.base import Grammar, Token, base, lexeme, number
from xl_plugins.mini.meaning import Clause, NounPhrase

_VOWELS = "aeiouyâàéèêîôûœ"


def _plural(word: str) -> str:
    if word[-1] in "sxz":
        return word
    return word + ("x" if word.endswith("eau") else "s")


class Language(Grammar):
    def _adjective(self, key: str, feminine: bool, plural: bool, vowel: bool) -> tuple[str, bool]:
        """Form, and whether it stands before the noun. ``vowel``: the noun begins with a vowel sound."""
        masculine, *more = self.lexicon.adjectives[key]
        if masculine.startswith("="):
            return masculine[1:], False
        before, masculine = masculine.startswith("<"), masculine.lstrip("<")
        if feminine:
            singular = more[0] if more else masculine if masculine.endswith("e") else masculine + "e"
            return (_plural(singular) if plural else singular), before
        if plural:
            return (more[1] if len(more) > 1 else _plural(masculine)), before
        return (more[2] if vowel and len(more) > 2 else masculine), before

    def government(self, verb: str) -> object:
        fields = self.lexicon.verbs[verb]
        return len(fields) > 3  # the particle ends in "à"

    def noun_phrase(self, phrase: NounPhrase, verb: str) -> list[Token]:
        noun, gender, *more = self.lexicon.nouns[phrase.noun]
        feminine, plural = gender == "f", number(phrase) == "p"
        vowel = noun[0] in _VOWELS + "h"
        if plural:
            noun = more[0] if more else _plural(noun)
        adjective = []
        before = False
        if phrase.adjective:
            form, before = self._adjective(phrase.adjective, feminine, plural, vowel)
            adjective = lexeme(form, "ADJ", f"a:{base(phrase.adjective)}")
        count = self.lexicon.counts[phrase.amount][0]
        if feminine and not plural:
            count = {"le": "la", "un": "une"}[count]
        to = bool(verb) and bool(self.government(verb))
        preposition = [Token("à", "ADP")] if to else []
        concept = f"n:{base(phrase.noun)}:{number(phrase)}"
        if phrase.amount == "the" and vowel and not before:
            return [*preposition, *lexeme("l'" + noun, "NOUN", concept), *adjective]
        if to and count == "le":
            preposition, count = [], "au"
        head = [*preposition, Token(count, "NUM" if plural else "DET", f"c:{phrase.amount}")]
        words = lexeme(noun, "NOUN", concept)
        return [*head, *adjective, *words] if before else [*head, *words, *adjective]

    def mark_name(self, words: list[Token], noun: str, verb: str) -> list[Token]:
        return [Token("à", "ADP"), *words] if self.government(verb) else words

    def mark_place(self, words: list[Token], noun: str) -> list[Token]:
        if words[0].form == "Le":  # à + le Caire
            return [Token("au", "ADP"), words[1]._replace(concept=words[0].concept), *words[2:]]
        return super().mark_place(words, noun)

    def verb_group(self, clause: Clause) -> list[Token]:
        singular, plural, future, *particle = self.lexicon.verbs[clause.verb]
        if number(clause.subject) == "s":
            form = future + "a" if clause.future else singular
        else:
            form = future + "ont" if clause.future else plural
        tokens = lexeme(form, "VERB", self.concept(clause) if not particle else "")
        if clause.negated:
            if form[0] in _VOWELS:
                tokens = [tokens[0]._replace(form="n'" + tokens[0].form), *tokens[1:], Token("pas", "PART")]
            else:
                tokens = [Token("ne", "PART"), *tokens, Token("pas", "PART")]
        return tokens + [Token(word, "NOUN") for word in " ".join(particle).split() if word != "à"]
