"""Classes of the pieces of a dictionary: special, the beginning of a word, with letters, of which case.

SALT (Wang et al., Findings of ACL 2023) was published for an uncased vocabulary; XLM-R's is cased and marks the
beginning of a word instead of its continuation, so that substitutes are matched by the classes kept here.
"""

from __future__ import annotations

import re

import numpy as np
from fairseq.data import Dictionary

from xl_plugins.augment.primitives.words import BOUNDARY

LOWER, TITLE, OTHER, CASELESS = 0, 1, 2, 3
_ADDED = re.compile(r"<mask>|madeupword\d+")  # by tasks, and by Dictionary.pad_to_multiple_


def case_class(surface: str) -> int:
    """Case of a word: LOWER has no capital, TITLE no capital but the first letter, OTHER is the rest.

    CASELESS has no letter with a case. A single capital is TITLE; title-case letters such as U+01C5 are capitals.
    """
    if surface.isalpha() and surface.islower():  # most pieces
        return LOWER
    letters = [letter for letter in surface if letter.isalpha()]
    capitals = [letter.isupper() or letter.istitle() for letter in letters]
    if True not in capitals:
        return LOWER if any(map(str.islower, letters)) else CASELESS
    return TITLE if capitals[0] and sum(capitals) == 1 else OTHER


class PieceClasses:
    """Arrays over all ids of a dictionary; the surface of a piece is its text without U+2581 at the beginning.

    Attributes:
        special: bool; ``<s> <pad> </s> <unk> <mask>`` and symbols that fill a dictionary up. Their other classes are
            those of their names (``<mask>`` has letters), so ask this one first.
        starts: bool; begins with U+2581.
        bare: bool; U+2581 alone.
        letter: bool; holds a letter of any script.
        alnum: bool; holds a letter or a digit.
        case: int8; :func:`case_class` of the surface.
        fold: int32; number of the group of ids that begin a word and have the same surface but for case. A piece
            that does not begin a word is alone in its group.
    """

    def __init__(self, dictionary: Dictionary) -> None:
        symbols: list[str] = dictionary.symbols
        surfaces = [symbol.removeprefix(BOUNDARY) for symbol in symbols]
        starts = [symbol.startswith(BOUNDARY) for symbol in symbols]
        self.special = _bools(index < dictionary.nspecial or _ADDED.fullmatch(x) for index, x in enumerate(symbols))
        self.starts = np.array(starts, dtype=bool)
        self.bare = _bools(symbol == BOUNDARY for symbol in symbols)
        self.letter = _bools(x.isalpha() or any(map(str.isalpha, x)) for x in surfaces)
        self.alnum = _bools(x.isalnum() or any(map(str.isalnum, x)) for x in surfaces)
        self.case = np.array([case_class(surface) for surface in surfaces], dtype=np.int8)
        groups: dict[object, int] = {}
        keys = (surface.casefold() if start else index for index, (surface, start) in enumerate(zip(surfaces, starts)))
        self.fold = np.array([groups.setdefault(key, len(groups)) for key in keys], dtype=np.int32)

    def __len__(self) -> int:
        return len(self.special)


def _bools(values) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.array([bool(value) for value in values], dtype=bool)
