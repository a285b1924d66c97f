"""Sentences of one or two clauses with punctuation: words with parts of speech and entity tags, and plain text."""

from __future__ import annotations

from random import Random
from typing import Iterable, NamedTuple

from xl_plugins.mini.grammar import Token, grammar
from xl_plugins.mini.lexicon import each
from xl_plugins.mini.meaning import Clause
from xl_plugins.mini.noise import corrupt

CONJUNCTIONS: dict[str, dict[str, str]] = {
    "and": each("and, und, y, et, और, dan, na, ve"),
    "but": each("but, aber, pero, mais, लेकिन, tetapi, lakini, ama"),
}
# Words of fixed adverbials that are no adpositions, whatever their place in the phrase.
_NOUNS = {
    "hi": ("अड्डे", "किनारे"), "tr": ("günü", "kenarında"), "id": ("hari", "musim", "tepi", "sakit"),
    "sw": ("wakati", "ndege", "kando"), "fr": ("bord",),
}  # fmt: skip


class Sentence(NamedTuple):
    """``joint``: "and", "but" or empty for a single clause; ``end``: "." or "!"; ``lower``: without capitals."""

    clauses: tuple[Clause, ...]
    joint: str = ""
    end: str = "."
    lower: bool = False


def part_of_speech(token: Token, code: str) -> str:
    """Universal tag of a word: names of the grammar's classes are refined where they are coarse."""
    if token.concept == "c:several":
        return "DET"
    if token.role in ("place", "time") and token.form in _NOUNS.get(code, ()):
        return "NOUN"
    return token.pos


def entity(token: Token) -> str:
    """IOB2 tag of a word."""
    return token.concept if token.concept[:2] in ("B-", "I-") else "O"


def repaired(tokens: Iterable[Token]) -> list[Token]:
    """A name whose first word is lost begins with its next one."""
    result: list[Token] = []
    before = "O"
    for token in tokens:
        tag = entity(token)
        if tag[0] == "I" and before[2:] != tag[2:]:
            token = token._replace(concept="B" + tag[1:])
        before = entity(token)
        result.append(token)
    return result


def capitalise(word: str, code: str) -> str:
    first = {"i": "İ", "ı": "I"}.get(word[0], word[0].upper()) if code == "tr" else word[0].upper()
    return first + word[1:]


def lowered(word: str, code: str) -> str:
    if code == "tr":
        word = word.replace("I", "ı").replace("İ", "i")
    return word.lower()


def say(sentence: Sentence, code: str, rng: Random, noise: float = 0.0, passes: int = 0) -> list[Token]:
    """The words of the sentence, those of its clauses spoiled ``passes`` times."""
    speaker = grammar(code)
    words: list[Token] = []
    for clause in sentence.clauses:
        tokens = speaker.say(speaker.restyle(clause, rng))
        for _ in range(passes):
            tokens = corrupt(tokens, code, noise, rng)
        if words:
            if sentence.joint == "but":
                words.append(Token(",", "PUNCT"))
            joint = CONJUNCTIONS[sentence.joint][code]
            if code == "es" and joint == "y" and tokens[0].form.lower().startswith(("i", "hi")):
                joint = "e"
            words.append(Token(joint, "CCONJ"))
        words += repaired(tokens)
    words[0] = words[0]._replace(form=capitalise(words[0].form, code))
    if sentence.lower:
        words = [token._replace(form=lowered(token.form, code)) for token in words]
    return [*words, Token("।" if code == "hi" and sentence.end == "." else sentence.end, "PUNCT")]


def text(words: Iterable[Token]) -> str:
    """The words with spaces between all of them, as in tokenised corpora."""
    return " ".join(token.form for token in words)
