"""Tagged sentences of many languages, and their source texts, as one fairseq dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary

from ...errors import UserError
from .tagged_texts import PlainTexts, TaggedTexts
from .units import UnitDataset

NO_LABEL = -100  # of words without a label and of padding; what torch's cross entropy ignores


@dataclass
class TagPart:
    """One language of a split; ``source`` and ``back_translation`` are row-parallel texts in the source language."""

    language: str
    language_index: int
    target: TaggedTexts
    classes: int
    soft: bool
    source: PlainTexts | None = None
    back_translation: PlainTexts | None = None
    rows: np.ndarray | None = None  # of the files, where only some are taken

    def __len__(self) -> int:
        return len(self.target)

    def check_rows(self) -> None:
        for texts in (self.source, self.back_translation):
            if texts is not None and len(texts) != len(self.target):
                raise UserError(
                    f"{texts.path}.idx has {len(texts)} rows, but {self.target.path}.idx has {len(self.target)}; "
                    "row i of both must be the same sentence"
                )

    def sizes(self) -> tuple[np.ndarray, np.ndarray]:
        sources = [texts.lengths for texts in (self.source, self.back_translation) if texts is not None]
        longest = np.maximum.reduce([self.target.lengths, *sources[:1]])
        others = np.maximum.reduce(sources) if sources else np.zeros(len(self), np.int32)
        target = self.target.lengths if self.target.truncate else self.target.token_counts
        return longest, target + others

    def item(self, unit: int) -> dict[str, Any]:
        rows = self.target.rows(unit)
        item: dict[str, Any] = {"rows": [(row.tokens, row.words) for row in rows]}
        if self.target.labels is not None:
            hard = torch.from_numpy(self.target.hard(unit))
            item["labels"] = [hard[row.first : row.last] for row in rows]
        if self.soft:
            vectors = torch.from_numpy(self.target.vectors(unit, self.classes))
            item["soft"] = [vectors[row.first : row.last] for row in rows]
        if isinstance(self.source, TaggedTexts):  # gold source text of training
            source = self.source.rows(unit)[0]
            item["source"] = [source.tokens]
            item["source_words"] = [source.words]
            item["source_labels"] = [torch.from_numpy(self.source.hard(unit)[source.first : source.last])]
        elif self.source is not None:
            item["source"] = [self.source.row(unit, chunk) for chunk in range(len(rows))]
        if self.back_translation is not None:
            item["back_translation"] = [self.back_translation.row(unit, chunk) for chunk in range(len(rows))]
        return item


class TagDataset(UnitDataset[TagPart]):
    """Sentences; a batch of R rows adds

    ``net_input.words`` (R, T) word numbers from 1 (0: none), ``target`` (R, W) labels (NO_LABEL: none), with soft
    labels ``soft`` (R, W, C) (all zero: none), and where the parts have them ``source`` (R, S), ``source_words``
    (R, S), ``source_target`` (R, V), ``back_translation`` (R, S').
    """

    def __init__(self, parts: Sequence[TagPart], dictionary: Dictionary, shuffle: bool) -> None:
        super().__init__(parts, dictionary, shuffle)
        self.soft = any(part.soft for part in self.parts)

    def collater(self, items: list[dict]) -> dict:
        if not items:
            return {}
        rows = [row for item in items for row in item["rows"]]
        batch = self.frame(items, [len(item["rows"]) for item in items], self.stack([tokens for tokens, _ in rows]))
        words = self.stack([words for _, words in rows], pad=0)
        batch["net_input"]["words"] = words
        width = [int(numbers[-2]) for _, numbers in rows]  # words of each row
        labels = [
            item["labels"][i] if "labels" in item else torch.full((count,), NO_LABEL)
            for item, counts in _by_item(items, width)
            for i, count in enumerate(counts)
        ]
        batch["target"] = self.stack(labels, pad=NO_LABEL)
        if "soft" in items[0]:
            batch["soft"] = torch.nn.utils.rnn.pad_sequence(
                [s for item in items for s in item["soft"]], batch_first=True
            )
        for field, pad in (
            ("source", None),
            ("source_words", 0),
            ("source_labels", NO_LABEL),
            ("back_translation", None),
        ):
            if field in items[0]:
                name = "source_target" if field == "source_labels" else field
                batch[name] = self.stack([row for item in items for row in item[field]], pad)
        return batch


def _by_item(items: list[dict], values: list[int]) -> list[tuple[dict, list[int]]]:
    """Values of rows, grouped by their item."""
    start, groups = 0, []
    for item in items:
        stop = start + len(item["rows"])
        groups.append((item, values[start:stop]))
        start = stop
    return groups
