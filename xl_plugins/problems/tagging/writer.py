"""Tagged sentences: pieces of every word, pieces per word, a label per word, soft labels, and the words themselves."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from fairseq.data import Dictionary

from xl_plugins.data.binary.writer import IndexedRows, IndexedWriter
from xl_plugins.data.prepare import alignment
from xl_plugins.data.prepare.part_writer import PartWriter, Told, indexed_files, mark_unlabelled
from xl_plugins.data.prepare.tagging_notes import label_line, note_lines
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Part
from xl_plugins.formats.examples.sentences import TaggingPlan
from xl_plugins.formats.examples.soft_labels import SoftLabels
from xl_plugins.formats.examples.words import XTREME
from xl_plugins.problems.tagging.span_rules import benchmark_task, describe_rule
from xl_plugins.problems.tagging.words import BATCH, TaggedRows, TaggingPass

_MIN_CONSTANT = 10  # sentences from which a single tag throughout a test file is taken for a placeholder


class TaggingWriter(PartWriter[TaggingPlan, TaggedRows]):
    """``input0``, ``words``, ``label``, ``raw`` and ``soft`` of a language; ``input0`` and ``raw`` of a translation."""

    rows_type = TaggedRows
    columns = ("sentences", "words", "pieces/word", "unknown", "labels")

    def __init__(self, plan: TaggingPlan, encoder: PieceEncoder, root: str) -> None:
        super().__init__(plan, encoder, root)
        self.noted: list[tuple[str, dict[str, Any]]] = []
        self.label_counts: tuple[str, dict[str, int]] | None = None  # of the first text that has labels

    def outputs(self, part: Part) -> list[str]:
        fields = ("input0", "raw") if part.into_source else ("input0", "raw", "words", "label")
        prefixes = [os.path.join(self.folder(part), name, part.split) for name in fields]
        found = [path for path in indexed_files(*prefixes) if os.path.exists(path)]
        return found + ([self._soft_path(part)] if part.file.soft else [])

    def _soft_path(self, part: Part) -> str:
        return self.prefix(part, "soft") + ".npy"

    def write(self, part: Part, reference: Part | None, told: Told) -> TaggedRows:
        rows, labels = TaggingPass(part, self.plan.labels, self.encoder, self.prefix).run(told)
        if reference is not None:
            self._check_count(part, rows, reference)
        if part.into_source:
            return rows
        kinds = len(np.unique(labels)) if len(labels) else 0
        task = benchmark_task(self.plan.dataset)
        blind = task is not None and task.blind and part.split == "test"
        placeholder = blind and kinds == 1 and len(rows) >= _MIN_CONSTANT
        rows.stats["labelled"] = int(bool(len(labels)) and not placeholder)
        if not len(labels):
            self._check_may_lack_labels(part)
        if len(labels) or part.split != "train":
            self._write_labels(part, rows.words, labels if rows.stats["labelled"] else np.zeros(rows.words.sum(), int))
        if part.file.soft:
            rows.stats["soft"] = 1
            self._write_soft(part, rows.words)
        return rows

    def _check_count(self, part: Part, rows: TaggedRows, reference: Part) -> None:
        other = self.rows[reference]
        if len(rows) != len(other):
            raise UserError(
                f"{part.file.path}: {len(rows)} sentences, but {reference.file.path} has {len(other)}; sentence i of "
                "both must be the same, so translate the missing ones or remove them from all files"
            )

    def _check_may_lack_labels(self, part: Part) -> None:
        if part.split == "valid" or (part.split == "train" and part.language == self.plan.source_language):
            raise UserError(
                f"{part.file.path}: no tags; {part.split} sentences of {part.language} need one tag per word"
            )

    def _write_labels(self, part: Part, words: np.ndarray, labels: np.ndarray) -> None:
        """Label ids of the words of a sentence and </s>, as fairseq-preprocess writes them."""
        dictionary = Dictionary()
        writer = IndexedWriter(self.prefix(part, "label"), dictionary.nspecial + len(self.plan.labels))
        starts = np.concatenate([[0], np.cumsum(words, dtype=np.int64)])
        for first in range(0, len(words), BATCH):
            sizes = words[first : first + BATCH].astype(np.int64)
            block = labels[starts[first] : starts[first] + sizes.sum()].astype(np.int64) + dictionary.nspecial
            writer.append(np.insert(block, np.cumsum(sizes), dictionary.eos()), sizes + 1)
        writer.close()

    def _write_soft(self, part: Part, words: np.ndarray) -> None:
        """Soft labels of all words, read beside the words just written."""
        reader = SoftLabels(part.file.soft, self.plan.labels, part.file.path)
        raw = IndexedRows(self.prefix(part, "raw"))
        shape = (int(words.sum(dtype=np.int64)), len(self.plan.labels))
        out = np.lib.format.open_memmap(self._soft_path(part), mode="w+", dtype=np.float32, shape=shape)
        done = 0
        for first in range(0, len(words), BATCH):
            data, sizes = raw.take(np.arange(first, min(first + BATCH, len(words))))
            ends = np.cumsum(sizes)
            text = data.tobytes()
            sentences = [text[end - size : end].decode("utf-8").split("\t") for end, size in zip(ends, sizes)]
            vectors = reader.take(sentences)
            out[done : done + len(vectors)] = vectors
            done += len(vectors)
        reader.finish()
        out.flush()

    def check(self, part: Part, rows: TaggedRows, reference: Part | None) -> list[str]:
        warnings: list[str] = []
        self.noted.append((part.file.path, rows.stats.get("notes", {})))
        if self.label_counts is None and not part.into_source and rows.stats.get("tags") and rows.stats.get("labelled"):
            self.label_counts = f"{part.language} {part.split}", rows.stats["tags"]
        if reference is not None:
            self._check_count(part, rows, reference)
            warnings += self._check_partner(part, rows, reference)
        source_test = self.remembered(self.plan.source_language, "test")
        warnings += alignment.check_leak(part, rows.text, source_test.text if source_test else None)
        valid = self.remembered(part.language, "valid")
        if part.split == "test" and not part.into_source and valid:
            warnings += alignment.check_same_splits(part.language, valid.text, rows.text, "sentences")
        if not part.into_source and not rows.stats["labelled"]:
            mark_unlabelled(self.unlabelled, part)
        return warnings

    def _check_partner(self, part: Part, rows: TaggedRows, reference: Part) -> list[str]:
        other = self.rows[reference]
        if not len(rows.check):
            return []
        strange = np.flatnonzero(rows.check != other.text)
        if not len(strange):
            return []
        row = int(strange[0])
        return [
            f"{part.file.path}:{rows.lines[row]}: the untranslated side is not the sentence at "
            f"{reference.file.path}:{other.lines[row]} ({len(strange)} of {len(rows)} sentences); harmless if only the "
            "spelling differs, wrong if sentences are shifted"
        ]

    def notes(self) -> list[str]:
        found = note_lines(self.noted)
        if self.label_counts is not None:
            where, counts = self.label_counts
            found.append(label_line(self.plan.labels, counts, where))
            found.append(describe_rule(self.plan.dataset, self.plan.labels))
        return found

    def finish(self) -> dict[str, Any]:
        return {**super().finish(), **({"word_cleaning": XTREME} if self.plan.xtreme_words else {})}

    @staticmethod
    def summary(stats: dict[str, int]) -> list[str]:
        words = stats["words"]
        labels = "soft" if stats.get("soft") else "yes" if stats.get("labelled") else "no"
        return [
            f"{stats['rows']:,}",
            f"{words:,}" if words else "-",
            f"{stats['pieces'] / words:.2f}" if words else "-",
            f"{stats['unknown'] / max(stats['pieces'], 1):.2%}",
            labels if words else "-",
        ]


WRITER = TaggingWriter
