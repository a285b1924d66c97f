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
from xl_plugins.formats.examples.plan import Part, Plan
from xl_plugins.output import Staging
from xl_plugins.problems import PROBLEMS

Progress = Callable[[Part, int], None]
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
        inputs = [raw, spm, dictionary, *(path for part in plan.parts for path in part.file.paths)]
        self.staging = Staging(dest, COMMAND, "DEST", overwrite, inputs, resume=True)
        self.progress: Progress = progress or (lambda part, consumed: None)
        self.stats: dict[Part, dict[str, int]] = {}
        self.warnings: list[str] = list(plan.warnings)
        self.resumed = 0

    def run(self) -> dict[str, Any]:
        self.staging.check()
        for part in self.plan.parts:
            part.file.peek()
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
        writer, parts = self.writer, self.plan.ordered()
        writer.prepare()
        marks = self._fingerprints(parts)
        done = {part for part in parts if self.ledger.is_finished(writer.name(part), marks[part])}
        needed = {writer.reference(part) for part in parts}  # only these stay in memory
        self.ledger.forget_others({writer.name(part) for part in done})
        self.resumed = len(done)
        for part in parts:
            reference = writer.reference(part)
            if part in done:
                rows = self.ledger.load(writer.name(part), writer.rows_type)
            else:
                rows = writer.write(part, reference, partial(self.progress, part))
                self.ledger.finish(writer.name(part), marks[part], rows, writer.outputs(part))
            self.stats[part] = rows.stats
            self.warnings += writer.check(part, rows, reference)
            if part in needed or (part.split != "train" and not part.into_source):
                writer.rows[part] = rows
            self.progress(part, part_size(part))
        return self._finish()

    def _fingerprints(self, parts: list[Part]) -> dict[Part, str]:
        digests = {
            path: file_digest(path)
            for path in {path for part in parts for path in part.file.paths} | {self.spm, self.dict_path}
        }
        self.tokenizer_digest, self.dictionary_digest = digests[self.spm], digests[self.dict_path]
        common = (self.plan.problem, self.tokenizer_digest, self.dictionary_digest)
        marks: dict[Part, str] = {}
        for part in parts:
            reference = self.writer.reference(part)
            source = (part.file.describe(), [digests[path] for path in part.file.paths])
            base = marks.get(reference, "") if reference else ""
            described = (self.writer.describe(part), part.pool) if part.pool else self.writer.describe(part)
            marks[part] = fingerprint(self.writer.name(part), source, common, described, base)
        return marks

    def _finish(self) -> dict[str, Any]:
        plan = self.plan
        shutil.copyfile(self.dict_path, os.path.join(self.new, "dict.txt"))
        name = tokenizer_name(self.spm)
        shutil.copyfile(self.spm, os.path.join(self.new, name))
        counts: dict[bool, dict[str, dict[str, int]]] = {False: {}, True: {}}
        for part, stats in self.stats.items():
            counts[part.into_source].setdefault(part.language, {})[part.split] = stats["rows"]
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


def part_size(part: Part) -> int:
    """Bytes of the part's files on disk."""
    return sum(os.path.getsize(path) for path in part.file.paths)
