"""Sentence pairs of many languages, and their source texts, as one fairseq dataset."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fairseq.data.indexed_dataset import MMapIndexedDataset

from ...errors import UserError
from ..binary.frame import OF_ONE, Frame
from ..binary.layout import DataBin
from ..binary.rows import Taken
from .units import UnitDataset

SOURCE_TEXTS = ("source", "back_translation")


def truncated_lengths(first: np.ndarray, second: np.ndarray, budget: int) -> tuple[np.ndarray, np.ndarray]:
    """Pieces kept of each text so that both together have at most ``budget``.

    The longer text loses pieces at its end first, on ties the second one: Hugging Face's rule "longest first".

    Args:
        first, second: piece counts without special tokens, (N,).
        budget: pieces, at least 2.
    """
    half = budget // 2
    keep_first = np.where(second <= half, budget - second, budget - half)
    keep_second = np.where(first <= budget - half, budget - first, half)
    fits = first + second <= budget
    return np.where(fits, first, np.minimum(first, keep_first)), np.where(fits, second, np.minimum(second, keep_second))


class PairTexts:
    """Encoded text pairs of one language and split, truncated, with the special symbols of ``frame``.

    In a folder of single texts ``second`` is None.
    """

    second: Any
    frame: Frame

    def __init__(self, data: DataBin, language: str, split: str, max_length: int, into_source: bool = False) -> None:
        self.path, self.split = data.prefix(language, "input0", split, into_source), split
        self.first = data.open_text(language, "input0", split, into_source)
        self.second = None if data.single_text else data.open_text(language, "input1", split, into_source)
        if self.second is not None and len(self.first) != len(self.second):
            raise UserError(
                f"{self.path}.idx: {len(self.first)} rows, but {len(self.second)} in input1; prepare the data again"
            )
        self.frame = data.frame
        empty = self._measure(max_length)
        if len(empty):
            raise UserError(
                f"{self.path}.bin: row {int(empty[0]) + 1} has an empty text; remove the row from every language"
            )

    def _measure(self, max_length: int) -> np.ndarray:
        """Set what is kept of each text and the lengths; returns the rows with a text without pieces."""
        first = np.asarray(self.first.sizes, np.int32) - 1
        if self.second is None:
            self.keep_first = np.minimum(first, max_length - OF_ONE)
            self.keep_second = np.zeros_like(first)
            self.lengths = (self.keep_first + OF_ONE).astype(np.int32)
            return np.flatnonzero(first < 1)
        second = np.asarray(self.second.sizes, np.int32) - 1
        self.keep_first, self.keep_second = truncated_lengths(first, second, max_length - self.frame.of_two)
        self.lengths = (self.keep_first + self.keep_second + self.frame.of_two).astype(np.int32)
        return np.flatnonzero((first < 1) | (second < 1))

    def __len__(self) -> int:
        return len(self.lengths)

    def tokens(self, row: int) -> torch.Tensor:
        """Piece ids of one pair: (T,) int64."""
        first = self.first[row][: self.keep_first[row]]
        return self.frame.enclose(first, None if self.second is None else self.second[row][: self.keep_second[row]])

    def with_pieces(self, first: MMapIndexedDataset, second: MMapIndexedDataset | None = None) -> PairTexts:
        """Other texts of the same lengths, cut in the same places."""
        other = copy.copy(self)
        other.first, other.second = first, second
        return other

    def take(self, rows: np.ndarray) -> PairTexts:
        """Some of the pairs, in the order of ``rows``."""
        other = copy.copy(self)
        other.first = Taken(self.first, rows)
        other.second = None if self.second is None else Taken(self.second, rows)
        for name in ("keep_first", "keep_second", "lengths"):
            setattr(other, name, getattr(self, name)[rows])
        return other

    def token_rows(self, row: int) -> list[torch.Tensor]:
        """Every encoded sequence of a pair: one."""
        return [self.tokens(row)]


@dataclass
class PairPart:
    """One language of a split; ``source`` and ``back_translation`` are row-parallel texts in the source language."""

    language: str
    language_index: int
    target: PairTexts
    labels: np.ndarray
    source: PairTexts | None = None
    back_translation: PairTexts | None = None
    rows: np.ndarray | None = None  # of the files, where only some are taken

    def __len__(self) -> int:
        return len(self.target)

    def sizes(self) -> tuple[np.ndarray, np.ndarray]:
        target, (gold, back) = self.target.lengths, (self._lengths(field) for field in SOURCE_TEXTS)
        return np.maximum(target, gold), target + np.maximum(gold, back)

    def _lengths(self, field: str) -> np.ndarray:
        texts = getattr(self, field)
        return np.zeros(len(self), np.int32) if texts is None else texts.lengths

    def item(self, unit: int) -> dict[str, Any]:
        texts = {"target": self.target, **{field: getattr(self, field) for field in SOURCE_TEXTS}}
        tokens = {field: text.tokens(unit) for field, text in texts.items() if text is not None}
        return {"label": int(self.labels[unit]), **tokens}

    def check_rows(self) -> None:
        """Every source text must have as many rows as the target text."""
        for texts in (self.source, self.back_translation):
            if texts is not None and len(texts) != len(self.target):
                raise UserError(
                    f"{texts.path}.idx has {len(texts)} rows, but {self.target.path}.idx has {len(self.target)}; "
                    "row i of both must be the same example"
                )
        if len(self.labels) != len(self.target):
            raise UserError(f"{self.target.path}.idx has {len(self.target)} rows, but {len(self.labels)} labels")


class PairDataset(UnitDataset[PairPart]):
    """Pairs; a batch adds ``target`` labels (B,) and, where the parts have them, ``source`` (B, S) and
    ``back_translation`` (B, S')."""

    def collater(self, items: list[dict]) -> dict:
        if not items:
            return {}
        batch = self.frame(items, [1] * len(items), self.stack([item["target"] for item in items]))
        batch["target"] = torch.tensor([item["label"] for item in items])
        for field in SOURCE_TEXTS:
            if field in items[0]:
                batch[field] = self.stack([item[field] for item in items])
        return batch
