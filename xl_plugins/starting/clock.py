"""Seconds from the command to the first update, by part."""

from __future__ import annotations

import functools
import logging
import multiprocessing
import os
import time
from typing import Any

logger = logging.getLogger(__name__)


def process_age() -> float:
    """Seconds since the command began: this process, or the one that started it by multiprocessing (fairseq's, one per
    GPU). Where the system does not tell, since some point in the past of the process."""
    parent = multiprocessing.parent_process()
    try:
        with open(f"/proc/{parent.pid if parent else 'self'}/stat", encoding="utf-8", errors="replace") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return time.monotonic() - _IMPORTED


_IMPORTED = time.monotonic()


class StartClock:
    """The parts of a start, each ended by :meth:`mark`."""

    def __init__(self) -> None:
        self.marks = [("", 0.0)]

    def mark(self, part: str) -> None:
        """Name what ends now."""
        self.marks.append((part, process_age()))

    def line(self) -> str:
        """How long all of it took, and each part."""
        parts = [f"{name} {now - before:.1f} s" for (_, before), (name, now) in zip(self.marks, self.marks[1:])]
        return f"first update {self.marks[-1][1]:.1f} s after the command: {', '.join(parts)}"

    def watch(self, trainer: Any) -> None:
        """Log the line after the first update of a training that begins."""
        train_step = trainer.train_step

        @functools.wraps(train_step)
        def timed(*args: Any, **kwargs: Any) -> Any:
            found = train_step(*args, **kwargs)
            if len(self.marks) < 4 and found is not None:  # None: gradients overflowed, there was no update
                self.mark("first update")
                logger.info("%s", self.line())
            return found

        trainer.train_step = timed
