"""From a plan to a binarised folder: order of work, resuming, and nothing half-written under the final name."""

from __future__ import annotations

import errno
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any, Callable

from xl_plugins.data.binary.checksums import write_checksums
from xl_plugins.data.binary.digest import file_digest
from xl_plugins.data.binary.manifest import Ledger, fingerprint, write_json
from xl_plugins.data.binary.meta import BERTS, WORDPIECE
from xl_plugins.data.tokenizer import PieceEncoder, tokenizer_name
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Plan, Unit
from xl_plugins.output import Staging
from xl_plugins.problems import PROBLEMS

Progress = Callable[[Unit, int], None]
COMMAND = "xl-prepare"


class Preparation:
    """Binarise ``plan`` into ``dest`` with the tokenizer files ``spm`` and ``dictionary``.

    ``run`` returns the content of ``meta.json``; ``stats`` and ``warnings`` serve the summary. The work is done beside
    ``dest``, see :class:`Staging`: a mistake, a full disk or an interrupt removes it, a kill leaves it for the next run
    to go on from. ``raw``: the folder of the input, which is not replaced whatever lies in it.
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
        raw: str | None = None,
    ) -> None:
        self.plan, self.dest, self.spm, self.dict_path = plan, dest.rstrip("/"), spm, dictionary
        self.threads = threads
        inputs = [raw, spm, dictionary, *(path for unit in plan.units for path in unit.file.paths)]
        self.staging = Staging(dest, COMMAND, "DEST", overwrite, inputs, resume=True)
        self.progress: Progress = progress or (lambda unit, consumed: None)
        self.stats: dict[Unit, dict[str, int]] = {}
        self.warnings: list[str] = list(plan.warnings)
        self.resumed = 0

    def run(self) -> dict[str, Any]:
        self.staging.check()
        for unit in self.plan.units:
            unit.file.peek()
        self.encoder = PieceEncoder(self.spm, self.dict_path, self.threads)
        if self.encoder.warning:
            self.warnings.append(self.encoder.warning)
        try:
            with self.staging:
                self.new = str(self.staging.new)
                self.writer = PROBLEMS[self.plan.problem].load("writer")(self.plan, self.encoder, self.new)
                self.ledger = Ledger(self.new, str(self.staging.work))
                meta = self._write()
                self.warnings += _generated(self.dest)
                self.staging.commit()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise UserError(f"{self.dest}: {error.strerror}; free space or choose another DEST") from None
            raise
        return meta

    def _write(self) -> dict[str, Any]:
        writer, units = self.writer, self.plan.ordered()
        writer.prepare()
        marks = self._fingerprints(units)
        done = {unit for unit in units if self.ledger.is_finished(writer.name(unit), marks[unit])}
        needed = {writer.reference(unit) for unit in units}  # only these stay in memory
        self.ledger.forget_others({writer.name(unit) for unit in done})
        self.resumed = len(done)
        for unit in units:
            reference = writer.reference(unit)
            if unit in done:
                rows = self.ledger.load(writer.name(unit), writer.rows_type)
            else:
                rows = writer.write(unit, reference, partial(self.progress, unit))
                self.ledger.finish(writer.name(unit), marks[unit], rows, writer.outputs(unit))
            self.stats[unit] = rows.stats
            self.warnings += writer.check(unit, rows, reference)
            if unit in needed or (unit.split != "train" and not unit.view):
                writer.rows[unit] = rows
            self.progress(unit, unit_size(unit))
        return self._finish()

    def _fingerprints(self, units: list[Unit]) -> dict[Unit, str]:
        digests = {
            path: file_digest(path)
            for path in {path for unit in units for path in unit.file.paths} | {self.spm, self.dict_path}
        }
        self.tokenizer_digest, self.dictionary_digest = digests[self.spm], digests[self.dict_path]
        common = (self.plan.problem, self.tokenizer_digest, self.dictionary_digest)
        marks: dict[Unit, str] = {}
        for unit in units:
            reference = self.writer.reference(unit)
            source = (unit.file.describe(), [digests[path] for path in unit.file.paths])
            base = marks.get(reference, "") if reference else ""
            described = (self.writer.describe(unit), unit.pool) if unit.pool else self.writer.describe(unit)
            marks[unit] = fingerprint(self.writer.name(unit), source, common, described, base)
        return marks

    def _finish(self) -> dict[str, Any]:
        plan = self.plan
        shutil.copyfile(self.dict_path, os.path.join(self.new, "dict.txt"))
        name = tokenizer_name(self.spm)
        shutil.copyfile(self.spm, os.path.join(self.new, name))
        counts: dict[bool, dict[str, dict[str, int]]] = {False: {}, True: {}}
        for unit, stats in self.stats.items():
            counts[unit.view].setdefault(unit.language, {})[unit.split] = stats["rows"]
        meta = {
            "format": 1,
            "problem": plan.problem,
            "dataset": plan.dataset,
            "source_language": plan.source_language,
            "languages": plan.languages,
            "splits": counts[False],
            "views": counts[True],
            "tokenizer_sha256": self.tokenizer_digest,
            "dictionary_sha256": self.dictionary_digest,
            **({"tokenizer": BERTS} if name == WORDPIECE else {}),
            **self.writer.finish(),
        }
        write_json(os.path.join(self.new, "meta.json"), meta)
        write_checksums(self.new)
        return meta


def _generated(dest: str) -> list[str]:
    """A warning that names the folders of ``dest`` which xl-augment made, if any."""
    found = sorted(str(path.parent.relative_to(dest)) for path in Path(dest).rglob("manifest.json"))
    return [f"{', '.join(found)}: gone with the old {dest}; make them again (xl-augment)"] if found else []


def unit_size(unit: Unit) -> int:
    """Bytes of the unit's files on disk."""
    return sum(os.path.getsize(path) for path in unit.file.paths)
