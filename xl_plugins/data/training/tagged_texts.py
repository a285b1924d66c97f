"""Sentences made of words: their pieces, chunks of long sentences, hard and soft labels."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import MMapIndexedDataset, dataset_exists

from ...errors import UserError
from ..binary.layout import DataBin
from ..binary.rows import Ragged, Rows, Taken, open_array, take_rows

SPECIALS = 2  # <s> a </s>
NSPECIAL = Dictionary().nspecial
_BLOCK = 1 << 16  # soft labels checked at once


class PlainTexts:
    """Sentences without words, the translation side of a pair: ``<s> a </s>``, in pieces of the length limit."""

    def __init__(self, data: DataBin, language: str, split: str, max_length: int, into_source: bool = False) -> None:
        self.path, self.split = data.prefix(language, "input0", split, into_source), split
        self.pieces = data.open_text(language, "input0", split, into_source)
        self.budget = max_length - SPECIALS
        self.bos, self.eos = data.dictionary.bos(), data.dictionary.eos()
        self.piece_counts = np.asarray(self.pieces.sizes, np.int64) - 1
        empty = np.flatnonzero(self.piece_counts < 1)
        if len(empty):
            raise UserError(
                f"{self.path}.bin: row {int(empty[0]) + 1} has an empty text; remove the row from every language"
            )

    def __len__(self) -> int:
        return len(self.piece_counts)

    @cached_property
    def lengths(self) -> np.ndarray:
        """Positions of the longest row of each sentence."""
        return (np.minimum(self.piece_counts, self.budget) + SPECIALS).astype(np.int32)

    def row(self, sentence: int, chunk: int = 0) -> torch.Tensor:
        """Ids of the ``chunk``-th stretch of a sentence, or of its last one: (T,)."""
        count = int(self.piece_counts[sentence])
        start = min(chunk, (count - 1) // self.budget) * self.budget
        return self.enclose(self.pieces[sentence][start : min(start + self.budget, count)])

    def enclose(self, pieces: torch.Tensor) -> torch.Tensor:
        return torch.cat([pieces.new_tensor([self.bos]), pieces, pieces.new_tensor([self.eos])])


@dataclass
class TaggedRow:
    """One encoded chunk: ids (T,), word numbers from 1 per position (T,), and the words [first, last) it holds.

    A word whose pieces were all cut off (``truncated`` only) is not among them.
    """

    tokens: torch.Tensor
    words: torch.Tensor
    first: int
    last: int


class TaggedTexts(PlainTexts):
    """Sentences made of words, with labels per word: hard ones, with ``soft`` soft ones, or none.

    A sentence above the length limit becomes several chunks, so that every word is tagged; with ``truncate`` it is cut
    at the limit instead, and words whose first piece is cut are left out (X-Mixup's training pairs, section 4.2). A
    single word longer than the limit keeps its first pieces.
    """

    def __init__(
        self, data: DataBin, language: str, split: str, max_length: int, truncate: bool = False, soft: bool = False,
        labelled: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(data, language, split, max_length)
        self.truncate = truncate
        counts = Rows(data.prefix(language, "words", split), np.uint16)  # pieces per word
        self._check_counts(counts)
        self.counts: Rows | Ragged = counts
        self.labels: Rows | Ragged | None = self._open_labels(data, language, split) if labelled else None
        self.soft = self._open_soft(data, language, split) if soft else None

    def _check_counts(self, counts: Rows) -> None:
        if len(counts) != len(self):
            raise UserError(
                f"{counts.prefix}.idx: {len(counts)} rows, but {self.path}.idx has {len(self)}; run xl-prepare again"
            )
        if not len(self):
            return
        ends = np.concatenate([[0], np.cumsum(counts.flat, dtype=np.int64)])[counts.starts]
        sums = np.diff(ends)
        wrong = np.flatnonzero((sums != self.piece_counts) | (counts.row_sizes == 0))
        if len(wrong) or int(counts.flat.min()) < 1:
            row = int(wrong[0]) if len(wrong) else 0
            raise UserError(
                f"{counts.prefix}.bin: row {row + 1} does not add up to the pieces in input0; run xl-prepare again"
            )

    def _open_labels(self, data: DataBin, language: str, split: str) -> Rows | None:
        """Label ids as fairseq-preprocess writes them, or None where there is no file."""
        prefix = data.prefix(language, "label", split)
        if not dataset_exists(prefix, "mmap"):
            return None
        labels = Rows(prefix)
        given, words = labels.row_sizes - 1, self.counts.row_sizes
        if len(given) != len(words) or (given != words).any():
            row = int((given != words).argmax()) if len(given) == len(words) else None
            where = "" if row is None else f" (row {row + 1}: {given[row]} labels, {words[row]} words)"
            raise UserError(
                f"{prefix}.idx: not one label for every word of {self.path}.idx{where}; run xl-prepare again"
            )
        ids = labels.flat[np.flatnonzero(labels.flat != data.dictionary.eos())]
        if len(ids) and (int(ids.min()) < NSPECIAL or int(ids.max()) >= NSPECIAL + len(data.labels)):
            raise UserError(
                f"{prefix}.bin: holds a label that is not in label/dict.txt ({', '.join(data.labels)}); run xl-prepare"
                " again"
            )
        return labels

    def _open_soft(self, data: DataBin, language: str, split: str) -> np.ndarray | None:
        path = data.prefix(language, "soft", split) + ".npy"
        if not Path(path).is_file():
            return None
        array = open_array(path, len(data.labels), np.float32)
        if len(array) != len(self.counts.flat):
            raise UserError(
                f"{path}: {len(array)} vectors for {len(self.counts.flat)} words; make the soft labels again"
                " (xl-augment soft-labels)"
            )
        _check_distributions(path, array)
        return array

    @property
    def word_counts(self) -> np.ndarray:
        return self.counts.row_sizes

    @cached_property
    def _long(self) -> dict[int, list[tuple[int, int]]]:
        """Chunks of the sentences above the limit, as word ranges."""
        rows = np.flatnonzero(self.piece_counts > self.budget)
        return {int(row): split_words(self.counts[row], self.budget) for row in rows}

    def chunks(self, sentence: int) -> list[tuple[int, int]]:
        """Word ranges [first, last) of the rows of a sentence."""
        if self.piece_counts[sentence] <= self.budget:
            return [(0, int(self.word_counts[sentence]))]
        if self.truncate:
            counts = np.asarray(self.counts[sentence], np.int64)
            return [(0, int(np.searchsorted(np.cumsum(counts) - counts, self.budget)))]
        return self._long[sentence]

    @cached_property
    def token_counts(self) -> np.ndarray:
        """Positions of all rows of each sentence together."""
        counts = (self.piece_counts + SPECIALS).astype(np.int32)
        for sentence in self._long:
            counts[sentence] = sum(len(row.tokens) for row in self.rows(sentence))
        return counts

    def rows(self, sentence: int) -> list[TaggedRow]:
        """The encoded chunks of a sentence."""
        pieces = self.pieces[sentence]
        counts = np.asarray(self.counts[sentence], np.int64)
        ends = np.cumsum(counts)
        rows = []
        for first, last in self.chunks(sentence):
            start = int(ends[first] - counts[first])
            stop = min(int(ends[last - 1]), start + self.budget, int(self.piece_counts[sentence]))
            kept = counts[first:last].copy()
            kept[-1] -= int(ends[last - 1]) - stop
            words = np.zeros(stop - start + SPECIALS, np.int64)
            words[1:-1] = np.repeat(np.arange(1, last - first + 1), kept)
            rows.append(TaggedRow(self.enclose(pieces[start:stop]), torch.from_numpy(words), first, last))
        return rows

    def with_pieces(self, pieces: MMapIndexedDataset) -> TaggedTexts:
        """Other sentences with as many pieces in every word, cut in the same places."""
        other = copy.copy(self)
        other.pieces = pieces
        return other

    def take(self, rows: np.ndarray) -> TaggedTexts:
        """Some of the sentences, in the order of ``rows``."""
        other = copy.copy(self)
        for cached in ("lengths", "_long", "token_counts"):
            other.__dict__.pop(cached, None)
        other.pieces = Taken(self.pieces, rows)
        other.piece_counts, other.counts = self.piece_counts[rows], take_rows(self.counts, rows)
        other.labels, other.soft = None if self.labels is None else take_rows(self.labels, rows), None
        return other

    def with_labels(self, labels: np.ndarray, sizes: np.ndarray) -> TaggedTexts:
        """The same sentences with other labels: (sum of ``sizes``,) from 0, ``sizes`` (N,) words of each."""
        if not np.array_equal(sizes, self.word_counts):
            raise ValueError("labels of other sentences")
        other = copy.copy(self)
        ends = np.cumsum(sizes)
        other.labels = Ragged(np.insert(labels + NSPECIAL, ends, self.eos), np.asarray(sizes) + 1)  # as in files
        return other

    def token_rows(self, sentence: int) -> list[torch.Tensor]:
        """Ids of every chunk of a sentence."""
        return [row.tokens for row in self.rows(sentence)]

    def hard(self, sentence: int) -> np.ndarray:
        """Label indices of all words of a sentence: (W,) int64."""
        assert self.labels is not None
        return self.labels[sentence][:-1].astype(np.int64) - NSPECIAL

    def vectors(self, sentence: int, classes: int) -> np.ndarray:
        """Soft labels (W, C) float32; one-hot where only hard ones exist."""
        if self.soft is None:
            return np.eye(classes, dtype=np.float32)[self.hard(sentence)]
        start, stop = self.counts.starts[sentence : sentence + 2]
        return np.array(self.soft[start:stop])


def _check_distributions(path: str, array: np.ndarray) -> None:
    """UserError unless every row of (W, C) is a distribution."""
    for start in range(0, len(array), _BLOCK):
        block = array[start : start + _BLOCK]
        bad = np.flatnonzero(~((np.abs(block.sum(axis=1) - 1) <= 1e-3) & (block >= 0).all(axis=1)))  # also not nan
        if len(bad):
            raise UserError(
                f"{path}: the vector of word {start + int(bad[0]) + 1} is no distribution (it sums to"
                f" {block[bad[0]].sum():.6g}); logits need a softmax first; make the soft labels again (xl-augment"
                " soft-labels)"
            )


def split_words(counts: np.ndarray, budget: int) -> list[tuple[int, int]]:
    """Word ranges [first, last) of chunks of at most ``budget`` pieces, filled from the left; ``counts``: pieces per
    word. A word above the budget is a chunk of its own."""
    ranges, first, total = [], 0, 0
    for number, count in enumerate(counts.tolist()):
        if total + count > budget and number > first:
            ranges.append((first, number))
            first, total = number, 0
        total += count
    return [*ranges, (first, len(counts))]
