"""The base of all data sets: languages one after the other, ordered by length, batched by fairseq.

A unit is what is predicted and scored as one: a pair, a sentence, a question. A row is one encoded sequence of a batch;
long sentences and contexts are several rows of one unit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from fairseq.data import Dictionary, FairseqDataset
from fairseq.data.data_utils import collate_tokens

from ...errors import UserError

BUCKET = 8  # lengths within one bucket are batched in random order, so padding stays below this many positions


class Part(Protocol):
    """One language of a split."""

    language: str
    language_index: int

    def __len__(self) -> int:
        """Number of units."""

    def check_rows(self) -> None:
        """UserError unless every source text corresponds to the target texts."""

    def sizes(self) -> tuple[np.ndarray, np.ndarray]:
        """Per unit: the longest row of any stream, by which batches are bucketed, and the tokens of all rows."""

    def item(self, unit: int) -> dict[str, Any]:
        """Tensors of one unit."""


P = TypeVar("P", bound=Part)


class BucketedDataset(FairseqDataset):
    """Sizes for fairseq's batches: ``sizes`` (N,), the longest row of each unit, and ``tokens_per_unit`` (N,)."""

    sizes: np.ndarray
    tokens_per_unit: np.ndarray
    shuffle: bool

    def __len__(self) -> int:
        return len(self.sizes)

    def num_tokens(self, index: int) -> int:
        return int(self.tokens_per_unit[index])

    def num_tokens_vec(self, indices: np.ndarray) -> np.ndarray:
        return self.tokens_per_unit[indices]

    def size(self, index: int) -> int:
        return int(self.sizes[index])

    def ordered_indices(self) -> np.ndarray:
        """Training: a random permutation, stably sorted by length bucket (fairseq seeds numpy with seed + epoch)."""
        if not self.shuffle:
            return np.argsort(self.sizes, kind="stable")
        order = np.random.permutation(len(self))
        return order[np.argsort(self.sizes[order] // BUCKET, kind="stable")]

    @property
    def can_reuse_epoch_itr_across_epochs(self) -> bool:
        return not self.shuffle  # training batches are composed anew every epoch


class UnitDataset(BucketedDataset, ABC, Generic[P]):
    """Concatenation of languages, in random order with lengths bucketed (training) or sorted by length (evaluation).

    A unit's id is its position in the concatenation, so it does not depend on batches, workers or ranks. Every batch
    has ``id`` (R,) the unit of each row, ``unit`` (U,) the units in order, ``language`` (R,) and ``unit_language``
    (U,), ``net_input.src_tokens`` (R, T), ``nsentences`` (the rows, by which losses are averaged) and ``ntokens``.
    """

    def __init__(self, parts: Sequence[P], dictionary: Dictionary, shuffle: bool) -> None:
        super().__init__()
        if not parts or not sum(len(part) for part in parts):
            raise UserError(
                "no examples: the data folder has no rows for the languages asked for; check --train-languages"
            )
        for part in parts:
            part.check_rows()
        self.parts = list(parts)
        self.dictionary = dictionary
        self.shuffle = shuffle
        self.offsets = np.cumsum([0] + [len(part) for part in self.parts])
        columns = [part.sizes() for part in self.parts]
        self.sizes = np.concatenate([sizes for sizes, _ in columns])
        self.tokens_per_unit = np.concatenate([tokens for _, tokens in columns])

    def locate(self, index: int) -> tuple[P, int]:
        """Language and row (from 0) of an example id."""
        part = int(np.searchsorted(self.offsets, index, side="right")) - 1
        return self.parts[part], int(index - self.offsets[part])

    def describe(self, ids: Sequence[int]) -> str:
        """``de:17, fr:3`` (rows from 1) for messages."""
        places = []
        for part, row in (self.locate(int(i)) for i in ids):
            rows = getattr(part, "rows", None)
            places.append(f"{part.language}:{(row if rows is None else int(rows[row])) + 1}")
        return ", ".join(places)

    def __getitem__(self, index: int) -> dict:
        part, unit = self.locate(int(index))
        return {"id": int(index), "language": part.language_index, **part.item(unit)}

    @abstractmethod
    def collater(self, items: list[dict]) -> dict:
        """A batch, empty for no items."""

    def stack(self, rows: Sequence[torch.Tensor], pad: int | None = None) -> torch.Tensor:
        """Rows of different lengths to (R, T), padded on the right."""
        return collate_tokens(list(rows), self.dictionary.pad() if pad is None else pad)

    def frame(self, items: list[dict], rows: Sequence[int], src_tokens: torch.Tensor) -> dict:
        """The keys that every batch has; ``rows``: number of rows of each item."""
        repeats = torch.tensor(rows)
        ids = torch.tensor([item["id"] for item in items])
        languages = torch.tensor([item["language"] for item in items])
        return {
            "id": ids.repeat_interleave(repeats),
            "unit": ids,
            "language": languages.repeat_interleave(repeats),
            "unit_language": languages,
            "net_input": {"src_tokens": src_tokens},
            "nsentences": sum(rows),
            "ntokens": int(src_tokens.ne(self.dictionary.pad()).sum()),
        }
