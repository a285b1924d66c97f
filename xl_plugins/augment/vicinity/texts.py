"""The sentences of a language, cut into the slots that are masked: words or single pieces."""

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
class Slots:
    """Sentences one after the other: ``ids`` of their pieces without ``</s>``, ``pieces`` and ``counts``, pieces and
    slots of each sentence (N,), and ``sizes``, the pieces of each slot."""

    ids: np.ndarray
    pieces: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """First piece of every slot."""
        return np.cumsum(self.sizes) - self.sizes

    @cached_property
    def first(self) -> np.ndarray:
        """First slot of every sentence, and one more: (N + 1,)."""
        return np.concatenate([[0], np.cumsum(self.counts)])

    def __len__(self) -> int:
        return len(self.counts)


def join(parts: list[Slots]) -> Slots:
    """The sentences of all parts one after the other."""
    names = ("ids", "pieces", "sizes", "counts")
    return Slots(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class VicinityTexts(LanguageTexts):
    """Training texts of a language, in slots.

    Args:
        slot: ``word``, begun by a piece with U+2581 or as the ``words`` file says, or ``piece``.
    """

    def __init__(self, data: DataBin, language: str, classes: PieceClasses, slot: str = "word") -> None:
        super().__init__(data, language, "virtual sentences", "or leave the language out")
        self.classes, self.slot = classes, slot
        symbols = data.dictionary.symbols
        self.chars = np.array([len(symbol.replace(BOUNDARY, "")) for symbol in symbols], dtype=np.int64)
        self.chars[classes.special] = 1  # <unk> may be any character

    def slots(self, field: int, rows: np.ndarray) -> Slots:
        """Some rows of a field."""
        column = self.columns[field]
        pieces = column.sizes[rows] - 1  # without </s>
        ids = column.ids[spread(column.starts[rows], pieces)]
        if self.slot == "piece":
            return Slots(ids, pieces, np.ones(len(ids), dtype=np.int64), pieces)
        if self.tagged is not None:
            counts = take_rows(self.tagged.counts, rows)
            return Slots(ids, pieces, counts.flat.astype(np.int64), counts.row_sizes)
        begins = self.classes.starts[ids]
        begins[(np.cumsum(pieces) - pieces)[pieces > 0]] = True
        owner = np.repeat(np.arange(len(rows)), pieces)
        starts = np.flatnonzero(begins)
        return Slots(ids, pieces, np.diff(np.append(starts, len(ids))), np.bincount(owner[starts], minlength=len(rows)))

    def eligible(self, slots: Slots, min_chars: int) -> np.ndarray:
        """Slots of at least ``min_chars`` characters; single pieces must hold a letter or digit: (U,) bool."""
        if not len(slots.ids):
            return np.zeros(0, dtype=bool)
        enough = np.add.reduceat(self.chars[slots.ids], slots.starts) >= min_chars
        return enough & self.classes.alnum[slots.ids] if self.slot == "piece" else enough

    def share_below(self, minimum: int) -> float:
        """Share of the sentences that have fewer slots."""
        short = 0
        for field in range(len(self.fields)):
            for start in range(0, len(self), _SCAN):
                rows = np.arange(start, min(start + _SCAN, len(self)))
                short += int((self.slots(field, rows).counts < minimum).sum())
        return short / (len(self) * len(self.fields))
