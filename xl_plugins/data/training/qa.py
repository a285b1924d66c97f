"""Questions as one fairseq dataset.

In training every window is a unit; in evaluation a question with all its windows is, so that answers, counters and
predictions are exact whatever the batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary

from ...errors import UserError
from .questions import KEY, Questions, match
from .units import UnitDataset


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
        back = self.back_translation
        if back is not None and len(back) != len(self.target):
            raise UserError(
                f"{back.path}.idx has {len(back)} rows, but {self.target.path}.idx has {len(self.target)}; row i of"
                " both must be the same question"
            )
        if back is not None and (differ := np.flatnonzero(back.spans[:, KEY] != self.target.spans[:, KEY])).size:
            raise UserError(
                f"{back.path}: row {int(differ[0]) + 1} has another question id than {self.target.path}; row i of both"
                " must be the same question"
            )
        if self.raw:
            self.target.check_raw()

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
