"""Sentence pairs: two texts and a label per row, joined by row or by id."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from xl_plugins.data.binary.writer import gather
from xl_plugins.data.prepare import alignment
from xl_plugins.data.prepare.binarize import NO_LABEL, Rows, is_placeholder, text_prefixes, write_labels, write_texts
from xl_plugins.data.prepare.unit_writer import Told, UnitWriter, indexed_files, mark_unlabelled
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Unit
from xl_plugins.formats.examples.table import PairPlan


class PairWriter(UnitWriter[PairPlan, Rows]):
    """``input0`` and ``input1`` per unit, ``label`` beside gold texts."""

    rows_type = Rows
    columns = ("pairs", "pieces/text", "unknown", "replaced", "dropped")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.selections: dict[Unit, alignment.Selection] = {}

    def prepare(self) -> None:
        if self.plan.align:
            self.selections = alignment.align(self.plan)

    def reference(self, unit: Unit) -> Unit | None:
        """With rows joined by id, every text of a split also matches the source's."""
        if self.plan.align and not unit.view and not unit.pool:
            found = self.find(self.plan.source_language, unit.split)
            return None if found is unit else found
        return super().reference(unit)

    def describe(self, unit: Unit) -> tuple[Any, ...]:
        plan, selection = self.plan, self.selections.get(unit)
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

    def outputs(self, unit: Unit) -> list[str]:
        label = [] if unit.view or unit.pool else [os.path.join(self.folder(unit), "label", unit.split)]
        return indexed_files(*text_prefixes(self.folder(unit), unit.split, self.plan.single), *label)

    def write(self, unit: Unit, reference: Unit | None, told: Told) -> Rows:
        selection = self.selections.get(unit)
        keep = selection.keep if selection and selection.dropped else None
        rows = write_texts(unit, self.plan, self.encoder, self.folder(unit), keep, told)
        rows.stats.update(dropped=selection.dropped if selection else 0, replaced=int(rows.missing.sum()))
        order = selection.order if selection and not selection.in_order else np.arange(len(rows))
        if selection and not selection.in_order:
            rows = rows.take(order)
        if reference is not None:
            alignment.check_partner(unit, rows, reference, self.rows[reference])
        if rows.missing.any() and reference is None:
            raise UserError(
                f"{unit.file.path}: rows without translation ({self.plan.missing}), but no source training file "
                "to take them from; add it or remove the rows"
            )
        if rows.missing.any() or (selection and not selection.in_order):
            self._rearrange(unit, order, reference, rows)
        if not unit.view and not unit.pool:
            self._write_labels(unit, rows, reference)
        return rows

    def _rearrange(self, unit: Unit, order: np.ndarray, reference: Unit | None, rows: Rows) -> None:
        """Bring rows into the source's order and put source rows where the translation is missing."""
        folder, vocabulary = self.folder(unit), len(self.encoder.dictionary)
        others = (
            text_prefixes(self.folder(reference), unit.split, self.plan.single)
            if reference and rows.missing.any()
            else ["", ""]
        )
        for prefix, other in zip(text_prefixes(folder, unit.split, self.plan.single), others):
            gather(prefix, order, prefix + ".new", vocabulary, other, rows.missing)
            for suffix in (".bin", ".idx"):
                os.replace(prefix + ".new" + suffix, prefix + suffix)
        if reference is not None:
            rows.labels[rows.missing] = self.rows[reference].labels[rows.missing]

    def _write_labels(self, unit: Unit, rows: Rows, reference: Unit | None) -> None:
        if unit.split == "train" and reference is not None and (rows.labels == NO_LABEL).all():
            rows.labels = self.rows[reference].labels.copy()  # a translation without label column
        if is_placeholder(rows, unit, self.plan):
            rows.labels = np.full(len(rows), NO_LABEL, dtype=np.int16)
        elif (rows.labels == NO_LABEL).any():
            line = int(rows.lines[int(np.argmax(rows.labels == NO_LABEL))])
            raise UserError(
                f"{unit.file.path}:{line}: no label; {unit.split} {self.columns[0]} need one of"
                f" {', '.join(self.plan.labels)} (xl-prepare pairs and texts can leave rows out: --filter"
                " COLUMN!=VALUE)"
            )
        write_labels(self.prefix(unit, "label"), np.maximum(rows.labels, 0), len(self.plan.labels))

    def check(self, unit: Unit, rows: Rows, reference: Unit | None) -> list[str]:
        warnings: list[str] = []
        if reference is not None:
            warnings += alignment.check_partner(unit, rows, reference, self.rows[reference])
        source_test = self.remembered(self.plan.source_language, "test")
        warnings += alignment.check_leak(unit, rows.text, source_test.text if source_test else None)
        valid = self.remembered(unit.language, "valid")
        if unit.split == "test" and not unit.view and valid:
            warnings += alignment.check_same_splits(unit.language, valid.text, rows.text)
        if not unit.view and (rows.labels == NO_LABEL).all():
            mark_unlabelled(self.unlabelled, unit)
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
