"""Lines of word files that hold nothing to use: counted by reason, the first one shown."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

from xl_plugins.errors import UserError
from xl_plugins.output import printable

logger = logging.getLogger(__name__)


class OddLines:
    """Lines left out of the file ``path``; ``counts``: reason -> number of lines."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self._first = ""

    def add(self, number: int, line: str, reason: str) -> None:
        """Leave out line ``number`` (from 1)."""
        self.counts[reason] += 1
        if not self._first:
            self._first = f"{self.path}:{number}: '{printable(line[:60])}', {reason}"

    def report(self, lines: int, expected: str) -> None:
        """Warn of what was left out of ``lines`` lines; UserError if nothing was left of them."""
        if not lines:
            raise UserError(f"{self.path}: the file is empty; expected {expected}")
        left, reasons = sum(self.counts.values()), ", ".join(f"{n} {reason}" for reason, n in self.counts.items())
        if left == lines:
            raise UserError(f"{self._first}; so are all {lines} lines ({reasons}); expected {expected}")
        if left:
            logger.warning(
                "%s: %d of %d lines left out (%s); the first is %s", self.path, left, lines, reasons, self._first
            )
