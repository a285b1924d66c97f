"""Read ``SAVE_DIR/log.jsonl`` (``run_log``): each update once, lines torn by a power cut passed over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError
from .run_log import NAME

__all__ = ["NAME", "TrainingLog", "mapping", "number", "read_log"]
_START = (b'{"event":"start"', b'{"event": "start"')
_LARGEST = 1e30
Event = dict[str, Any]


@dataclass
class TrainingLog:
    """A run as its log tells it: reports that a resumed run made again are there once, as it made them.

    superseded: reports of an interrupted run that came after the point where it was taken up again. torn: lines that a
    power cut left half written. seconds: that all its processes trained, undone updates included; None where no line
    says.
    """

    starts: list[Event] = field(default_factory=list)
    train: list[Event] = field(default_factory=list)
    valid: list[Event] = field(default_factory=list)
    epochs: list[Event] = field(default_factory=list)
    end: Event | None = None
    superseded: int = 0
    torn: int = 0
    seconds: float | None = None
    _before: float = 0.0  # what earlier processes took

    def add(self, event: Event) -> None:
        """Take up the next line."""
        kinds = {"train": self.train, "valid": self.valid, "epoch": self.epochs}
        if event["event"] == "start":
            self._before = self.seconds or 0.0
            self._go_back(event["updates"])
            self.starts.append(event)
            self.end = None
        elif event["event"] == "end":
            self.end = event
        elif event["event"] in kinds:
            reports = kinds[event["event"]]
            key = (event["updates"], event.get("subset"))
            same = [i for i, old in enumerate(reports[-8:]) if (old["updates"], old.get("subset")) == key]
            if same:  # validated once more where the run was taken up
                del reports[max(len(reports) - 8, 0) + same[-1]]
                self.superseded += 1
            reports.append(event)
        took = number(event.get("seconds"))  # since its process began
        if took is not None:
            self.seconds = max(self.seconds or 0.0, self._before + took)

    def _go_back(self, updates: int) -> None:
        for reports in (self.train, self.valid, self.epochs):
            kept = [event for event in reports if event["updates"] <= updates]
            self.superseded += len(reports) - len(kept)
            reports[:] = kept


def read_log(path: Path) -> TrainingLog:
    """Read a log; UserError with file and line for what no run wrote.

    A line that a power cut tore is passed over: the last one, or one before the next start.
    """
    log = TrainingLog()
    lines = path.read_bytes().split(b"\n")
    for index, line in enumerate(lines):
        if not line.strip():
            continue
        event = _event(line)
        if event is None:
            start = max(line.find(word, 1) for word in _START)  # the next start on the line of the torn one
            event = _event(line[start:]) if start > 0 else None
            log.torn += 1
        if event is not None:
            log.add(event)
        elif any(rest.strip() for rest in lines[index + 1 :]) and not _is_start(lines[index + 1]):
            raise UserError(
                f"{path}:{index + 1}: expected an event of a training log, a JSON object with 'event' and 'updates';"
                " remove the line, or leave the run out"
            )
    if not log.starts and not log.train and not log.valid and not log.epochs:
        raise UserError(f"{path}: holds no event of a training; leave the run out")
    return log


def _is_start(line: bytes) -> bool:
    event = _event(line)
    return event is not None and event["event"] == "start"


def _event(line: bytes) -> Event | None:
    """The event of a line; None where it is none."""
    try:
        event = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return None
    updates = event.get("updates")
    return event if type(updates) is int and 0 <= updates < 2**53 else None


def number(value: Any) -> float | None:
    """A number that can be drawn, also one written as text, as fairseq's statistics may be; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < _LARGEST else None


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}
