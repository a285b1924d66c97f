"""From a plan to a binarised folder: order of work, resuming, and nothing half-written under the final name."""

from __future__ import annotations

import errno
import os
import shutil
from typing import Any, Callable

import numpy as np

from xl_plugins.data import alignment
from xl_plugins.data.binarize import NO_LABEL, Rows, is_placeholder, text_prefixes, write_labels, write_texts
from xl_plugins.data.manifest import STATE, Ledger, fingerprint, write_json
from xl_plugins.data.tokenizer import PieceEncoder, file_digest
from xl_plugins.data.writer import gather
from xl_plugins.errors import UserError
from xl_plugins.xtreme.plan import Plan, Unit

Progress = Callable[[Unit, int], None]


class Preparation:
    """Binarise ``plan`` into ``dest`` with the tokenizer files ``spm`` and ``dictionary``.

    ``run`` returns the content of ``meta.json``; ``stats`` and ``warnings`` serve the summary. The work is done in
    ``dest.partial``: a mistake, a full disk or an interrupt removes it, a kill leaves it for the
    next run to go on from.
    """

    def __init__(
        self,
        plan: Plan,
        dest: str,
        spm: str,
        dictionary: str,
        threads: int = 2,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self.plan, self.dest, self.spm, self.dict_path = plan, dest.rstrip("/"), spm, dictionary
        self.threads, self.overwrite = threads, overwrite
        self.progress: Progress = progress or (lambda unit, consumed: None)
        self.partial = self.dest + ".partial"
        self.rows: dict[Unit, Rows] = {}
        self.stats: dict[Unit, dict[str, int]] = {}
        self.warnings: list[str] = list(plan.warnings)
        self.unlabelled: dict[str, list[str]] = {}
        self.selections: dict[Unit, alignment.Selection] = {}
        self.resumed = 0

    def run(self) -> dict[str, Any]:
        self._check_dest()
        for unit in self.plan.units:
            unit.file.peek()
        self.encoder = PieceEncoder(self.spm, self.dict_path, self.threads)
        if self.encoder.warning:
            self.warnings.append(self.encoder.warning)
        os.makedirs(self.partial, exist_ok=True)
        self.ledger = Ledger(self.partial)
        self.ledger.lock()
        try:
            meta = self._write()
            self._put_in_place()
        except OSError as error:
            shutil.rmtree(self.partial, ignore_errors=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise UserError(f"{self.dest}: {error.strerror}; free space or choose another DEST") from None
            raise
        except BaseException:
            shutil.rmtree(self.partial, ignore_errors=True)
            raise
        return meta

    def _check_dest(self) -> None:
        if os.path.lexists(self.dest + ".old") and not os.path.lexists(self.dest):
            os.rename(self.dest + ".old", self.dest)  # killed between the two renames of _put_in_place
        if not os.path.lexists(self.dest):
            return
        if not self.overwrite:
            raise UserError(f"DEST: {self.dest} exists; pass --overwrite to replace it or choose another folder")
        if not os.path.isdir(self.dest) or (
            os.listdir(self.dest) and not os.path.isfile(os.path.join(self.dest, "dict.txt"))
        ):
            raise UserError(
                f"DEST: {self.dest} was not made by xl-prepare (no dict.txt in it), not replaced; choose another folder"
            )

    def _put_in_place(self) -> None:
        shutil.rmtree(os.path.join(self.partial, STATE))
        old = self.dest + ".old"
        if os.path.lexists(self.dest):
            shutil.rmtree(old, ignore_errors=True)
            os.rename(self.dest, old)
        os.rename(self.partial, self.dest)
        shutil.rmtree(old, ignore_errors=True)

    def _write(self) -> dict[str, Any]:
        plan = self.plan
        units = plan.ordered()
        if plan.align:
            self.selections = alignment.align(plan)
        marks = self._fingerprints(units)
        done = {unit for unit in units if self.ledger.is_finished(self._name(unit), marks[unit])}
        needed = {self._reference(unit) for unit in units}  # only these stay in memory
        self.ledger.forget_others({self._name(unit) for unit in done})
        self.resumed = len(done)
        for unit in units:
            reference = self._reference(unit)
            if unit in done:
                rows = self.ledger.load(self._name(unit))
            else:
                rows = self._write_unit(unit, reference)
                self.ledger.finish(self._name(unit), marks[unit], rows, self._prefixes(unit))
            self.stats[unit] = rows.stats
            self._check(unit, rows, reference)
            if unit in needed or (unit.split != "train" and not unit.view):
                self.rows[unit] = rows
            self.progress(unit, os.path.getsize(unit.file.path))
        return self._finish()

    def _name(self, unit: Unit) -> str:
        return unit.name(self.plan.source_language)

    def _folder(self, unit: Unit) -> str:
        return os.path.join(self.partial, unit.folder(self.plan.source_language))

    def _prefixes(self, unit: Unit) -> list[str]:
        label = [] if unit.view else [os.path.join(self._folder(unit), "label", unit.split)]
        return text_prefixes(self._folder(unit), unit.split) + label

    def _find(self, language: str, split: str) -> Unit | None:
        """The unit with a language's own pairs."""
        return next((u for u in self.plan.units if (u.language, u.split, u.view) == (language, split, False)), None)

    def _reference(self, unit: Unit) -> Unit | None:
        """The unit to match row by row: the source's for training and joined data, the own text for a view."""
        if unit.split == "train" or (self.plan.align and not unit.view):
            found = self._find(self.plan.source_language, unit.split) or (
                self._find(unit.language, unit.split) if unit.view else None
            )
        else:
            found = self._find(unit.language, unit.split) if unit.view else None
        return None if found is unit else found

    def _fingerprints(self, units: list[Unit]) -> dict[Unit, str]:
        plan = self.plan
        digests = {path: file_digest(path) for path in {unit.file.path for unit in units} | {self.spm, self.dict_path}}
        self.tokenizer_digest, self.dictionary_digest = digests[self.spm], digests[self.dict_path]
        common = (
            self.tokenizer_digest,
            self.dictionary_digest,
            plan.labels,
            sorted(plan.aliases.items()),
            plan.missing,
        )
        marks: dict[Unit, str] = {}
        for unit in units:
            reference, selection, file = self._reference(unit), self.selections.get(unit), unit.file
            described = (file.schema, file.kind, file.start, file.end, file.filters, digests[file.path])
            joined = selection.digest() if selection else ""
            base = marks.get(reference, "") if reference else ""
            marks[unit] = fingerprint(self._name(unit), described, common, plan.constant_is_placeholder, joined, base)
        return marks

    def _write_unit(self, unit: Unit, reference: Unit | None) -> Rows:
        selection = self.selections.get(unit)
        keep = selection.keep if selection and selection.dropped else None
        folder = self._folder(unit)
        rows = write_texts(unit, self.plan, self.encoder, folder, keep, lambda consumed: self.progress(unit, consumed))
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
        if not unit.view:
            self._write_labels(unit, rows, reference)
        return rows

    def _rearrange(self, unit: Unit, order: np.ndarray, reference: Unit | None, rows: Rows) -> None:
        """Bring rows into the source's order and put source rows where the translation is missing."""
        folder, vocabulary = self._folder(unit), len(self.encoder.dictionary)
        others = text_prefixes(self._folder(reference), unit.split) if reference and rows.missing.any() else ["", ""]
        for prefix, other in zip(text_prefixes(folder, unit.split), others):
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
                f"{unit.file.path}:{line}: no label; {unit.split} pairs need one of {', '.join(self.plan.labels)} "
                "(xl-prepare pairs can leave rows out: --filter COLUMN!=VALUE)"
            )
        write_labels(self._prefixes(unit)[-1], np.maximum(rows.labels, 0), len(self.plan.labels))

    def _check(self, unit: Unit, rows: Rows, reference: Unit | None) -> None:
        """Checks that look at other units; repeated for resumed ones, since they only read arrays."""
        if reference is not None:
            self.warnings += alignment.check_partner(unit, rows, reference, self.rows[reference])
        source_test = self._find(self.plan.source_language, "test")
        self.warnings += alignment.check_leak(unit, rows, self.rows.get(source_test) if source_test else None)
        valid = self._find(unit.language, "valid")
        if unit.split == "test" and not unit.view and valid:
            self.warnings += alignment.check_same_splits(unit.language, self.rows[valid], rows)
        if not unit.view and (rows.labels == NO_LABEL).all():
            self.unlabelled.setdefault(unit.language, []).append(unit.split)

    def _finish(self) -> dict[str, Any]:
        plan = self.plan
        shutil.copyfile(self.dict_path, os.path.join(self.partial, "dict.txt"))
        shutil.copyfile(self.spm, os.path.join(self.partial, "sentencepiece.bpe.model"))
        os.makedirs(os.path.join(self.partial, "label"), exist_ok=True)
        with open(os.path.join(self.partial, "label", "dict.txt"), "w", encoding="utf-8") as file:
            file.writelines(f"{label} 1\n" for label in plan.labels)
        counts: dict[bool, dict[str, dict[str, int]]] = {False: {}, True: {}}
        for unit, stats in self.stats.items():
            counts[unit.view].setdefault(unit.language, {})[unit.split] = stats["rows"]
        meta = {
            "format": 1,
            "problem": "sentence_pair",
            "dataset": plan.dataset,
            "source_language": plan.source_language,
            "languages": plan.languages,
            "labels": list(plan.labels),
            "splits": counts[False],
            "views": counts[True],
            "tokenizer_sha256": self.tokenizer_digest,
            "dictionary_sha256": self.dictionary_digest,
            "unlabelled": self.unlabelled,
        }
        write_json(os.path.join(self.partial, "meta.json"), meta)
        return meta
