"""Questions and the paragraphs they ask about: windows over long contexts, answer spans, raw text.

A context that does not fit is covered by overlapping windows (BERT's reading of SQuAD, Devlin et al., NAACL 2019).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...errors import UserError
from ..binary.frame import Frame
from ..binary.layout import DataBin
from ..binary.rows import Rows, open_array

KEY, PARAGRAPH, FIRST, LAST = range(4)  # columns of spans/<split>.npy; characters follow


@dataclass(frozen=True)
class Windowing:
    """Lengths in pieces: of an encoded row, from one window's start to the next, and of the question."""

    max_length: int
    stride: int
    max_question: int


class Questions:
    """Questions and paragraphs of one language and split, or their translations into the source language."""

    frame: Frame

    def __init__(
        self, data: DataBin, language: str, split: str, windowing: Windowing, into_source: bool = False
    ) -> None:
        def prefix(field: str) -> str:
            return data.prefix(language, field, split, into_source)

        self.path, self.language, self.split = prefix("input0"), language, split
        self.questions = data.open_text(language, "input0", split, into_source)
        self.contexts = data.open_text(language, "input1", split, into_source)
        self.spans = open_array(prefix("spans") + ".npy", 6, np.int64)
        self.frame = data.frame
        self._where = (data, language, split, into_source)
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
        self.cut_windows(windowing)

    def cut_windows(self, windowing: Windowing) -> None:
        """Set each question's context pieces per window, pieces from start to start, and number of windows."""
        self.budgets = windowing.max_length - self.frame.of_two - self.question_lengths
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
        """Ids of one window, question and context."""
        start, length = self.window(question, number)
        text = self.questions[question][: self.question_lengths[question]]
        return self.frame.enclose(text, self.contexts[int(self.paragraphs[question])][start : start + length])

    def context_begin(self, question: int) -> int:
        """Position of a window's first context piece."""
        return self.frame.second(int(self.question_lengths[question]))

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
        contexts = np.minimum(self.budgets, self.context_lengths)
        return (contexts + self.question_lengths + self.frame.of_two).astype(np.int32)

    # -- raw text, opened when it is first read --

    def _rows(self, field: str, dtype: type) -> Rows:
        name = f"_{field}_rows"
        if name not in self.__dict__:
            data, language, split, into_source = self._where
            self.__dict__[name] = Rows(data.prefix(language, field, split, into_source), dtype)
        return self.__dict__[name]

    def check_raw(self) -> None:
        """UserError unless the raw text that scoring needs belongs to these questions and paragraphs."""
        answers, raw, offsets = (
            self._rows(*f) for f in (("answers", np.uint8), ("raw", np.uint8), ("offsets", np.int32))
        )
        for rows, wanted in ((answers, len(self)), (raw, len(self.contexts)), (offsets, len(self.contexts))):
            if len(rows) != wanted:
                raise UserError(f"{rows.prefix}.idx: {len(rows)} rows, expected {wanted}; run xl-prepare again")
        wrong = np.flatnonzero(offsets.row_sizes != 2 * (np.asarray(self.contexts.sizes, np.int64) - 1))
        if len(wrong):
            raise UserError(
                f"{offsets.prefix}.bin: row {int(wrong[0]) + 1} does not give two characters for every piece in"
                " input1; run xl-prepare again"
            )

    def record(self, question: int) -> dict[str, Any]:
        """``{"id", "question", "answers"}`` of a question."""
        rows = self._rows("answers", np.uint8)
        try:
            return json.loads(rows.text(question))
        except ValueError as error:
            raise UserError(
                f"{rows.prefix}.bin: row {question + 1} is not JSON ({error}); run xl-prepare again"
            ) from None

    def context(self, question: int) -> str:
        return self._rows("raw", np.uint8).text(int(self.paragraphs[question]))

    def offsets(self, question: int) -> np.ndarray:
        """Characters [start, end) of every context piece: (pieces, 2)."""
        return self._rows("offsets", np.int32)[int(self.paragraphs[question])].reshape(-1, 2)


def find(target: Questions, source: Questions) -> np.ndarray:
    """Rows of ``source`` with the ids of ``target``'s questions, -1 where an id is missing: (N,).

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
    if not len(keys):
        return np.full(len(wanted), -1)
    place = np.minimum(np.searchsorted(ordered, wanted), len(keys) - 1)
    return np.where(ordered[place] == wanted, order[place], -1)


def match(target: Questions, source: Questions) -> np.ndarray:
    """:func:`find`; UserError names an id that is missing."""
    rows = find(target, source)
    missing = np.flatnonzero(rows < 0)
    if len(missing):
        raise UserError(
            f"{target.path}: question '{target.record(int(missing[0]))['id']}' ({len(missing)} of {len(rows)}) is not"
            f" in {source.path}; the source needs the same question ids (or leave the language out)"
        )
    return rows
