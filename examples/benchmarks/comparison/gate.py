"""A measured process takes one unit of work at a time, when it is told to, and says how long it took."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch


class Gate:
    """Units of work between :meth:`begin` and :meth:`end`; between them the process waits for its turn.

    A line on standard input lets it go on, a line of JSON on the descriptor ``report`` answers: ``kind`` and number of
    ``rows`` of the unit, ``wall`` and ``cpu`` seconds (of all threads), ``peak`` GiB since the first unit began.
    """

    def __init__(self, report: int, cuda: bool) -> None:
        self.file, self.cuda = os.fdopen(report, "w"), cuda
        self.open, self.away, self.loaded = False, [0.0, 0.0], -1.0
        self.clocks = [0.0, 0.0]

    def begin(self) -> None:
        """Wait for the turn, unless it is this process's already."""
        if self.open:
            return
        if self.loaded < 0:
            self.loaded = self._peak()
            self.forget()
        if not sys.stdin.readline():
            os._exit(0)  # the benchmark is over
        self.open, self.away, self.clocks = True, [0.0, 0.0], self._now()

    def end(self, kind: str, rows: int, **more: Any) -> None:
        """Report a unit; ``more``: facts about it."""
        wall, cpu = (now - then - away for now, then, away in zip(self._now(), self.clocks, self.away))
        self.open = False
        self._say(kind=kind, rows=rows, wall=wall, cpu=cpu, **more)

    @contextmanager
    def apart(self, kind: str, rows: int) -> Iterator[None]:
        """Report what the block takes as a unit of its own, which does not count in the one around it."""
        before = self._now()
        yield
        wall, cpu = (now - then for now, then in zip(self._now(), before))
        self.away = [self.away[0] + wall, self.away[1] + cpu]
        self._say(kind=kind, rows=rows, wall=wall, cpu=cpu)

    def _say(self, **facts: Any) -> None:
        print(json.dumps({**facts, "peak": self._peak(), "loaded": self.loaded}), file=self.file, flush=True)

    def _now(self) -> list[float]:
        if self.cuda:
            torch.cuda.synchronize()
        return [time.perf_counter(), time.process_time()]

    def _peak(self) -> float:
        """GiB: on cuda what torch allocated, else resident memory."""
        if self.cuda:
            return torch.cuda.max_memory_allocated() / 2**30
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 2**20

    def forget(self) -> None:
        """The peak so far is that of reading or building the model."""
        if self.cuda:
            torch.cuda.reset_peak_memory_stats()
        else:
            with suppress(OSError):
                Path("/proc/self/clear_refs").write_text("5")
