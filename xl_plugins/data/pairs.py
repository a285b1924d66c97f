"""Sentence pairs of many languages and views as one fairseq dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from fairseq.data import Dictionary, FairseqDataset
from fairseq.data.data_utils import collate_tokens

from ..errors import UserError
from .layout import DataBin

SPECIALS_PER_PAIR = 4  # <s> a </s> </s> b </s>
BUCKET = 8  # lengths within one bucket are batched in random order, so padding stays below this many positions


def truncated_lengths(first: np.ndarray, second: np.ndarray, max_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Pieces kept of each text so that a pair with its special tokens fits ``max_length``.

    The longer text loses pieces at its end first, on ties the second one: Hugging Face's rule "longest first".

    Args:
        first, second: piece counts without special tokens, (N,).
        max_length: positions of an encoded pair, at least 6.
    """
    budget = max_length - SPECIALS_PER_PAIR
    half = budget // 2
    keep_first = np.where(second <= half, budget - second, budget - half)
    keep_second = np.where(first <= budget - half, budget - first, half)
    fits = first + second <= budget
    return np.where(fits, first, np.minimum(first, keep_first)), np.where(fits, second, np.minimum(second, keep_second))


class PairTexts:
    """Encoded text pairs of one language, split and view, truncated: ``<s> a </s> </s> b </s>``."""

    def __init__(self, data: DataBin, language: str, split: str, max_length: int, view: bool = False) -> None:
        self.path = data.prefix(language, "input0", split, view)
        self.first = data.open_text(language, "input0", split, view)
        self.second = data.open_text(language, "input1", split, view)
        if len(self.first) != len(self.second):
            raise UserError(
                f"{self.path}.idx: {len(self.first)} rows, but {len(self.second)} in input1; prepare the data again"
            )
        self.bos, self.eos = data.dictionary.bos(), data.dictionary.eos()
        first, second = np.asarray(self.first.sizes, np.int32) - 1, np.asarray(self.second.sizes, np.int32) - 1
        empty = np.flatnonzero((first < 1) | (second < 1))
        if len(empty):
            raise UserError(
                f"{self.path}.bin: row {int(empty[0]) + 1} has an empty text; remove the row from every language"
            )
        self.keep_first, self.keep_second = truncated_lengths(first, second, max_length)
        self.lengths = (self.keep_first + self.keep_second + SPECIALS_PER_PAIR).astype(np.int32)

    def __len__(self) -> int:
        return len(self.lengths)

    def tokens(self, row: int) -> torch.Tensor:
        """Piece ids of one pair: (T,) int64."""
        return encode_pair(
            self.first[row][: self.keep_first[row]], self.second[row][: self.keep_second[row]], self.bos, self.eos
        )


def encode_pair(first: torch.Tensor, second: torch.Tensor, bos: int, eos: int) -> torch.Tensor:
    """Join two texts without special tokens the way XLM-R was trained to see pairs: ``<s> a </s> </s> b </s>``."""
    return torch.cat([first.new_tensor([bos]), first, first.new_tensor([eos, eos]), second, second.new_tensor([eos])])


@dataclass
class PairPart:
    """One language of a split; ``source`` and ``back_translation`` are row-parallel texts in the source language."""

    language: str
    language_index: int
    target: PairTexts
    labels: np.ndarray
    source: PairTexts | None = None
    back_translation: PairTexts | None = None

    def check_rows(self) -> None:
        """Every view must have as many rows as the target text."""
        for texts in (self.source, self.back_translation):
            if texts is not None and len(texts) != len(self.target):
                raise UserError(
                    f"{texts.path}.idx has {len(texts)} rows, but {self.target.path}.idx has {len(self.target)}; "
                    "row i of both must be the same example"
                )
        if len(self.labels) != len(self.target):
            raise UserError(f"{self.target.path}.idx has {len(self.target)} rows, but {len(self.labels)} labels")


class PairDataset(FairseqDataset):
    """Concatenation of languages, in random order with lengths bucketed (training) or sorted by length (evaluation).

    An example's id is its position in the concatenation, so it does not depend on batches, workers or ranks.

    A batch is a dict with ``id`` (B,), ``language`` (B,), ``target`` labels (B,), ``net_input.src_tokens`` (B, T)
    and, where the parts have them, ``source`` (B, S) and ``back_translation`` (B, S').
    """

    def __init__(self, parts: Sequence[PairPart], dictionary: Dictionary, shuffle: bool) -> None:
        super().__init__()
        if not parts or not sum(len(p.target) for p in parts):
            raise UserError(
                "no examples: the data folder has no rows for the languages asked for; check --train-languages"
            )
        for part in parts:
            part.check_rows()
        self.parts = list(parts)
        self.dictionary = dictionary
        self.shuffle = shuffle
        self.offsets = np.cumsum([0] + [len(p.target) for p in self.parts])
        target = np.concatenate([p.target.lengths for p in self.parts])
        gold = self._lengths("source")
        back = self._lengths("back_translation")
        self.sizes = np.maximum(target, gold)  # what batches are bucketed by
        self.tokens_per_pair = target + np.maximum(gold, back)

    def _lengths(self, field: str) -> np.ndarray:
        columns = [getattr(p, field) for p in self.parts]
        return np.concatenate(
            [
                np.zeros(len(p.target), np.int32) if texts is None else texts.lengths
                for p, texts in zip(self.parts, columns)
            ]
        )

    def __len__(self) -> int:
        return int(self.offsets[-1])

    def locate(self, index: int) -> tuple[PairPart, int]:
        """Language and row (from 0) of an example id."""
        part = int(np.searchsorted(self.offsets, index, side="right")) - 1
        return self.parts[part], int(index - self.offsets[part])

    def describe(self, ids: Sequence[int]) -> str:
        """``de:17, fr:3`` (rows from 1) for messages."""
        places = (self.locate(int(i)) for i in ids)
        return ", ".join(f"{part.language}:{row + 1}" for part, row in places)

    def __getitem__(self, index: int) -> dict:
        part, row = self.locate(index)
        item = {
            "id": int(index),
            "language": part.language_index,
            "label": int(part.labels[row]),
            "target": part.target.tokens(row),
        }
        for field in ("source", "back_translation"):
            texts = getattr(part, field)
            if texts is not None:
                item[field] = texts.tokens(row)
        return item

    def collater(self, items: list[dict]) -> dict:
        if not items:
            return {}
        pad, eos = self.dictionary.pad(), self.dictionary.eos()

        def stack(field: str) -> torch.Tensor:
            return collate_tokens([item[field] for item in items], pad, eos)

        src_tokens = stack("target")
        batch = {
            "id": torch.tensor([item["id"] for item in items]),
            "language": torch.tensor([item["language"] for item in items]),
            "target": torch.tensor([item["label"] for item in items]),
            "net_input": {"src_tokens": src_tokens},
            "nsentences": len(items),
            "ntokens": int(src_tokens.ne(pad).sum()),
        }
        for field in ("source", "back_translation"):
            if field in items[0]:
                batch[field] = stack(field)
        return batch

    def num_tokens(self, index: int) -> int:
        return int(self.tokens_per_pair[index])

    def num_tokens_vec(self, indices: np.ndarray) -> np.ndarray:
        return self.tokens_per_pair[indices]

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
