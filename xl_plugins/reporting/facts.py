"""How the runs were made: commands, versions, seeds, selection and digests, as names and texts."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..data.binary.digest import file_digest
from ..evaluation.report.compare import System
from ..evaluation.report.result import Result
from ..logs.reading import Event, TrainingLog, mapping, number
from ..version import __version__
from .analysis import Analysis, flatten
from .inputs import KEPT, Inputs, Trained, data_digest

MOST_FACTS = 200  # of one run; what is read is the user's own
_FIRST = ("checkpoint", "updates", "data", "training", "selection", "inference", "tag_scheme")
Facts = list[tuple[str, str]]


@dataclass
class Origin:
    """Where a run comes from: facts as (name, text), the commands that made it, and what matters most in a line."""

    name: str
    kind: str
    facts: Facts
    commands: list[str] = field(default_factory=list)
    line: str = ""


def origins(inputs: Inputs, words: Sequence[str], analyses: Sequence[Analysis] = ()) -> list[Origin]:
    """Return the origin of every run, and of the report itself."""
    found = [
        Origin(_name(item.system, result), "scores", _of_result(path, result), [], f"{result.task}, {result.split}")
        for item in inputs.scored
        for path, result in zip(item.paths, item.system.results)
    ]
    found += [
        Origin(item.name, "generalised matrices", _of_evaluation(item.path, item.matrix.provenance))
        for item in inputs.crossed
    ]
    found += [_of_training(item) for item in inputs.trained]
    found += [Origin(each.kind, "analyses", [("folder", each.path), *each.facts], each.commands) for each in analyses]
    own = [("xl_plugins", __version__), ("Python", platform.python_version()), ("numpy", np.__version__)]
    return [*found, Origin("xl-report", "this report", own, [shlex.join(["xl-report", *words])])]


def _name(system: System, result: Result) -> str:
    return system.name if len(system.results) == 1 else f"{system.name}/{result.name}"


def _of_result(path: str, result: Result) -> Facts:
    facts = _of_evaluation(path, result.provenance)
    for title, languages in (("no score for", result.missing), ("without gold labels", result.unlabelled)):
        if languages:
            facts.append((title, ", ".join(map(str, languages))))
    return facts + [(f"questions without prediction, {x}", str(n)) for x, n in result.unanswered.items()]


def _of_evaluation(path: str, provenance: Mapping[str, Any]) -> Facts:
    ordered = {key: provenance[key] for key in _FIRST if key in provenance}
    facts = [("file", path), ("SHA-256 of the file", file_digest(path))]
    facts += [(_words(name), text) for name, text in flatten({**ordered, **provenance})][:MOST_FACTS]
    digest = data_digest(provenance.get("data"))
    return [*facts, ("SHA-256 of the data's checksums.json, now", digest)] if digest else facts


def _words(name: str) -> str:
    first, *rest = name.split(".", 1)
    return ": ".join([first.replace("_", " "), *rest])


def _of_training(item: Trained) -> Origin:
    facts: Facts = [("folder", item.path)]
    commands: list[str] = []
    line = "no training log"
    log = item.log
    if log is None:
        facts.append(("training log", "none"))
    else:
        commands = list(dict.fromkeys(filter(None, map(_command, log.starts))))
        started: dict[str, Any] = {}
        for event in log.starts:
            started |= {
                key: value for key, value in event.items() if key not in ("event", "updates", "seconds", "command")
            }
        facts += [(_words(key), text) for key, text in flatten(started)][:MOST_FACTS]
        if len(log.starts) > 1:
            points = ", ".join(str(event["updates"]) for event in log.starts[1:])
            facts.append(("resumed at update", f"{points} (reports made again: {log.superseded})"))
        if log.torn:
            facts.append(("lines torn by an interruption", str(log.torn)))
        end = list(_end(log))
        facts += end
        seed = [("seed", text) for _, text in flatten(started.get("seed"))]
        line = "; ".join(f"{title} {text}" for title, text in (*seed, *end))
    for file, content in item.facts.items():
        title = {KEPT: "SHA-256 of", "data": "data"}.get(file, file)
        facts += [(f"{title} {_words(key)}" if file != KEPT else f"{title} {key}", text)
                  for key, text in flatten(content)][:MOST_FACTS]  # fmt: skip
    return Origin(item.name, "training", facts, commands, line)


def _end(log: TrainingLog) -> Iterator[tuple[str, str]]:
    last = max((event["updates"] for event in (*log.train, *log.valid, log.end or {"updates": 0})), default=0)
    yield "updates", f"{last}" if log.end else f"{last}, not ended (running, or interrupted)"
    if log.seconds is not None:
        yield "training took", duration(log.seconds)
    best = number((log.end or {}).get("best"))
    if best is not None:
        yield "best score of the selection", f"{best:.4g}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: ``1 h 02 min``, ``2 min 05 s``, ``8.4 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds) // 60
    return (
        f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {round(seconds) % 60:02d} s"
    )


def _command(event: Event) -> str:
    command = mapping(event).get("command")
    if isinstance(command, list):
        return shlex.join(map(str, command))
    return command if isinstance(command, str) else ""
