"""Questions with their contexts as one fairseq dataset: windows over long contexts, answer spans, raw text.

A context that does not fit is covered by overlapping windows (BERT's reading of SQuAD, Devlin et al., NAACL 2019). In
training every window is a unit; in evaluation a question with all its windows is, so that answers, counters and
predictions are exact whatever the batches.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary

from ..errors import UserError
from .layout import DataBin
from .rows import Rows, open_array
from .units import UnitDataset

SPECIALS = 4  # <s> question </s> </s> context </s>
KEY, PARAGRAPH, FIRST, LAST = range(4)  # columns of spans/<split>.npy; characters follow


@dataclass(frozen=True)
class Windowing:
    """Lengths in pieces: of an encoded row, from one window's start to the next, and of the question."""

    max_length: int
    stride: int
    max_question: int


class Questions:
    """Questions and paragraphs of one language, split and view."""

    def __init__(self, data: DataBin, language: str, split: str, windowing: Windowing, view: bool = False) -> None:
        def prefix(field: str) -> str:
            return data.prefix(language, field, split, view)

        self.path, self.language, self.split = prefix("input0"), language, split
        self.questions = data.open_text(language, "input0", split, view)
        self.contexts = data.open_text(language, "input1", split, view)
        self.spans = open_array(prefix("spans") + ".npy", 6, np.int64)
        self.bos, self.eos = data.dictionary.bos(), data.dictionary.eos()
        self._where = (data, language, split, view)
        if len(self.spans) != len(self.questions):
            raise UserError(
                f"{prefix('spans')}.npy: {len(self.spans)} rows for {len(self.questions)} questions; prepare them again"
            )
        context_sizes = np.asarray(self.contexts.sizes, np.int64) - 1
        self.paragraphs = np.array(self.spans[:, PARAGRAPH])
        if len(self) and (self.paragraphs.min() < 0 or self.paragraphs.max() >= len(context_sizes)):
            raise UserError(f"{prefix('spans')}.npy: names a paragraph that input1 does not have; run xl-prepare again")
        self.context_lengths = context_sizes[self.paragraphs]
        self.question_lengths = np.minimum(np.asarray(self.questions.sizes, np.int64) - 1, windowing.max_question)
        empty = np.flatnonzero((self.context_lengths < 1) | (self.question_lengths < 1))
        if len(empty):
            raise UserError(f"{self.path}.bin: row {int(empty[0]) + 1} has an empty question or context; remove it")
        last = np.array(self.spans[:, LAST])
        outside = np.flatnonzero((last >= self.context_lengths) | (np.array(self.spans[:, FIRST]) > last))
        if len(outside):
            row = int(outside[0])
            raise UserError(
                f"{prefix('spans')}.npy: row {row + 1}: the answer's pieces {self.spans[row, FIRST]} to {last[row]} do"
                f" not lie in the context of {self.context_lengths[row]} pieces; run xl-prepare again"
            )
        self.budgets = windowing.max_length - SPECIALS - self.question_lengths
        self.steps = np.minimum(windowing.stride, self.budgets)
        beyond = np.maximum(self.context_lengths - self.budgets, 0)
        self.window_counts = (1 + -(-beyond // self.steps)).astype(np.int64)

    def __len__(self) -> int:
        return len(self.questions)

    def window(self, question: int, number: int) -> tuple[int, int]:
        """First context piece of a window and its number of pieces; ``number`` is clamped to the last window."""
        start = min(number, int(self.window_counts[question]) - 1) * int(self.steps[question])
        return start, min(int(self.budgets[question]), int(self.context_lengths[question]) - start)

    def tokens(self, question: int, number: int) -> torch.Tensor:
        """Ids of one window: ``<s> question </s> </s> context </s>``."""
        start, length = self.window(question, number)
        text = self.questions[question][: self.question_lengths[question]]
        context = self.contexts[int(self.paragraphs[question])][start : start + length]
        special = text.new_tensor([self.bos, self.eos])
        return torch.cat([special[:1], text, special[1:], special[1:], context, special[1:]])

    def context_begin(self, question: int) -> int:
        """Position of a window's first context piece."""
        return int(self.question_lengths[question]) + SPECIALS - 1

    def positions(self, question: int, number: int) -> tuple[int, int]:
        """Positions of the answer's first and last piece in a window; (0, 0) when it does not lie inside."""
        start, length = self.window(question, number)
        first, last = int(self.spans[question, FIRST]), int(self.spans[question, LAST])
        if first < start or last >= start + length:
            return 0, 0
        shift = self.context_begin(question) - start
        return first + shift, last + shift

    def longest(self) -> np.ndarray:
        """Positions of the longest window of each question."""
        return (np.minimum(self.budgets, self.context_lengths) + self.question_lengths + SPECIALS).astype(np.int32)

    # -- raw text, opened when it is first read --

    def _rows(self, field: str, dtype: type) -> Rows:
        name = f"_{field}_rows"
        if name not in self.__dict__:
            data, language, split, view = self._where
            self.__dict__[name] = Rows(data.prefix(language, field, split, view), dtype)
        return self.__dict__[name]

    def record(self, question: int) -> dict[str, Any]:
        """``{"id", "question", "answers"}`` of a question."""
        return json.loads(self._rows("answers", np.uint8).text(question))

    def context(self, question: int) -> str:
        return self._rows("raw", np.uint8).text(int(self.paragraphs[question]))

    def offsets(self, question: int) -> np.ndarray:
        """Characters [start, end) of every context piece: (pieces, 2)."""
        return self._rows("offsets", np.int32)[int(self.paragraphs[question])].reshape(-1, 2)


def match(target: Questions, source: Questions) -> np.ndarray:
    """Rows of ``source`` with the ids of ``target``'s questions: (N,); UserError names an id that is missing.

    Ids may repeat (TyDiQA has such) when both hold the same questions in the same order.
    """
    keys, wanted = np.array(source.spans[:, KEY]), np.array(target.spans[:, KEY])
    if np.array_equal(keys, wanted):
        return np.arange(len(wanted))
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    repeated = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(repeated):
        raise UserError(
            f"{source.path}: question id '{source.record(int(order[repeated[0]]))['id']}' occurs more than once, so"
            f" {target.path} can only be paired with it when both have the same questions in the same order"
        )
    place = np.minimum(np.searchsorted(ordered, wanted), max(len(keys) - 1, 0))
    found = ordered[place] == wanted if len(keys) else np.zeros(len(wanted), bool)
    if not found.all():
        row = int(np.flatnonzero(~found)[0])
        raise UserError(
            f"{target.path}: question '{target.record(row)['id']}' ({int((~found).sum())} of {len(wanted)}) is not in"
            f" {source.path}; the source needs the same question ids (or leave the language out)"
        )
    return order[place]


@dataclass
class QAPart:
    """One language of a split. ``source_rows`` (N,): question of ``source`` that belongs to each of the target's."""

    language: str
    language_index: int
    target: Questions
    windows: bool  # every window is a unit (training)
    raw: bool  # carry the text that scoring needs
    source_window: str = "first"
    source: Questions | None = None
    source_rows: np.ndarray | None = None
    back_translation: Questions | None = None

    def __post_init__(self) -> None:
        counts = self.target.window_counts
        self.question = np.repeat(np.arange(len(counts)), counts) if self.windows else np.arange(len(counts))
        starts = np.cumsum(counts) - counts
        self.number = np.arange(int(counts.sum())) - np.repeat(starts, counts) if self.windows else None

    def __len__(self) -> int:
        return len(self.question)

    def check_rows(self) -> None:
        if self.source is not None and self.source_rows is None:
            self.source_rows = match(self.target, self.source)
        if self.back_translation is not None and len(self.back_translation) != len(self.target):
            raise UserError(
                f"{self.back_translation.path}.idx has {len(self.back_translation)} rows, but {self.target.path}.idx"
                f" has {len(self.target)}; row i of both must be the same question"
            )

    def sizes(self) -> tuple[np.ndarray, np.ndarray]:
        target = self.target.longest()
        gold = np.zeros(len(self.target), np.int32)
        if self.source is not None and self.source_rows is not None:
            gold = self.source.longest()[self.source_rows]
        back = gold if self.back_translation is None else np.maximum(gold, self.back_translation.longest())
        rows = 1 if self.windows else self.target.window_counts
        return np.maximum(target, gold)[self.question], ((target + back) * rows).astype(np.int64)[self.question]

    def rows(self, unit: int) -> list[tuple[int, int]]:
        """(question, window) of the rows of a unit."""
        question = int(self.question[unit])
        if self.number is not None:
            return [(question, int(self.number[unit]))]
        return [(question, number) for number in range(int(self.target.window_counts[question]))]

    def item(self, unit: int) -> dict[str, Any]:
        rows = self.rows(unit)
        item: dict[str, Any] = {
            "rows": [self.target.tokens(*row) for row in rows],
            "windows": [
                (self.target.context_begin(q), *self.target.window(q, number), int(self.target.context_lengths[q]))
                for q, number in rows
            ],
            "labels": [self.target.positions(*row) for row in rows],
        }
        question = rows[0][0]
        if self.raw:
            record = self.target.record(question)
            item["raw"] = (self.target.context(question), self.target.offsets(question), record["answers"])
        if self.source is not None and self.source_rows is not None:
            pairs = [(int(self.source_rows[q]), self._source_number(number)) for q, number in rows]
            item["source"] = [self.source.tokens(*pair) for pair in pairs]
            item["source_labels"] = [self.source.positions(*pair) for pair in pairs]
        if self.back_translation is not None:
            item["back_translation"] = [self.back_translation.tokens(q, self._source_number(n)) for q, n in rows]
        return item

    def _source_number(self, number: int) -> int:
        return number if self.source_window == "aligned" else 0


class QADataset(UnitDataset[QAPart]):
    """Questions; a batch of R windows adds

    ``target`` (R, 2) positions of the answer's first and last piece (0: not in the window), ``window`` (R, 4):
    position of the first context piece, its number in the context, pieces of the window, pieces of the context;
    ``raw``: context, character offsets and gold answers of every unit; and where the parts have them ``source`` (R, S),
    ``source_target`` (R, 2), ``back_translation`` (R, S').
    """

    def __init__(self, parts: Sequence[QAPart], dictionary: Dictionary, shuffle: bool) -> None:
        super().__init__(parts, dictionary, shuffle)

    def describe(self, ids: Sequence[int]) -> str:
        places = (self.locate(int(i)) for i in ids)
        return ", ".join(f"{part.language}:{part.target.record(part.rows(unit)[0][0])['id']}" for part, unit in places)

    def collater(self, items: list[dict]) -> dict:
        if not items:
            return {}
        rows = [row for item in items for row in item["rows"]]
        batch = self.frame(items, [len(item["rows"]) for item in items], self.stack(rows))
        batch["target"] = torch.tensor([label for item in items for label in item["labels"]])
        batch["window"] = torch.tensor([window for item in items for window in item["windows"]])
        for field in ("source", "back_translation"):
            if field in items[0]:
                batch[field] = self.stack([row for item in items for row in item[field]])
        if "source_labels" in items[0]:
            batch["source_target"] = torch.tensor([label for item in items for label in item["source_labels"]])
        if "raw" in items[0]:
            batch["raw"] = [item["raw"] for item in items]
        return batch
