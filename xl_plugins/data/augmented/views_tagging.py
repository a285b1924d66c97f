"""Views of tagged sentences: word k of one view is word k of the other, however many pieces it has (xTune, ACL 2021,
released code)."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import torch

from ...augment.primitives.base import Word
from ..training.tagged_texts import PlainTexts, TaggedTexts
from ..training.tagging import TagPart
from ..training.units import UnitDataset
from .views import COPY, NO_WORDS, SECOND, SECOND_OF_COPY, Copies, Views, ViewTools, count_words

_Row = tuple[torch.Tensor, torch.Tensor]  # ids (T,), word numbers from 1 (T,)


class TagViews(Views):
    """A sentence keeps the rows (chunks) of its plain text; in each row both views hold the same words."""

    def __init__(self, tools: ViewTools, budget: int, soft: bool, labelled_translations: bool) -> None:
        super().__init__(tools)
        self.budget, self.soft, self.labelled_translations = budget, soft, labelled_translations

    def original(self, dataset: UnitDataset, index: int, epoch: int) -> dict[str, Any]:
        part, unit = dataset.locate(index)
        item = {"id": index, "language": part.language_index, **part.item(unit)}
        if self.tools.second in ("ss", "cs"):
            self._make(item, part.target, unit, index, epoch, (None, SECOND))
        elif self.tools.second == "gn":
            item["second"] = item["rows"]
        return item

    def copy(self, dataset: UnitDataset, copies: Copies, index: int, epoch: int) -> dict[str, Any]:
        example = int(copies.example[index])
        part, unit = dataset.locate(example)
        if self.tools.augment == "mt":
            assert copies.language is not None and copies.row is not None
            part, unit = self.translations.parts[int(copies.language[index])], int(copies.row[index])
        item = {"id": len(dataset) + index, "language": part.language_index, "copy": True, **part.item(unit)}
        if self.tools.augment == "mt" and not self.labelled_translations:
            self._forget_labels(item, part)
        first = COPY if self.tools.augment in ("ss", "cs") else None
        second = SECOND_OF_COPY if self.tools.second in ("ss", "cs") else None
        if first is not None or second is not None:
            self._make(item, part.target, unit, example, epoch, (first, second))
        if self.tools.second == "gn":
            item["second"] = item["rows"]
        return item

    def _forget_labels(self, item: dict, part: TagPart) -> None:
        item.pop("labels", None)
        if self.soft:
            item["soft"] = [torch.zeros(int(words[-2]), part.classes) for _, words in item["rows"]]

    def _make(
        self, item: dict, texts: TaggedTexts, sentence: int, example: int, epoch: int,
        views: tuple[int | None, int | None],
    ) -> None:  # fmt: skip
        """Replace the rows of ``item`` by those of x, and add x'; a view without a number is the plain text."""
        origin = words_of(texts, sentence)
        first, second = origin, origin
        counts = NO_WORDS
        if views[0] is not None:
            made = self.apply(self.tools.augment, origin, self.generator(epoch, example, views[0]))
            first, counts = made.words, counts + count_words(origin, made)
        if views[1] is not None:
            base = self.second_of(first, origin)
            made = self.apply(self.tools.second, base, self.generator(epoch, example, views[1]))
            second, counts = made.words, counts + count_words(base, made)
        item["view_words"] = counts
        rows = []
        for chunk, (start, stop) in enumerate(texts.chunks(sentence)):
            pair = (first[start:stop], second[start:stop] if views[1] is not None else first[start:stop])
            kept = words_that_fit(*pair, self.budget)
            rows.append(tuple(encode_words(words[:kept], texts, self.budget) for words in pair))
            for name in ("labels", "soft"):
                if name in item:
                    item[name][chunk] = item[name][chunk][:kept]
        item["rows"] = [row for row, _ in rows]
        if views[1] is not None:
            item["second"] = [row for _, row in rows]

    def collate(self, dataset: UnitDataset, items: list[dict], batch: dict) -> None:
        if self.tools.second != "none":
            rows = [row for item in items for row in item["second"]]
            batch["second"] = {
                "src_tokens": dataset.stack([tokens for tokens, _ in rows]),
                "words": dataset.stack([words for _, words in rows], pad=0),
            }
        self.flags(items, batch)


def words_of(texts: TaggedTexts, sentence: int) -> list[Word]:
    """The words of a sentence as their pieces."""
    pieces = texts.pieces[sentence][:-1].tolist()
    ends = list(accumulate(texts.counts[sentence].tolist()))
    return [tuple(pieces[start:end]) for start, end in zip([0, *ends], ends)]


def words_that_fit(first: list[Word], second: list[Word], budget: int) -> int:
    """How many words both views hold: up to the one with which either view reaches ``budget`` pieces (which is cut
    there, and keeps at least its first piece)."""
    totals = zip(accumulate(map(len, first)), accumulate(map(len, second)))
    full = (number for number, lengths in enumerate(totals, 1) if max(lengths) >= budget)
    return next(full, len(first))


def encode_words(words: list[Word], texts: PlainTexts, budget: int) -> _Row:
    """``<s> words </s>`` cut to ``budget`` pieces, and the word number of every position (0: none)."""
    pieces = [piece for word in words for piece in word][:budget]
    numbers = [number for number, word in enumerate(words, 1) for _ in word][:budget]
    return torch.tensor([texts.bos, *pieces, texts.eos]), torch.tensor([0, *numbers, 0])
