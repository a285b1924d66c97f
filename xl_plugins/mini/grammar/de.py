"""German: verb second, infinitive last, time before place; adjectives agree in gender, case and article."""

from __future__ import annotations

from xl_plugins.mini.grammar.base import Grammar, Token, base, lexeme, number
from xl_plugins.mini.meaning import Clause, NounPhrase

# (ending of the, ending of a, adjective after the, adjective after a) for (gender, accusative)
_ENDINGS = {
    ("m", False): ("er", "", "e", "er"),
    ("m", True): ("en", "en", "en", "en"),
    ("f", False): ("ie", "e", "e", "e"),
    ("f", True): ("ie", "e", "e", "e"),
    ("n", False): ("as", "", "e", "es"),
    ("n", True): ("as", "", "e", "es"),
}


class Language(Grammar):
    def noun_phrase(self, phrase: NounPhrase, verb: str) -> list[Token]:
        noun, gender, *more = self.lexicon.nouns[phrase.noun]
        the, a, after_the, after_a = _ENDINGS[gender, bool(verb)]
        count = self.lexicon.counts[phrase.amount][0]
        if phrase.amount == "the":
            count, ending = count + the, after_the
        elif phrase.amount == "a":
            count, ending = count + a, after_a
        else:
            noun, ending = more[0], "e"
        if number(phrase) == "s" and verb and len(more) > 1:
            noun = more[1]
        tokens = [Token(count, "DET" if number(phrase) == "s" else "NUM", f"c:{phrase.amount}")]
        if phrase.adjective:
            stem = self.lexicon.adjectives[phrase.adjective][-1]
            tokens.append(Token(stem + ending, "ADJ", f"a:{base(phrase.adjective)}"))
        return [*tokens, *lexeme(noun, "NOUN", f"n:{base(phrase.noun)}:{number(phrase)}")]

    def verb_group(self, clause: Clause) -> list[Token]:
        """Finite verb first, then the infinitive if there is one: ``arrange`` takes them apart."""
        third, infinitive = self.lexicon.verbs[clause.verb]
        plural, concept = number(clause.subject) == "p", self.concept(clause)
        if clause.future:
            return [Token("werden" if plural else "wird", "AUX"), Token(infinitive, "VERB", concept)]
        return [Token(infinitive if plural else third, "VERB", concept)]

    def arrange(self, clause: Clause, time: list[Token], place: list[Token]) -> list[Token]:
        subject, (finite, *rest) = self.phrase(clause.subject), self.verb(clause)
        target = self.phrase(clause.object, clause.verb) if clause.object else []
        known, new = (target, []) if clause.object and clause.object.amount == "the" else ([], target)
        negation = [Token("nicht", "PART")] if clause.negated else []
        field = [*known, *time, *negation, *place, *new, *rest]
        if clause.front:
            return [finite, *subject, *field]
        return [*subject, finite, *field]
