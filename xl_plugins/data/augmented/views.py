"""Two views of a training example: x, and x' for consistency terms (xTune, Zheng et al., ACL 2021, section 3).

D_A holds every example and, with an augmentation A, one augmented copy of it (ratio 1). Views are made when an example
is read, from random numbers that are a pure function of (seed, epoch, example, view): neither workers nor ranks nor a
resume change them.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ...augment.primitives.base import Augmented, Word, WordAugmentation, generator
from ...augment.primitives.translation import Translations
from ...augment.primitives.words import WordPieces
from ..training.units import UnitDataset

COPY, SECOND, SECOND_OF_COPY = range(3)  # numbers of the views; the plain x needs no random numbers
OF_WORDS = ("ss", "cs")  # augmentations of words; gn acts on embeddings, mt takes another text
NO_WORDS = np.zeros(3, dtype=np.int64)


@dataclass(frozen=True)
class ViewTools:
    """The tools that views are made with.

    augment, second: names of A and A' (``none``, ``ss``, ``cs``, ``gn``, ``mt``); words: the augmentations of words by
    name; from_first: x' is made from x instead of the text that x was made from; different_pair: both texts of a pair
    may be translated into different languages; by_selection: question answering takes a chosen word for changed even
    when it came out the same.
    """

    augment: str
    second: str
    seed: int
    pieces: WordPieces | None = None
    words: Mapping[str, WordAugmentation] = field(default_factory=dict)
    translations: Translations | None = None
    from_first: bool = False
    different_pair: bool = False
    by_selection: bool = False


@dataclass
class Copies:
    """The augmented copies of an epoch: example number (unit, or question) and, for translations, which text of which
    language; ``number``: window. ``sizes``, ``tokens``: as :meth:`Part.sizes`."""

    example: np.ndarray
    sizes: np.ndarray
    tokens: np.ndarray
    language: np.ndarray | None = None
    row: np.ndarray | None = None
    number: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.example)


class Views(ABC):
    """Makes the views of one problem's examples. An item of :meth:`original` and :meth:`copy` is what the data set
    collates, of x, and with a second view the keys that :meth:`collate` reads."""

    def __init__(self, tools: ViewTools) -> None:
        self.tools = tools

    @abstractmethod
    def original(self, dataset: UnitDataset, index: int, epoch: int) -> dict[str, Any]:
        """An example of D."""

    @abstractmethod
    def copy(self, dataset: UnitDataset, copies: Copies, index: int, epoch: int) -> dict[str, Any]:
        """The augmented copy ``index`` of the epoch."""

    @abstractmethod
    def collate(self, dataset: UnitDataset, items: list[dict], batch: dict) -> None:
        """Add the second views of ``items`` to a batch of their first views."""

    def copies(self, dataset: UnitDataset, epoch: int) -> Copies:
        """One copy of every example; of translations, where the example has one."""
        if self.tools.augment != "mt":
            return Copies(np.arange(len(dataset)), dataset.sizes, dataset.tokens_per_unit)
        translations = self.translations
        language, row = translations.draw(epoch, COPY, np.arange(len(dataset)))
        kept = np.flatnonzero(language >= 0)
        language, row = language[kept], row[kept]
        columns = [part.sizes() for part in translations.parts]
        sizes, tokens = (choose([column[i] for column in columns], language, row) for i in range(2))
        return Copies(kept, sizes, tokens, language, row)

    # -- for subclasses --

    @property
    def translations(self) -> Translations:
        assert self.tools.translations is not None
        return self.tools.translations

    @property
    def pieces(self) -> WordPieces:
        assert self.tools.pieces is not None
        return self.tools.pieces

    def generator(self, epoch: int, example: int, view: int) -> random.Random:
        return generator(self.tools.seed, epoch, example, view)

    def apply(self, name: str, words: list[Word], rng: random.Random, protected: Collection[int] = ()) -> Augmented:
        """Words under an augmentation of words; under others they stay."""
        if name in OF_WORDS:
            return self.tools.words[name](words, rng, protected)
        return Augmented(words, [False] * len(words))

    def second_of(self, first: list[Word], origin: list[Word]) -> list[Word]:
        """The origin of x': the text x came from (released code), or x itself; with noise always x."""
        return first if self.tools.from_first or self.tools.second not in OF_WORDS else origin

    def unit_of(self, dataset: UnitDataset, copies: Copies, index: int) -> int:
        """The unit of D that copy ``index`` belongs to."""
        return int(copies.example[index])

    def rows(self, item: dict) -> int:
        """Rows of an item in the batch."""
        return len(item["rows"])

    def flags(self, items: list[dict], batch: dict) -> None:
        """Which rows are copies and which are noised, and the share of words that augmentations touched."""
        rows = torch.tensor([self.rows(item) for item in items])
        copied = torch.tensor([bool(item.get("copy")) for item in items]).repeat_interleave(rows)
        batch["augmented"] = copied
        if "gn" in (self.tools.augment, self.tools.second):
            batch["noise"] = copied & (self.tools.augment == "gn")
        if "second" in batch and "noise" in batch:
            batch["second"]["noise"] = torch.full_like(copied, self.tools.second == "gn")
        batch["view_words"] = torch.from_numpy(sum((item.get("view_words", NO_WORDS) for item in items), NO_WORDS))


def count_words(before: list[Word], after: Augmented) -> np.ndarray:
    """Words, words selected and words changed: (3,)."""
    changed = sum(old != new for old, new in zip(before, after.words))
    return np.array([len(before), sum(after.selected), changed], dtype=np.int64)


def flatten(words: list[Word]) -> list[int]:
    return [piece for word in words for piece in word]


def choose(columns: list[np.ndarray], language: np.ndarray, row: np.ndarray) -> np.ndarray:
    """``columns[language[i]][row[i]]``"""
    out = np.zeros(len(row), dtype=np.int64)
    for number, column in enumerate(columns):
        mine = language == number
        out[mine] = column[row[mine]]
    return out
