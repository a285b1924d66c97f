"""Sentence pairs: two texts and a label per row, joined by row or by id."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from xl_plugins.data.binary.writer import gather
from xl_plugins.data.prepare import alignment
from xl_plugins.data.prepare.binarize import (
    UNLABELLED,
    TextRows,
    is_placeholder,
    text_prefixes,
    write_labels,
    write_texts,
)
from xl_plugins.data.prepare.part_writer import PartWriter, Told, indexed_files, mark_unlabelled
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Part
from xl_plugins.formats.examples.table import PairPlan


class PairWriter(PartWriter[PairPlan, TextRows]):
    """``input0`` and ``input1`` per part, ``label`` beside gold texts."""

    rows_type = TextRows
    columns = ("pairs", "pieces/text", "unknown", "replaced", "dropped")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.selections: dict[Part, alignment.Selection] = {}

    def prepare(self) -> None:
        if self.plan.align:
            self.selections = alignment.align(self.plan)

    def reference(self, part: Part) -> Part | None:
        """With rows joined by id, every text of a split also matches the source's."""
        if self.plan.align and not part.into_source and not part.pool:
            found = self.find(self.plan.source_language, part.split)
            return None if found is part else found
        return super().reference(part)

    def describe(self, part: Part) -> tuple[Any, ...]:
        plan, selection = self.plan, self.selections.get(part)
        joined = selection.digest() if selection else ""
        return (
            plan.labels,
            sorted(plan.aliases.items()),
            plan.named,
            plan.missing,
            plan.constant_is_placeholder,
            plan.single,
            joined,
        )

    def outputs(self, part: Part) -> list[str]:
        label = [] if part.into_source or part.pool else [os.path.join(self.folder(part), "label", part.split)]
        return indexed_files(*text_prefixes(self.folder(part), part.split, self.plan.single), *label)

    def write(self, part: Part, reference: Part | None, told: Told) -> TextRows:
        selection = self.selections.get(part)
        keep = selection.keep if selection and selection.dropped else None
        rows = write_texts(part, self.plan, self.encoder, self.folder(part), keep, told)
        rows.stats.update(dropped=selection.dropped if selection else 0, replaced=int(rows.missing.sum()))
        order = selection.order if selection and not selection.in_order else np.arange(len(rows))
        if selection and not selection.in_order:
            rows = rows.take(order)
        if reference is not None:
            alignment.check_partner(part, rows, reference, self.rows[reference])
        if rows.missing.any() and reference is None:
            raise UserError(
                f"{part.file.path}: rows without translation ({self.plan.missing}), but no source training file "
                "to take them from; add it or remove the rows"
            )
        if rows.missing.any() or (selection and not selection.in_order):
            self._rearrange(part, order, reference, rows)
        if not part.into_source and not part.pool:
            self._write_labels(part, rows, reference)
        return rows

    def _rearrange(self, part: Part, order: np.ndarray, reference: Part | None, rows: TextRows) -> None:
        """Bring rows into the source's order and put source rows where the translation is missing."""
        folder, vocabulary = self.folder(part), len(self.encoder.dictionary)
        others = (
            text_prefixes(self.folder(reference), part.split, self.plan.single)
            if reference and rows.missing.any()
            else ["", ""]
        )
        for prefix, other in zip(text_prefixes(folder, part.split, self.plan.single), others):
            gather(prefix, order, prefix + ".new", vocabulary, other, rows.missing)
            for suffix in (".bin", ".idx"):
                os.replace(prefix + ".new" + suffix, prefix + suffix)
        if reference is not None:
            rows.labels[rows.missing] = self.rows[reference].labels[rows.missing]

    def _write_labels(self, part: Part, rows: TextRows, reference: Part | None) -> None:
        if part.split == "train" and reference is not None and (rows.labels == UNLABELLED).all():
            rows.labels = self.rows[reference].labels.copy()  # a translation without label column
        if is_placeholder(rows, part, self.plan):
            rows.labels = np.full(len(rows), UNLABELLED, dtype=np.int16)
        elif (rows.labels == UNLABELLED).any():
            line = int(rows.lines[int(np.argmax(rows.labels == UNLABELLED))])
            raise UserError(
                f"{part.file.path}:{line}: no label; {part.split} {self.columns[0]} need one of"
                f" {', '.join(self.plan.labels)} (xl-prepare pairs and texts can leave rows out: --filter"
                " COLUMN!=VALUE)"
            )
        write_labels(self.prefix(part, "label"), np.maximum(rows.labels, 0), len(self.plan.labels))

    def check(self, part: Part, rows: TextRows, reference: Part | None) -> list[str]:
        warnings: list[str] = []
        if reference is not None:
            warnings += alignment.check_partner(part, rows, reference, self.rows[reference])
        source_test = self.remembered(self.plan.source_language, "test")
        warnings += alignment.check_leak(part, rows.text, source_test.text if source_test else None)
        valid = self.remembered(part.language, "valid")
        if part.split == "test" and not part.into_source and valid:
            warnings += alignment.check_same_splits(part.language, valid.text, rows.text)
        if not part.into_source and (rows.labels == UNLABELLED).all():
            mark_unlabelled(self.unlabelled, part)
        return warnings

    def finish(self) -> dict[str, Any]:
        return {**super().finish(), **({"texts": 1} if self.plan.single else {})}

    @staticmethod
    def summary(stats: dict[str, int]) -> list[str]:
        pieces = max(stats["pieces"], 1)
        return [
            f"{stats['rows']:,}",
            f"{stats['pieces'] / (stats.get('texts', 2) * stats['rows']):.1f}",
            f"{stats['unknown'] / pieces:.2%}",
            str(stats["replaced"]),
            str(stats["dropped"]),
        ]
