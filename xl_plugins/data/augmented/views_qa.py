"""Views of questions: the context is augmented, the question is the same in both (xTune, ACL 2021, section 3.2 and the
released code).

Windows are cut on x. A window of x' holds the words of that window of x: the same pieces of unchanged words, all
pieces of changed ones. Unchanged pieces and ``<s>`` are aligned; a consistency loss lumps the other positions together.

A copy has the windows of its plain text, each from the same word on, since how many it needs is only known when it is
drawn: what a longer copy pushes out of the last window is not seen in that epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch

from ...augment.primitives.base import Word
from ..binary.frame import Frame
from ..training.qa import QAPart
from ..training.questions import FIRST, LAST, Questions
from ..training.units import UnitDataset
from .views import COPY, SECOND, SECOND_OF_COPY, Copies, Views, ViewTools, count_words

NOWHERE = -1  # padding of aligned positions


@dataclass
class Context:
    """Words of a context, which of them hold the answer [first, last], and whether the answer begins or ends inside a
    word; ``start`` and ``stop``: the answer's first and last piece, counted from the beginning of these words
    (-1: there is none, and ``first`` is behind ``last``)."""

    words: list[Word]
    first: int
    last: int
    start: int
    stop: int
    inside: bool

    def protected(self, everything: bool) -> range | tuple[int, int]:
        """Words that no augmentation may touch: the answer's outer ones, or all of it."""
        return range(self.first, self.last + 1) if everything or self.inside else (self.first, self.last)


class QAViews(Views):
    """Views of training windows; a unit is a window."""

    def __init__(self, tools: ViewTools, max_length: int) -> None:
        super().__init__(tools)
        self.max_length = max_length

    # -- units --

    def copies(self, dataset: UnitDataset, epoch: int) -> Copies:
        """One copy of every window; of translations, all windows of the translation of every question."""
        if self.tools.augment != "mt":
            return super().copies(dataset, epoch)
        (part,) = dataset.parts
        translations = self.translations
        language, row = translations.draw(epoch, COPY, np.arange(len(part.target)))
        found = np.flatnonzero(language >= 0)
        counts = np.zeros(len(language), np.int64)
        for number, other in enumerate(translations.parts):
            mine = language == number
            counts[mine] = other.target.window_counts[row[mine]]
        question = np.repeat(found, counts[found])
        ends = np.cumsum(counts[found])
        number = np.arange(len(question)) - np.repeat(ends - counts[found], counts[found])
        sizes = np.zeros(len(question), np.int64)
        for which, other in enumerate(translations.parts):
            mine = language[question] == which
            sizes[mine] = other.target.longest()[row[question[mine]]]
        return Copies(question, sizes, sizes, language[question], row[question], number)

    def unit_of(self, dataset: UnitDataset, copies: Copies, index: int) -> int:
        """For translations the first window of the question."""
        example = super().unit_of(dataset, copies, index)
        return example if copies.number is None else int(np.searchsorted(dataset.parts[0].question, example))

    def original(self, dataset: UnitDataset, index: int, epoch: int) -> dict[str, Any]:
        part, unit = dataset.locate(index)
        ((question, number),) = part.rows(unit)
        item = {"id": index, "language": part.language_index, **part.item(unit)}
        example = index - unit + question
        self._add_views(item, part, question, number, example, epoch, None, SECOND)
        return item

    def copy(self, dataset: UnitDataset, copies: Copies, index: int, epoch: int) -> dict[str, Any]:
        example = int(copies.example[index])
        if copies.number is not None:
            assert copies.language is not None and copies.row is not None
            part = self.translations.parts[int(copies.language[index])]
            question, number = int(copies.row[index]), int(copies.number[index])
            unit = int(np.searchsorted(part.question, question)) + number
        else:
            part, unit = dataset.locate(example)
            ((question, number),) = part.rows(unit)
            example += question - unit  # all windows of a question see the same draws
        item = {"id": len(dataset) + index, "language": part.language_index, "copy": True, **part.item(unit)}
        first = COPY if self.tools.augment in ("ss", "cs") else None
        self._add_views(item, part, question, number, example, epoch, first, SECOND_OF_COPY)
        return item

    # -- views --

    def _add_views(
        self, item: dict, part: QAPart, question: int, number: int, example: int, epoch: int, first: int | None,
        second: int,
    ) -> None:  # fmt: skip
        """Replace x when ``first`` numbers a view of its own, and add x'."""
        texts, tools = part.target, self.tools
        of_words = tools.second in ("ss", "cs")
        if first is None and not of_words:
            if tools.second == "gn":
                self._same(item, texts, question)
            return
        origin = self._context(texts, question)
        x, begin = origin.words, texts.window(question, number)[0]
        item["view_words"] = 0
        if first is not None:
            protected = origin.protected(everything=tools.augment == "cs")
            made = self.apply(tools.augment, origin.words, self.generator(epoch, example, first), protected)
            item["view_words"] += count_words(origin.words, made)
            x, begin = made.words, _same_place(origin.words, made.words, begin)
        window = Window(self._question(texts, question), x, begin, self.max_length, texts.frame)
        if first is not None:
            item["rows"] = [window.tokens()]
            item["labels"] = [window.answer(origin)]
        if not of_words:
            if tools.second == "gn":
                self._same(item, texts, question)
            return
        base = self.second_of(x, origin.words)
        made = self.apply(tools.second, base, self.generator(epoch, example, second), origin.protected(False))
        item["view_words"] += count_words(base, made)
        changed = [old != new for old, new in zip(x, made.words)]
        if tools.by_selection:
            changed = [was or chosen for was, chosen in zip(changed, made.selected)]
        tokens, aligned, second_aligned = window.partner(made.words, changed)
        item["second"], item["aligned"], item["second_aligned"] = [tokens], [aligned], [second_aligned]

    def _same(self, item: dict, texts: Questions, question: int) -> None:
        """With noise as x' every context piece is unchanged."""
        begin = texts.context_begin(question)
        aligned = torch.tensor([0, *range(begin, len(item["rows"][0]) - 1)])
        item["second"], item["aligned"], item["second_aligned"] = item["rows"], [aligned], [aligned]

    def _question(self, texts: Questions, question: int) -> list[int]:
        return texts.questions[question][: int(texts.question_lengths[question])].tolist()

    def _context(self, texts: Questions, question: int) -> Context:
        words = self.pieces.split(texts.contexts[int(texts.paragraphs[question])][:-1].tolist())
        if int(texts.spans[question, FIRST]) < 0:
            return Context(words, 0, -1, -1, -1, inside=True)
        ends = list(accumulate(map(len, words)))
        start, stop = int(texts.spans[question, FIRST]), int(texts.spans[question, LAST])
        first, last = (int(np.searchsorted(ends, piece, side="right")) for piece in (start, stop))
        inside = start != ends[first] - len(words[first]) or stop != ends[last] - 1
        return Context(words, first, last, start, stop, inside)

    def collate(self, dataset: UnitDataset, items: list[dict], batch: dict) -> None:
        if self.tools.second != "none":
            batch["second"] = {"src_tokens": dataset.stack([row for item in items for row in item["second"]])}
            batch["second"]["aligned"] = dataset.stack(
                [row for item in items for row in item["second_aligned"]], pad=NOWHERE
            )
            batch["aligned"] = dataset.stack([row for item in items for row in item["aligned"]], pad=NOWHERE)
        self.flags(items, batch)


