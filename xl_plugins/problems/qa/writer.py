"""Extractive question answering: questions, contexts with character offsets, answers as pieces and as characters."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from xl_plugins.data.binary.writer import IndexedRows, gather
from xl_plugins.data.offsets import ContextEncoder
from xl_plugins.data.prepare import alignment
from xl_plugins.data.prepare.part_writer import PartWriter, Told, indexed_files, mark_unlabelled
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Part
from xl_plugins.formats.examples.squad_json import QaPlan
from xl_plugins.problems.qa.windows import QaPass, QaRows

_FIELDS = ("input0", "input1", "offsets", "raw", "answers")


class QaWriter(PartWriter[QaPlan, QaRows]):
    """The fields of a language and, with the same questions in the same order, of its translation."""

    rows_type = QaRows
    columns = ("questions", "pieces/q", "contexts", "pieces/c", "unknown", "exact", "moved", "lost", "no answer")

    def describe(self, part: Part) -> tuple[Any, ...]:
        kept = ("unanswerable",) if self.plan.unanswerable else ()
        return (self.plan.characters, *kept)  # the metric is in meta.json only

    def outputs(self, part: Part) -> list[str]:
        prefixes = [os.path.join(self.folder(part), name, part.split) for name in _FIELDS]
        return [*indexed_files(*prefixes), self.prefix(part, "spans") + ".npy"]

    def reference(self, part: Part) -> Part | None:
        """A source translation has the questions of its language's own texts, whichever of the source's these are."""
        if part.into_source:
            return self.find(part.language, part.split) or super().reference(part)
        return super().reference(part)

    def write(self, part: Part, reference: Part | None, told: Told) -> QaRows:
        known = self.rows[reference] if reference else None
        encoder = ContextEncoder(self.encoder, self.plan.characters)
        rows, spans = QaPass(part, encoder, self.prefix, known, self.plan.unanswerable).run(told)
        if not len(rows):
            raise UserError(
                f"{part.file.path}: no question to write ({rows.stats['unanswerable']} unanswerable, "
                f"{rows.stats['lost']} whose answer is not in the context)"
            )
        if part.into_source and known is not None:
            order = self._order(part, rows, reference)
            if not np.array_equal(order, np.arange(len(rows))):
                rows, spans = self._rearrange(part, rows, spans, order)
        np.save(self.prefix(part, "spans") + ".npy", spans)
        return rows

    def _order(self, part: Part, rows: QaRows, reference: Part | None) -> np.ndarray:
        """Row of each of the reference's questions; UserError names the id of one that is missing."""
        assert reference is not None
        wanted = self.rows[reference].keys
        missing = np.flatnonzero(~np.isin(wanted, rows.keys))
        if len(missing):
            data, _ = IndexedRows(self.prefix(reference, "answers")).take(missing[:1])
            key = json.loads(data.tobytes())["id"]
            raise UserError(
                f"{part.file.path}: no question with the id {key} of {reference.file.path} ({len(missing)} of "
                f"{len(wanted)} missing); every question needs its translation"
            )
        rank = np.argsort(rows.keys, kind="stable")
        return rank[np.searchsorted(rows.keys, wanted, sorter=rank)]

    def _rearrange(self, part: Part, rows: QaRows, spans: np.ndarray, order: np.ndarray) -> tuple[QaRows, np.ndarray]:
        """Bring questions into the order of the text that they translate; contexts stay where they are."""
        for field, dtype in (("input0", None), ("answers", np.uint8)):
            prefix = self.prefix(part, field)
            gather(prefix, order, prefix + ".new", len(self.encoder.dictionary), dtype=dtype)
            for suffix in (".bin", ".idx"):
                os.replace(prefix + ".new" + suffix, prefix + suffix)
        return QaRows(rows.keys[order], rows.dropped, rows.text[order], rows.stats), spans[order]

    def check(self, part: Part, rows: QaRows, reference: Part | None) -> list[str]:
        warnings: list[str] = []
        test = self.remembered(self.plan.source_language, "test")
        if part.into_source and part.split == "test" and test is not None:
            both, own, other = np.intersect1d(rows.keys, test.keys, return_indices=True)
            if 2 * len(both) > len(rows):
                warnings += alignment.check_leak(part, rows.text[own], test.text[other])
        valid = self.remembered(part.language, "valid")
        if part.split == "test" and not part.into_source and valid:
            same = np.sort(valid.text), np.sort(rows.text)
            warnings += alignment.check_same_splits(part.language, *same, "questions")
        if rows.stats["lost"]:
            training = part.split == "train" and not part.into_source
            left = "left out" if training else "kept, without a place in the context"
            warnings.append(
                f"{part.file.path}: the answer of {rows.stats['lost']} questions is not in the context; {left}"
            )
        none = rows.stats["unanswerable"]
        if none and not self.plan.unanswerable:
            hint = "" if part.into_source else "; xl-prepare squad --with-unanswerable keeps them (SQuAD 2)"
            warnings.append(f"{part.file.path}: {none} questions without an answer are left out{hint}")
        if not part.into_source and not rows.stats["answered"] and not (none and self.plan.unanswerable):
            mark_unlabelled(self.unlabelled, part)
        return warnings

    def finish(self) -> dict[str, Any]:
        kept = {"unanswerable": True} if self.plan.unanswerable else {}
        pieces = "character" if self.plan.characters else "subword"
        return {**super().finish(), "answer_metric": self.plan.metric, "context_pieces": pieces, **kept}

    @staticmethod
    def summary(stats: dict[str, int]) -> list[str]:
        return [
            f"{stats['rows']:,}",
            f"{stats['question_pieces'] / stats['rows']:.1f}",
            f"{stats['paragraphs']:,}",
            f"{stats['pieces'] / stats['paragraphs']:.1f}",
            f"{stats['unknown'] / max(stats['pieces'], 1):.2%}",
            f"{stats['exact'] / stats['answered']:.2%}" if stats["answered"] else "-",
            *(str(stats[name]) for name in ("moved", "lost", "unanswerable")),
        ]


WRITER = QaWriter
