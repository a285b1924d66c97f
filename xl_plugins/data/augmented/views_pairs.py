"""Views of whole texts, pairs or single ones: nothing has to be aligned, every view is cut by itself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ...augment.primitives.base import Word
from ..binary.frame import OF_ONE
from ..training.pairs import PairPart, PairTexts, truncated_lengths
from ..training.units import UnitDataset
from .views import COPY, SECOND, SECOND_OF_COPY, Copies, Views, ViewTools, choose, count_words, flatten

_Words = Sequence[list[Word]]  # of both texts of a pair, or of a single one
_SECOND_TEXT = 16  # added to a view's number where the second text of a pair draws a language of its own


class PairViews(Views):
    """All texts of an example under the same augmentation; a view is an example of its own."""

    def __init__(self, tools: ViewTools, max_length: int) -> None:
        super().__init__(tools)
        self.max_length = max_length

    def rows(self, item: dict) -> int:
        return 1

    def copies(self, dataset: UnitDataset, epoch: int) -> Copies:
        copies = super().copies(dataset, epoch)
        if self.tools.augment == "mt" and self.tools.different_pair and self._pairs:
            texts = [part.target for part in self.translations.parts]
            assert copies.language is not None and copies.row is not None
            first = choose([text.first.sizes - 1 for text in texts], copies.language, copies.row)
            drawn = self.translations.draw(epoch, COPY + _SECOND_TEXT, copies.example)
            second = choose([text.second.sizes - 1 for text in texts], *drawn)
            of_two = self.translations.parts[0].target.frame.of_two
            first, second = truncated_lengths(first, second, self.max_length - of_two)
            copies.sizes = copies.tokens = first + second + of_two
        return copies

    def original(self, dataset: UnitDataset, index: int, epoch: int) -> dict[str, Any]:
        part, unit = dataset.locate(index)
        item = {"id": index, "language": part.language_index, **part.item(unit)}
        if self.tools.second == "mt":
            item["second"] = self._translated(part, unit, index, epoch, SECOND, item["target"])
        elif self.tools.second == "gn":
            item["second"] = item["target"]
        elif self.tools.second != "none":
            self._add_second(item, self._texts(part.target, unit), index, epoch, SECOND, part.target)
        return item

    def copy(self, dataset: UnitDataset, copies: Copies, index: int, epoch: int) -> dict[str, Any]:
        example = int(copies.example[index])
        part, unit = dataset.locate(example)
        item = {"id": len(dataset) + index, "language": part.language_index, "copy": True, **part.item(unit)}
        if self.tools.augment == "mt":
            assert copies.language is not None and copies.row is not None
            language, row = int(copies.language[index]), int(copies.row[index])
            texts = self.translations.parts[language].target
            item["language"] = self.translations.parts[language].language_index
            origin = self._translated_texts(language, row, example, epoch, COPY)
            item["target"] = self._encode(origin, texts)
        else:
            language, texts = -1, part.target
            origin = self._texts(texts, unit)
        first = origin
        if self.tools.augment in ("ss", "cs"):
            first = self._augment(self.tools.augment, origin, item, self.generator(epoch, example, COPY))
            item["target"] = self._encode(first, texts)
        if self.tools.second == "mt":
            same = item["target"] if self.tools.augment != "mt" else part.target.tokens(unit)
            item["second"] = self._translated(part, unit, example, epoch, SECOND_OF_COPY, same, language)
        elif self.tools.second != "none":
            base = [self.second_of(*each) for each in zip(first, origin)]
            self._add_second(item, base, example, epoch, SECOND_OF_COPY, texts)
        return item

    def collate(self, dataset: UnitDataset, items: list[dict], batch: dict) -> None:
        if self.tools.second != "none":
            batch["second"] = {"src_tokens": dataset.stack([item["second"] for item in items])}
        self.flags(items, batch)

    # -- texts as words --

    def _texts(self, texts: PairTexts, row: int) -> _Words:
        """Words of every text, not cut; where nobody asks for words, each text is one."""
        fields = [texts.first] if texts.second is None else [texts.first, texts.second]
        ids = [field[row][:-1].tolist() for field in fields]
        return [[tuple(text)] if self.tools.pieces is None else self.pieces.split(text) for text in ids]

    @property
    def _pairs(self) -> bool:
        """Whether translations are pairs."""
        return self.translations.parts[0].target.second is not None

    def _augment(self, name: str, texts: _Words, item: dict, rng: random.Random) -> _Words:
        made = [self.apply(name, words, rng) for words in texts]
        item["view_words"] = sum(map(count_words, texts, made), item.get("view_words", 0))
        return [one.words for one in made]

    def _add_second(self, item: dict, words: _Words, example: int, epoch: int, view: int, texts: PairTexts) -> None:
        if self.tools.second == "gn":
            item["second"] = item["target"]
            return
        made = self._augment(self.tools.second, words, item, self.generator(epoch, example, view))
        item["second"] = self._encode(made, texts)

    def _encode(self, words: _Words, texts: PairTexts) -> torch.Tensor:
        """Words to the ids of an example, the longest text cut first."""
        a, *rest = map(flatten, words)
        if not rest:
            return texts.frame.enclose_ids(a[: self.max_length - OF_ONE])
        (b,) = rest
        budget = self.max_length - texts.frame.of_two
        if len(a) + len(b) > budget:
            keep = truncated_lengths(np.array([len(a)]), np.array([len(b)]), budget)
            a, b = a[: int(keep[0][0])], b[: int(keep[1][0])]
        return texts.frame.enclose_ids(a, b)

    # -- translations --

    def _translated_texts(self, language: int, row: int, example: int, epoch: int, view: int) -> _Words:
        """Words of a translated example; with different languages the second text of a pair draws its own."""
        parts = self.translations.parts
        first, *second = self._texts(parts[language].target, row)
        if self.tools.different_pair and second:
            other, other_row = self.translations.draw_one(epoch, view + _SECOND_TEXT, example)
            second = [self._texts(parts[other].target, other_row)[1]]
        return [first, *second]

    def _translated(
        self, part: PairPart, unit: int, example: int, epoch: int, view: int, same: torch.Tensor, taken: int = -1
    ) -> torch.Tensor:
        """x' as a translation into a random language; ``same`` when there is none, or when it is the language that x
        already is in (released code: the source text then)."""
        language, row = self.translations.draw_one(epoch, view, example)
        if language < 0 or language == taken:
            return same
        return self._encode(self._translated_texts(language, row, example, epoch, view), part.target)
