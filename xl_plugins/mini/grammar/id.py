"""Indonesian: subject verb object place time; adjectives after the noun; no inflection."""

from __future__ import annotations

from xl_plugins.mini.grammar.base import Grammar, Token, base, kind, lexeme, number
from xl_plugins.mini.meaning import Clause, NounPhrase


class Language(Grammar):
    def noun_phrase(self, phrase: NounPhrase, verb: str) -> list[Token]:
        counts = self.lexicon.counts[phrase.amount]
        words = lexeme(self.lexicon.nouns[phrase.noun][0], "NOUN", f"n:{base(phrase.noun)}:{number(phrase)}")
        if phrase.adjective:
            words += lexeme(self.lexicon.adjectives[phrase.adjective][0], "ADJ", f"a:{base(phrase.adjective)}")
        if phrase.amount == "the":
            return [*words, Token(counts[0], "DET", "c:the")]
        count = counts[0]
        if phrase.amount == "a":
            count = counts[{"person": 0, "animal": 1}.get(kind(phrase.noun), 2)]
        return [Token(count, "DET" if phrase.amount == "a" else "NUM", f"c:{phrase.amount}"), *words]

    def verb_group(self, clause: Clause) -> list[Token]:
        negation = [Token("tidak", "PART")] if clause.negated else []
        tense = [Token("akan", "AUX")] if clause.future else []
        return [*negation, *tense, *lexeme(self.lexicon.verbs[clause.verb][0], "VERB", self.concept(clause))]
