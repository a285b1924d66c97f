"""Hindi: subject time place object verb; postpositions; adjectives and verbs agree in gender and number."""

from __future__ import annotations

from xl_plugins.mini.grammar.base import Grammar, Token, base, kind, lexeme, number
from xl_plugins.mini.meaning import Clause, NounPhrase

_AA, _E, _I, _II, _U, _UU, _O = "ा", "े", "ि", "ी", "ु", "ू", "ो"


def decline(entry: tuple[str, ...], plural: bool, oblique: bool) -> str:
    """Form of a noun given its lexicon entry (direct singular, gender[, direct plural[, oblique plural]])."""
    noun, gender, *more = entry
    marked = gender == "m" and noun.endswith(_AA)
    if not plural:
        return noun[:-1] + _E if marked and oblique else noun
    if more:
        return more[1] if oblique and len(more) > 1 else more[0]
    if oblique:
        if marked:
            return noun[:-1] + "ों"
        if noun.endswith((_II, _I)):
            return noun[:-1] + "ियों"
        if noun.endswith(_UU):
            return noun[:-1] + "ुओं"
        return noun + ("ओं" if noun.endswith((_AA, _O)) else "ों")
    if marked:
        return noun[:-1] + _E
    if gender != "f":
        return noun
    if noun.endswith(_II):
        return noun[:-1] + "ियाँ"
    return noun + ("एँ" if noun.endswith(_AA) else "ें")


def agree(form: str, gender: str, plural: bool, oblique: bool = False) -> str:
    """An adjective in -ā (each word of it: भरा हुआ) for a noun; others do not change."""
    return " ".join(_agree_word(word, gender, plural or oblique) for word in form.split())


def _agree_word(word: str, gender: str, changed: bool) -> str:
    ending = "आ" if word.endswith("आ") else _AA
    if not word.endswith(ending) or (gender[0] == "m" and not changed):
        return word
    if word == "नया":
        return "नई" if gender[0] == "f" else "नए"
    if ending == "आ":
        return word[:-1] + ("ई" if gender[0] == "f" else "ए")
    return word[:-1] + (_II if gender[0] == "f" else _E)


def future(stem: str, feminine: bool, plural: bool) -> str:
    if stem.endswith((_AA, _O)):
        link = "एँ" if plural else "ए"
    elif stem.endswith(_II):
        stem, link = stem[:-1] + _I, "एँ" if plural else "ए"
    else:
        link = "ें" if plural else _E
    return stem + link + "ग" + (_II if feminine else _E if plural else _AA)


class Language(Grammar):
    object_first = True

    def government(self, verb: str) -> object:
        fields = self.lexicon.verbs[verb]
        return fields[1] if len(fields) > 1 else ""

    def noun_phrase(self, phrase: NounPhrase, verb: str) -> list[Token]:
        entry = self.lexicon.nouns[phrase.noun]
        postposition = ""
        if verb:
            postposition = str(self.government(verb)) or ("को" if kind(phrase.noun) in ("person", "animal") else "")
        plural, oblique = number(phrase) == "p", bool(postposition)
        count = self.lexicon.counts[phrase.amount][0]
        tokens = [Token(count, "NUM", f"c:{phrase.amount}")] if count else []
        if phrase.adjective:
            form = agree(self.lexicon.adjectives[phrase.adjective][0], entry[1], plural, oblique)
            tokens += lexeme(form, "ADJ", f"a:{base(phrase.adjective)}")
        tokens += lexeme(decline(entry, plural, oblique), "NOUN", f"n:{base(phrase.noun)}:{number(phrase)}")
        return [*tokens, Token(postposition, "ADP")] if postposition else tokens

    def mark_name(self, words: list[Token], noun: str, verb: str) -> list[Token]:
        postposition = str(self.government(verb)) or ("को" if kind(noun) == "person" else "")
        return [*words, Token(postposition, "ADP")] if postposition else words

    def mark_place(self, words: list[Token], noun: str) -> list[Token]:
        return [*words, Token("में", "ADP")]

    def verb_group(self, clause: Clause) -> list[Token]:
        *first, stem = self.lexicon.verbs[clause.verb][0].split()
        feminine = self.gender(clause.subject.noun) == "f"
        plural = number(clause.subject) == "p"
        concept = "" if first else self.concept(clause)
        if clause.future:
            finite = [Token(future(stem, feminine, plural), "VERB", concept)]
        else:
            habitual = stem + "त" + (_II if feminine else _E if plural else _AA)
            finite = [Token(habitual, "VERB", concept), Token("हैं" if plural else "है", "AUX")]
        negation = [Token("नहीं", "PART")] if clause.negated else []
        return [*(Token(word, "NOUN") for word in first), *negation, *finite]
