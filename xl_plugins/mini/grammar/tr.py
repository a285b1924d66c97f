"""Turkish: subject time place object verb; vowel harmony; definite and animate objects carry a case suffix."""

from __future__ import annotations

from unicodedata import normalize

from xl_plugins.mini.grammar.base import Grammar, Token, base, kind, lexeme, number
from xl_plugins.mini.meaning import Clause, NounPhrase

_VOWELS = "aeıioöuü"
_HIGH = {"a": "ı", "ı": "ı", "o": "u", "u": "u", "e": "i", "i": "i", "ö": "ü", "ü": "ü"}
_LOW = {vowel: "a" if vowel in "aıou" else "e" for vowel in _VOWELS}
_VOICELESS = "çfhkpsşt"


def last_vowel(word: str) -> str:
    return next(letter for letter in reversed(word) if letter in _VOWELS)


def decline(noun: str, stem: str, case: str) -> str:
    """Accusative, dative or ablative of ``noun``; ``stem`` is its form before a vowel suffix (kitap, kitab)."""
    if case == "abl":
        return noun + ("t" if noun[-1] in _VOICELESS else "d") + _LOW[last_vowel(noun)] + "n"
    suffix = (_HIGH if case == "acc" else _LOW)[last_vowel(noun)]
    return stem + ("y" if stem[-1] in _VOWELS else "") + suffix


def suffixed(name: str, case: str, owned: bool = False) -> str:
    """A proper name in a case, after an apostrophe: Lima'da, Anna'yı, Lima Bankası'ndan (``owned``: ends in -(s)ı)."""
    plain = "".join(letter if letter in _VOWELS else normalize("NFD", letter)[0] for letter in name.lower())
    if case in ("loc", "abl"):
        hard = plain[-1] in _VOICELESS and not owned
        ending = ("nd" if owned else "t" if hard else "d") + _LOW[last_vowel(plain)] + ("n" if case == "abl" else "")
        return f"{name}'{ending}"
    buffer = "n" if owned else "y" if plain[-1] in _VOWELS else ""
    return f"{name}'{buffer}{(_HIGH if case == 'acc' else _LOW)[last_vowel(plain)]}"


def conjugate(stem: str, future: bool, negated: bool) -> str:
    """Third person of the present in -yor or the future in -ecek (ye-, et- and stems in -a/-e change before them)."""
    if negated and future:
        low = _LOW[last_vowel(stem)]
        return f"{stem}m{low}y{low}c{low}k"
    if negated:
        return f"{stem}m{_HIGH[last_vowel(stem)]}yor"
    soft = stem[:-1] + "d" if stem.endswith(("et", "kaybet")) else stem
    if future:
        low = _LOW[last_vowel(stem)]
        if stem == "ye":
            return "yiyecek"
        return f"{soft}{'y' if stem[-1] in _VOWELS else ''}{low}c{low}k"
    if stem == "ye":
        return "yiyor"
    if stem[-1] in _VOWELS:
        root = stem[:-1]
        return f"{root}{_HIGH[last_vowel(root)]}yor"
    return f"{soft}{_HIGH[last_vowel(stem)]}yor"


class Language(Grammar):
    object_first = True

    def government(self, verb: str) -> object:
        fields = self.lexicon.verbs[verb]
        return fields[1] if len(fields) > 1 else "acc"

    def noun_phrase(self, phrase: NounPhrase, verb: str) -> list[Token]:
        noun, *more = self.lexicon.nouns[phrase.noun]
        if verb:
            case = str(self.government(verb))
            if case != "acc":
                noun = decline(noun, more[0] if more else noun, case)
            elif phrase.amount == "the" or kind(phrase.noun) in ("person", "animal"):
                noun = more[1] if len(more) > 1 else decline(noun, more[0] if more else noun, case)
        count = self.lexicon.counts[phrase.amount][0]
        counter = [Token(count, "DET" if count == "bir" else "NUM", f"c:{phrase.amount}")] if count else []
        adjective = []
        if phrase.adjective:
            adjective = [Token(self.lexicon.adjectives[phrase.adjective][0], "ADJ", f"a:{base(phrase.adjective)}")]
        words = lexeme(noun, "NOUN", f"n:{base(phrase.noun)}:{number(phrase)}")
        if count == "bir":
            return [*adjective, *counter, *words]
        return [*counter, *adjective, *words]

    def mark_name(self, words: list[Token], noun: str, verb: str) -> list[Token]:
        return self._case(words, noun, str(self.government(verb)))

    def mark_place(self, words: list[Token], noun: str) -> list[Token]:
        return self._case(words, noun, "loc")

    def _case(self, words: list[Token], noun: str, case: str) -> list[Token]:
        owned = noun.startswith("@ORG") and noun.split(":")[1] not in ("and", "alone")
        return [*words[:-1], words[-1]._replace(form=suffixed(words[-1].form, case, owned))]

    def verb_group(self, clause: Clause) -> list[Token]:
        *first, stem = self.lexicon.verbs[clause.verb][0].split()
        form = conjugate(stem, clause.future, clause.negated)
        return [*(Token(word, "NOUN") for word in first), Token(form, "VERB", "" if first else self.concept(clause))]
