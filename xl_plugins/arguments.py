"""The parser of all commands: mistakes in one line, ``--version``, numbers with a range."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any, NoReturn

from xl_plugins.errors import EXIT_STATUS
from xl_plugins.ranges import LARGEST, LARGEST_SEED
from xl_plugins.terminal import printable
from xl_plugins.version import __version__

BATCH_SIZE = 64  # examples of a batch in inference, unless the user says how many


class Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes are one line without the usage, and that knows ``--version``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.add_argument("--version", action="version", version=f"xl_plugins {__version__}", help="print the version")

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_STATUS, f"{self.prog}: error: {printable(message.removeprefix('argument '))}\n")


def whole(least: int = -LARGEST, most: int = LARGEST) -> Callable[[str], int]:
    """A type for ``add_argument``: a whole number from ``least`` to ``most``."""

    def read(text: str) -> int:
        try:
            value = int(text) if len(text) < 30 else most + 1
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if not least <= value <= most:
            low = f"from {least} " if least > -LARGEST else ""  # otherwise the command itself knows the least
            raise argparse.ArgumentTypeError(
                f"{text[:30]}: expected a whole number {low}{'to' if low else 'up to'} {most}"
            )
        return value

    return read


seed = whole(0, LARGEST_SEED)


def number(least: float, most: float, open_below: bool = False) -> Callable[[str], float]:
    """A type for ``add_argument``: a number from ``least`` to ``most``; ``open_below``: more than ``least``."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not (least < value if open_below else least <= value) or not value <= most or not math.isfinite(value):
            words = f"more than {least:g}" if open_below else f"a number from {least:g}"
            words += "" if most == math.inf else f" to {most:g}"
            raise argparse.ArgumentTypeError(f"{text[:30]}: expected {words}")
        return value

    return read