class Window:
    """The pieces of ``words`` from piece ``begin`` on that fit beside the question."""

    def __init__(self, question: list[int], words: list[Word], begin: int, max_length: int, frame: Frame) -> None:
        self.question, self.words, self.begin, self.frame = question, words, begin, frame
        self.offset = frame.second(len(question))  # position of the first context piece
        self.room = max_length - self.offset - 1
        self.starts = [0, *accumulate(map(len, words))]
        self.end = min(begin + self.room, self.starts[-1])

    def _enclose(self, pieces: list[int]) -> torch.Tensor:
        return self.frame.enclose_ids(self.question, pieces)

    def tokens(self) -> torch.Tensor:
        """Ids of x: (T,)."""
        return self._enclose([piece for word in self.words for piece in word][self.begin : self.end])

    def answer(self, origin: Context) -> tuple[int, int]:
        """Positions of the answer, whose outer words are those of ``origin``; (0, 0) when it is not in the window."""
        if origin.start < 0:
            return 0, 0
        before = [0, *accumulate(map(len, origin.words))]
        first = origin.start - before[origin.first] + self.starts[origin.first]
        last = origin.stop - before[origin.last] + self.starts[origin.last]
        if first < self.begin or last >= self.end:
            return 0, 0
        return first - self.begin + self.offset, last - self.begin + self.offset

    def partner(self, words: list[Word], changed: list[bool]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Ids of x' (T',) and the aligned positions in x and in x', both (U,), ``<s>`` first.

        Raises AssertionError when aligned pieces differ, which would be a fault of this package.
        """
        pieces: list[int] = []
        aligned, partner = [0], [0]
        number = int(np.searchsorted(self.starts, self.begin, side="right")) - 1
        while number < len(words) and self.starts[number] < self.end and len(pieces) < self.room:
            if changed[number]:
                pieces += words[number]
            else:
                start, stop = max(self.starts[number], self.begin), min(self.starts[number + 1], self.end)
                stop = min(stop, start + self.room - len(pieces))  # pieces of x beyond the cut lose their partner
                aligned += range(start - self.begin + self.offset, stop - self.begin + self.offset)
                partner += range(len(pieces) + self.offset, len(pieces) + self.offset + stop - start)
                shift = self.starts[number]
                pieces += words[number][start - shift : stop - shift]
            number += 1
        tokens = self._enclose(pieces[: self.room])
        result = tokens, torch.tensor(aligned), torch.tensor(partner)
        assert torch.equal(self.tokens()[result[1]], tokens[result[2]]), "aligned pieces of two views differ"
        return result


def _same_place(before: list[Word], after: list[Word], begin: int) -> int:
    """Where the word that holds piece ``begin`` of ``before`` starts in ``after``; the same offset in an unchanged
    word."""
    starts = [0, *accumulate(map(len, before))]
    number = int(np.searchsorted(starts, begin, side="right")) - 1
    place = sum(map(len, after[:number]))
    return place + (begin - starts[number] if before[number] == after[number] else 0)
