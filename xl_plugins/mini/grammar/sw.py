"""Swahili: subject verb object place time; noun adjective number, agreeing in class; verbs carry subject and object."""

from __future__ import annotations

from xl_plugins.mini.grammar.base import Grammar, Token, base, kind, lexeme, number
from xl_plugins.mini.meaning import Clause, NounPhrase

_PLURAL_CLASS = {1: 2, 3: 4, 5: 6, 6: 6, 7: 8, 9: 10, 11: 10}
# class: (adjective prefix before a consonant, before e, of, having, relative verb "that is full")
_AGREEMENT: dict[int, tuple[str, str, str, str, str]] = {
    1: ("m", "mw", "wa", "mwenye", "aliyejaa"),
    2: ("wa", "we", "wa", "wenye", "waliojaa"),
    3: ("m", "mw", "wa", "wenye", "uliojaa"),
    4: ("mi", "my", "ya", "yenye", "iliyojaa"),
    5: ("", "j", "la", "lenye", "lililojaa"),
    6: ("ma", "me", "ya", "yenye", "yaliyojaa"),
    7: ("ki", "ch", "cha", "chenye", "kilichojaa"),
    8: ("vi", "vy", "vya", "vyenye", "vilivyojaa"),
    9: ("n", "ny", "ya", "yenye", "iliyojaa"),
    10: ("n", "ny", "za", "zenye", "zilizojaa"),
    11: ("m", "mw", "wa", "wenye", "uliojaa"),
}
_IRREGULAR = {(5, "pya"): "jipya", (9, "pya"): "mpya", (10, "pya"): "mpya", (9, "baya"): "mbaya", (10, "baya"): "mbaya"}
_COUNTING = {2: "wa", 4: "mi", 6: "ma", 8: "vi", 10: ""}
_MONOSYLLABIC = ("la", "nywa")


def adjective(entry: str, noun_class: int) -> str:
    """Form of a lexicon adjective after a noun of ``noun_class``."""
    prefix, before_e, of, having, relative = _AGREEMENT[noun_class]
    if entry == "-liojaa":
        return relative
    if entry.startswith("enye "):
        return having + entry[4:]
    if entry.startswith("a "):
        return of + entry[1:]
    if not entry.startswith("-"):
        return entry
    stem = entry[1:]
    if (noun_class, stem) in _IRREGULAR:
        return _IRREGULAR[noun_class, stem]
    if stem[0] == "e":
        return before_e + (stem[1:] if before_e[-1] == "e" else stem)
    if prefix == "n" and stem[0] not in "dzg":  # the nasal survives before d, z, g only
        return stem
    return prefix + stem


class Language(Grammar):
    def noun_phrase(self, phrase: NounPhrase, verb: str) -> list[Token]:
        singular, plural, class_name = self.lexicon.nouns[phrase.noun]
        many = number(phrase) == "p"
        noun_class = _PLURAL_CLASS[int(class_name)] if many else int(class_name)
        tokens = lexeme(plural if many else singular, "NOUN", f"n:{base(phrase.noun)}:{number(phrase)}")
        if phrase.adjective:
            form = adjective(self.lexicon.adjectives[phrase.adjective][0], noun_class)
            tokens += lexeme(form, "ADJ", f"a:{base(phrase.adjective)}")
        if many:
            count = self.lexicon.counts[phrase.amount][0]
            if count.startswith("-"):
                count = _COUNTING[noun_class] + count[1:]
                count = "mbili" if count == "wili" else count
            tokens.append(Token(count, "NUM", f"c:{phrase.amount}"))
        return tokens

    def verb_group(self, clause: Clause) -> list[Token]:
        stem, *complement = self.lexicon.verbs[clause.verb][0].split()
        plural = number(clause.subject) == "p"
        target = clause.object
        marker = ""
        if target and kind(target.noun) in ("person", "animal"):
            vowel = stem[0] in "aeiou"
            marker = "wa" if number(target) == "p" else "mw" if vowel else "m"
        subject = ("hawa" if plural else "ha") if clause.negated else ("wa" if plural else "a")
        if kind(clause.subject.noun) == "organisation":  # class 9
            subject = "hai" if clause.negated else "i"
        if clause.negated and not clause.future:
            ending = stem[:-1] + "i" if stem.endswith("a") else stem
            form = subject + marker + ending
        else:
            long = "ku" if stem in _MONOSYLLABIC and not marker else ""
            form = subject + ("ta" if clause.future else "na") + marker + long + stem
        words = [Token(form, "VERB", "" if complement else self.concept(clause))]
        return words + [Token(word, "NOUN") for word in complement]
