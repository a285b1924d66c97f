"""Words on their way to the tokenizer, the same for ``xl-prepare`` and ``xl-predict``; every change is counted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import regex

NON_JOINER = "\u200c"
XTREME = "xtreme"  # value of "word_cleaning" in meta.json; without it words are kept
_BREAKS = re.compile("[\t\r\n]+")
_AS_XTREME = "blanks and U+200C inside words removed, as XTREME does"
_AROUND = "blanks around words removed"
_INSIDE = "tabs and line ends inside words made blanks"


@dataclass
class Notes:
    """Changes, omissions and decisions of a reader: ``found[kind]`` is [how often, first line, what stood there]."""

    found: dict[str, list] = field(default_factory=dict)

    def add(self, kind: str, line: int, text: str = "") -> None:
        self.found.setdefault(kind, [0, line, text])[0] += 1


def tidy(word: str, xtreme: bool, notes: Notes | None = None, line: int = 0) -> str:
    """The word as it is encoded and kept; ``""`` if nothing is left of it.

    ``xtreme`` removes blanks and zero-width non-joiners, as XTREME does in treebanks. Else only blanks around the word
    go, and tabs and line ends, which no file of words can hold, become blanks. Changes are added to ``notes``.
    """
    kept = _BREAKS.sub(" ", word) if "\t" in word or "\n" in word or "\r" in word else word
    if kept is not word and notes is not None:
        notes.add(f"word: {_INSIDE}", line, word)
    made = kept.replace(" ", "").replace(NON_JOINER, "") if xtreme else kept.strip(" ")
    if notes is not None and made != kept:
        notes.add(f"word: {_AS_XTREME if xtreme else _AROUND}", line, kept)
    return made


_LETTER = r"(?:(?!\p{Han})[\w\p{M}\u200c\u200d])"  # also marks and joiners within words
# a number with its points, an ideograph, a word with its apostrophes, or any other character that is shown
_WORDS = regex.compile(rf"\d+(?:[.,:]\d+)+|\p{{Han}}|{_LETTER}+(?:['\u2019]{_LETTER}+)*|[^\s\p{{C}}]")
_BLANKS = regex.compile("[^ ]+")
SEGMENTS = {"blanks": _BLANKS, "unicode": _WORDS}


def find_words(text: str, segment: str | None = None) -> list[tuple[int, int]]:
    """Characters [start, end) of the words of a running text, cut at blanks or as another of ``SEGMENTS`` says."""
    return [match.span() for match in SEGMENTS[segment or "blanks"].finditer(text)]


def split_words(text: str) -> list[str]:
    """Words of a running text: what stands between blanks (U+0020), whatever other white space they hold."""
    return [word for word in text.split(" ") if word]
