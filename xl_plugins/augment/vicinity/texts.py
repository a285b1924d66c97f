"""The sentences of a language, cut into the units that are masked: words or single pieces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...data.binary.layout import DataBin
from ...data.binary.rows import spread, take_rows
from ..generation.texts import LanguageTexts
from ..primitives.piece_classes import PieceClasses
from ..primitives.words import BOUNDARY

_SCAN = 1 << 16  # rows walked at once


@dataclass
class Units:
    """Sentences one after the other: ``ids`` of their pieces without ``</s>``, ``pieces`` and ``units`` of each
    sentence (N,), and ``sizes``, the pieces of each unit."""

    ids: np.ndarray
    pieces: np.ndarray
    sizes: np.ndarray
    units: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """First piece of every unit."""
        return np.cumsum(self.sizes) - self.sizes

    @cached_property
    def first(self) -> np.ndarray:
        """First unit of every sentence, and one more: (N + 1,)."""
        return np.concatenate([[0], np.cumsum(self.units)])

    def __len__(self) -> int:
        return len(self.units)


def join(parts: list[Units]) -> Units:
    """The sentences of all parts one after the other."""
    names = ("ids", "pieces", "sizes", "units")
    return Units(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class VicinityTexts(LanguageTexts):
    """Training texts of a language, in units.

    Args:
        unit: ``word``, begun by a piece with U+2581 or as the ``words`` file says, or ``piece``.
    """

    def __init__(self, data: DataBin, language: str, classes: PieceClasses, unit: str = "word") -> None:
        super().__init__(data, language, "virtual sentences", "or leave the language out")
        self.classes, self.unit = classes, unit
        symbols = data.dictionary.symbols
        self.chars = np.array([len(symbol.replace(BOUNDARY, "")) for symbol in symbols], dtype=np.int64)
        self.chars[classes.special] = 1  # <unk> may be any character

    def units(self, field: int, rows: np.ndarray) -> Units:
        """Some rows of a field."""
        column = self.columns[field]
        pieces = column.sizes[rows] - 1  # without </s>
        ids = column.ids[spread(column.starts[rows], pieces)]
        if self.unit == "piece":
            return Units(ids, pieces, np.ones(len(ids), dtype=np.int64), pieces)
        if self.tagged is not None:
            counts = take_rows(self.tagged.counts, rows)
            return Units(ids, pieces, counts.flat.astype(np.int64), counts.row_sizes)
        begins = self.classes.starts[ids]
        begins[(np.cumsum(pieces) - pieces)[pieces > 0]] = True
        owner = np.repeat(np.arange(len(rows)), pieces)
        starts = np.flatnonzero(begins)
        return Units(ids, pieces, np.diff(np.append(starts, len(ids))), np.bincount(owner[starts], minlength=len(rows)))

    def eligible(self, units: Units, min_chars: int) -> np.ndarray:
        """Units of at least ``min_chars`` characters; single pieces must hold a letter or digit: (U,) bool."""
        if not len(units.ids):
            return np.zeros(0, dtype=bool)
        enough = np.add.reduceat(self.chars[units.ids], units.starts) >= min_chars
        return enough & self.classes.alnum[units.ids] if self.unit == "piece" else enough

    def share_below(self, minimum: int) -> float:
        """Share of the sentences that have fewer units."""
        short = 0
        for field in range(len(self.fields)):
            for start in range(0, len(self), _SCAN):
                rows = np.arange(start, min(start + _SCAN, len(self)))
                short += int((self.units(field, rows).units < minimum).sum())
        return short / (len(self) * len(self.fields))
