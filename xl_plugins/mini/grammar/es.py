"""Spanish: subject verb object place time; adjectives after the noun, agreeing; "a" before persons and animals."""

from __future__ import annotations

from xl_plugins.mini.grammar.base import Grammar, Token, base, kind, lexeme, number
from xl_plugins.mini.meaning import Clause, NounPhrase


def _plural(word: str) -> str:
    if word[-1] in "aeiouáéó":
        return word + "s"
    return word[:-1] + "ces" if word[-1] == "z" else word + "es"


class Language(Grammar):
    def _adjective(self, key: str, feminine: bool, plural: bool) -> str:
        forms = self.lexicon.adjectives[key]
        masculine = forms[0]
        singular = masculine
        if feminine:
            singular = forms[1] if len(forms) > 1 else masculine[:-1] + "a" if masculine[-1] == "o" else masculine
        if not plural:
            return singular
        return forms[2 + feminine] if len(forms) > 2 else _plural(singular)

    def noun_phrase(self, phrase: NounPhrase, verb: str) -> list[Token]:
        noun, gender, *more = self.lexicon.nouns[phrase.noun]
        feminine, plural = gender != "m", number(phrase) == "p"
        count = self.lexicon.counts[phrase.amount][0]
        if gender == "f" and not plural:
            count = {"el": "la", "un": "una"}[count]
        if plural:
            noun = more[0] if more else _plural(noun)
            count = "varias" if feminine and count == "varios" else count
        tokens = []
        if verb and kind(phrase.noun) in ("person", "animal"):
            if count == "el":
                count = "al"
            else:
                tokens.append(Token("a", "ADP"))
        tokens.append(Token(count, "NUM" if plural else "DET", f"c:{phrase.amount}"))
        tokens += lexeme(noun, "NOUN", f"n:{base(phrase.noun)}:{number(phrase)}")
        if phrase.adjective:
            form = self._adjective(phrase.adjective, feminine, plural)
            tokens += lexeme(form, "ADJ", f"a:{base(phrase.adjective)}")
        return tokens

    def mark_name(self, words: list[Token], noun: str, verb: str) -> list[Token]:
        return [Token("a", "ADP"), *words] if kind(noun) == "person" else words

    def verb_group(self, clause: Clause) -> list[Token]:
        singular, plural, future = self.lexicon.verbs[clause.verb]
        if number(clause.subject) == "s":
            form = future if clause.future else singular
        else:
            form = future[:-1] + "án" if clause.future else plural
        negation = [Token("no", "PART")] if clause.negated else []
        return [*negation, Token(form, "VERB", self.concept(clause))]
