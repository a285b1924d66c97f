"""The training set D_A with its views, made anew every epoch (xTune, ACL 2021, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..training.units import BucketedDataset, UnitDataset
from .views import Copies, Views


class AugmentedDataset(BucketedDataset):
    """The examples of ``base`` and, with an augmentation A, their copies of the epoch, in random order.

    Ids below ``len(base)`` are the examples, those above the copies. Lengths, by which batches are made, are those of
    the plain text or of the translation: what an augmentation of words does to them is only known when it is drawn.
    """

    def __init__(self, base: UnitDataset, views: Views) -> None:
        super().__init__()
        self.base, self.views = base, views
        self.parts, self.dictionary, self.shuffle = base.parts, base.dictionary, base.shuffle
        self.set_epoch(1)

    def set_epoch(self, epoch: int) -> None:
        """Called by fairseq before an epoch's batches are made."""
        self.epoch = epoch
        self.copies = Copies(*(np.zeros(0, np.int64),) * 3)
        if self.views.tools.augment != "none":
            self.copies = self.views.copies(self.base, epoch)
        self.sizes = np.concatenate([self.base.sizes, self.copies.sizes])
        self.tokens_per_unit = np.concatenate([self.base.tokens_per_unit, self.copies.tokens])

    def __getitem__(self, index: int) -> dict[str, Any]:
        index = int(index)
        if index < len(self.base):
            return self.views.original(self.base, index, self.epoch)
        return self.views.copy(self.base, self.copies, index - len(self.base), self.epoch)

    def collater(self, items: list[dict]) -> dict:
        """A batch as ``base`` makes it of the first views, with

        ``augmented`` (R,) copies, ``second`` the same rows' second views (``src_tokens`` and what the problem needs to
        align them), ``noise`` (R,) rows with noise on their embeddings, ``view_words`` (3,): words that were open to
        augmentation, selected, changed.
        """
        if not items:
            return {}
        batch = self.base.collater(items)
        self.views.collate(self.base, items, batch)
        return batch

    def describe(self, ids: Sequence[int]) -> str:
        """``en:17, en:3 (copy)`` for messages."""
        found = []
        for index in map(int, ids):
            copy = index >= len(self.base)
            unit = self.views.unit_of(self.base, self.copies, index - len(self.base)) if copy else index
            found.append(self.base.describe([unit]) + (" (copy)" if copy else ""))
        return ", ".join(found)
