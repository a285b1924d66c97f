"""English: subject verb object place time; adjective before the noun; do-support."""

from __future__ import annotations

from xl_plugins.mini.grammar.base import Grammar, Token, base, lexeme, number
from xl_plugins.mini.meaning import Clause, NounPhrase


def _third_person(verb: str) -> str:
    if verb.endswith(("s", "x", "ch", "sh", "o")):
        return verb + "es"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + "s"


class Language(Grammar):
    def noun_phrase(self, phrase: NounPhrase, verb: str) -> list[Token]:
        forms = self.lexicon.nouns[phrase.noun]
        noun = forms[0] if number(phrase) == "s" else forms[1] if len(forms) > 1 else forms[0] + "s"
        adjective = self.lexicon.adjectives[phrase.adjective][0] if phrase.adjective else ""
        count = self.lexicon.counts[phrase.amount][0]
        if phrase.amount == "a" and (adjective or noun)[0] in "aeiou":
            count = "an"
        tokens = [Token(count, "DET" if phrase.amount in ("the", "a") else "NUM", f"c:{phrase.amount}")]
        if adjective:
            tokens.append(Token(adjective, "ADJ", f"a:{base(phrase.adjective)}"))
        return [*tokens, *lexeme(noun, "NOUN", f"n:{base(phrase.noun)}:{number(phrase)}")]

    def verb_group(self, clause: Clause) -> list[Token]:
        verb, plural = self.lexicon.verbs[clause.verb][0], number(clause.subject) == "p"
        main = Token(verb, "VERB", self.concept(clause))
        negation = [Token("not", "PART")] if clause.negated else []
        if clause.future:
            return [Token("will", "AUX"), *negation, main]
        if clause.negated:
            return [Token("do" if plural else "does", "AUX"), *negation, main]
        return [main if plural else main._replace(form=_third_person(verb))]
