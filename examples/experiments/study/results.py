"""The results of the study: a line per run, the counters of every example, and reports of the steps on the way."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from steps import Run, Step, Workshop, in_order, shown

from xl_plugins import __version__
from xl_plugins.data.binary.digest import file_digest
from xl_plugins.errors import UserError
from xl_plugins.evaluation.report.result import check_json, read_json
from xl_plugins.output import atomic_file


class Results:
    """``results.jsonl`` and ``results/DATASET/SYSTEM-SEED.json`` in a folder.

    Args:
        encoder: folder of the encoder that the results are of.
    """

    def __init__(self, folder: Path, encoder: Path) -> None:
        self.folder, self.encoder = folder, encoder
        self.path = folder / "results.jsonl"
        self.lines = read_results(self.path)

    def has(self, run: Run) -> bool:
        """Whether the run is there.

        Raises:
            UserError: it is, but from other commands or another encoder; or a file of another is in its place.
        """
        line = self.lines.get(run.label)
        if line is None:
            check_json(str(self._counters(run)), overwrite=True)
            return False
        for name, found in (("commands", run.digest), ("encoder", self._digest)):
            if line["digests"][name] != found:
                raise UserError(
                    f"{self.path}: {run.label} comes from another version of its {name}; give another --results, or"
                    " remove its line"
                )
        return True

    def check_reports(self, steps: Iterable[Step], workshop: Workshop) -> None:
        """UserError where a report would be written over a file that is none of the study's: it neither belongs to a
        run that is in the results nor is the copy that a killed runner left."""
        known = {name for line in self.lines.values() for name in line["seconds"]}
        for step in steps:
            kept = self._report(step)
            if isinstance(step, Run) or not step.reports or step.name in known or not kept.exists():
                continue
            made = workshop.work / f"{step.name}.json"
            if not made.is_file() or self._portable(made, workshop) != kept.read_text(encoding="utf-8"):
                raise UserError(f"{kept}: holds something else; choose another --results, or remove it")

    def add(self, run: Run, workshop: Workshop) -> None:
        """Take up a finished run."""
        scored = workshop.work / f"{run.name}.json"
        scores = read_json(str(scored))[0].scores
        self._keep(scored, self._counters(run), workshop)
        steps = list(in_order([run]))
        for step in steps:
            if step.reports and not isinstance(step, Run):
                self._keep(workshop.work / f"{step.name}.json", self._report(step), workshop)
        costs = {step.name: workshop.cost(step) for step in steps}
        data = workshop.work / run.after[0].name / "checksums.json"
        self.lines[run.label] = {
            "run": run.label, "dataset": run.dataset, "system": run.system, "seed": run.seed, "updates": run.updates,
            "scores": {language: round(value, 4) for language, value in scores.items()},
            "seconds": costs,
            "digests": {"commands": run.digest, "encoder": self._digest, "data": file_digest(str(data))},
            "versions": {
                "xl_plugins": __version__, "python": platform.python_version(),
                **{name: version(name) for name in ("torch", "numpy", "fairseq-fixed")},
            },
            "commands": [shown(words) for step in steps for words in step.commands],
        }  # fmt: skip
        with atomic_file(self.path) as file:
            for line in self.lines.values():
                file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _report(self, step: Step) -> Path:
        return self.folder / "results" / f"{step.name}.json"

    def _portable(self, path: Path, workshop: Workshop) -> str:
        """A file's text, with the names of folders in place of their paths: it is read on other machines."""
        text = path.read_text(encoding="utf-8")
        for name, folder in sorted(workshop.folders.items(), key=lambda item: -len(item[1])):  # inner folders first
            text = text.replace(f"{folder}/", f"${name}/")
        return text

    def _keep(self, path: Path, kept: Path, workshop: Workshop) -> None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(kept) as file:
            file.write(self._portable(path, workshop))

    def describe(self, run: Run) -> str:
        """Its mean score."""
        scores = self.lines[run.label]["scores"]
        return f"{sum(scores.values()) / len(scores):.1f} (mean of {len(scores)} languages)"

    def _counters(self, run: Run) -> Path:
        return self.folder / "results" / f"{run.label}.json"

    @cached_property
    def _digest(self) -> str:
        return file_digest(str(self.encoder / "model.pt"))


def read_results(path: Path) -> dict[str, dict[str, Any]]:
    """Lines of a file of results by the names of their runs; empty where there is no file."""
    if not path.is_file():
        return {}
    try:
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {line["run"]: line for line in found}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: no results of the study ({str(error)[:80]}); restore it, or give another") from None
