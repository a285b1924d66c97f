"""Binarised sentences as flat arrays: the different ones among them, and padded batches of encoder input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import MMapIndexedDataset
from torch import Tensor

from .binary import mapped


@dataclass
class Sentences:
    """Encoded sentences: piece ids of all of them (each ended by ``</s>``), where each starts, and its length.

    ``owner``: what keeps the mapped file open; fairseq's data set unmaps it when it goes.
    """

    ids: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    owner: Any = None

    @classmethod
    def of(cls, texts: MMapIndexedDataset) -> Sentences:
        """A binarised file, mapped into memory."""
        return cls(mapped.elements(texts), mapped.starts(texts), np.array(texts.sizes, dtype=np.int64), texts)

    def __len__(self) -> int:
        return len(self.sizes)

    def take(self, rows: np.ndarray) -> Sentences:
        return Sentences(self.ids, self.starts[rows], self.sizes[rows], self.owner)

    def distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """First row of every different sentence (U,), and which of these each row is (N,)."""
        seen: dict[bytes, int] = {}
        first: list[int] = []
        which = np.empty(len(self), dtype=np.int64)
        for row, (start, size) in enumerate(zip(self.starts.tolist(), self.sizes.tolist())):
            number = seen.setdefault(self.ids[start : start + size].tobytes(), len(first))
            if number == len(first):
                first.append(row)
            which[row] = number
        return np.array(first, dtype=np.int64), which

    def tokens(self, dictionary: Dictionary, max_length: int) -> Tensor:
        """``<s> a </s>`` padded (N, T); a sentence above ``max_length`` positions loses pieces at its end."""
        lengths = np.minimum(self.sizes + 1, max_length)
        places = np.arange(int(lengths.max()) - 1)
        inside = places[None] < lengths[:, None] - 1
        flat = np.where(inside, self.starts[:, None] + places[None], self.starts[:, None])
        tokens = np.full((len(lengths), len(places) + 1), dictionary.pad(), dtype=np.int64)
        tokens[:, 0] = dictionary.bos()
        tokens[:, 1:] = np.where(inside, self.ids[flat], dictionary.pad())
        tokens[np.arange(len(lengths)), lengths - 1] = dictionary.eos()
        return torch.from_numpy(tokens)


def distinct_texts(columns: Sequence[Sentences]) -> tuple[Sentences, list[np.ndarray]]:
    """The different sentences of several files in order of their first appearance, copied into memory, and which of
    them each row of each file is: U sentences, (N,) int64 per file."""
    seen: dict[bytes, int] = {}
    which: list[np.ndarray] = []
    kept: list[bytes] = []
    for column in columns:
        numbers = np.empty(len(column), dtype=np.int64)
        for row, (start, size) in enumerate(zip(column.starts.tolist(), column.sizes.tolist())):
            text = column.ids[start : start + size].tobytes()
            number = seen.setdefault(text, len(seen))
            if number == len(kept):
                kept.append(text)
            numbers[row] = number
        which.append(numbers)
    dtype = columns[0].ids.dtype
    sizes = np.fromiter((len(text) // dtype.itemsize for text in kept), dtype=np.int64, count=len(kept))
    ids = np.frombuffer(b"".join(kept), dtype=dtype)
    return Sentences(ids, np.cumsum(sizes) - sizes, sizes), which


def length_batches(lengths: np.ndarray, max_tokens: int) -> Iterator[np.ndarray]:
    """Rows of like length (N,), the longest first, at most ``max_tokens`` positions with padding (but at least one
    row)."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        count = max(1, max_tokens // int(lengths[order[start]]))
        yield order[start : start + count]
        start += count
