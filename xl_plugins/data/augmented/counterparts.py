"""A training set of counterparts: every example once per language, with the text that takes part in its embeddings
(SALT, Wang et al., Findings of ACL 2023, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from fairseq.data.indexed_dataset import MMapIndexedDataset

from ...errors import UserError
from ..binary.mapped import elements
from ..training.units import BucketedDataset, UnitDataset

_STRETCH = 1 << 24  # ids compared at once


class CounterpartTexts(Protocol):
    """Counterparts of one language, encoded like the texts they belong to."""

    def token_rows(self, unit: int) -> list[torch.Tensor]:
        """Ids (T,) of every row of an example."""


class CounterpartDataset(BucketedDataset):
    """The examples of ``base`` once per entry of ``copies``, in random order.

    Example i in copy c has the id ``c * len(base) + i``. A copy of None is the original: its counterpart is itself.
    """

    def __init__(self, base: UnitDataset, copies: Sequence[tuple[str, CounterpartTexts | None]]) -> None:
        super().__init__()
        self.base, self.copies = base, list(copies)
        self.parts, self.dictionary, self.shuffle = base.parts, base.dictionary, base.shuffle
        self.sizes = np.tile(base.sizes, len(self.copies))
        self.tokens_per_unit = np.tile(base.tokens_per_unit, len(self.copies))

    def __getitem__(self, index: int) -> dict[str, Any]:
        copy, unit = divmod(int(index), len(self.base))
        texts = self.copies[copy][1]
        item = {**self.base[unit], "id": int(index)}
        return item if texts is None else {**item, "counterpart": texts.token_rows(unit)}

    def collater(self, items: list[dict]) -> dict:
        """A batch of ``base`` with ``counterpart`` (R, T), ids of the same shape as ``net_input.src_tokens``."""
        if not items:
            return {}
        batch = self.base.collater(items)
        tokens = batch["net_input"]["src_tokens"]
        counterpart = tokens.clone()
        start = 0
        for item in items:
            rows = item.get("counterpart")
            count = len(item["rows"]) if "rows" in item else 1
            for row, other in enumerate(rows or ()):
                counterpart[start + row, : len(other)] = other
            start += count
        batch["counterpart"] = counterpart
        return batch

    def describe(self, ids: Sequence[int]) -> str:
        """``en:17 (fr)`` for messages."""
        places = (divmod(int(index), len(self.base)) for index in ids)
        return ", ".join(f"{self.base.describe([unit])} ({self.copies[copy][0]})" for copy, unit in places)


def check_counterparts(
    original: MMapIndexedDataset, counterpart: MMapIndexedDataset, path: str, special: np.ndarray, name: str
) -> None:
    """Both files have the same rows and lengths, and the same special tokens in the same places.

    Args:
        special: (V,) bool over the ids of the dictionary; ``<unk>`` is one.
        name: how messages call the original file.
    """
    again = "make the counterparts again (xl-augment counterparts --overwrite)"
    if len(original) != len(counterpart):
        raise UserError(f"{path}.idx: {len(counterpart)} rows, but {name}.idx has {len(original)}; {again}")
    ours, theirs = np.asarray(original.sizes), np.asarray(counterpart.sizes)
    differs = np.flatnonzero(ours != theirs)
    if len(differs):
        row = int(differs[0])
        raise UserError(f"{path}.bin: row {row + 1} has {theirs[row] - 1} pieces, in {name} {ours[row] - 1}; {again}")
    for start in range(0, int(ours.sum(dtype=np.int64)), _STRETCH):
        left, right = _stretch(original, start), _stretch(counterpart, start)
        wrong = np.flatnonzero((special[left] | special[right]) & (left != right))
        if len(wrong):
            place = start + int(wrong[0])
            row = int(np.searchsorted(np.cumsum(ours, dtype=np.int64), place, side="right"))
            raise UserError(
                f"{path}.bin: row {row + 1} differs from {name} in a special token or brings in <unk>; {again}"
            )


def _stretch(file: MMapIndexedDataset, start: int) -> np.ndarray:
    total = int(np.sum(file.sizes, dtype=np.int64))
    return elements(file, start, min(_STRETCH, total - start))
