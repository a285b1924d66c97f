"""The mark in a report's first lines, by which the command knows a file that it may replace."""

from __future__ import annotations

from ..output import check_file
from ..version import __version__

COMMAND = "xl-report"
_WORDS = f"made by {COMMAND} of xl_plugins"
MARK = f"{_WORDS} {__version__}"


def check_output(path: str, overwrite: bool) -> None:
    """UserError unless a report may be written there."""
    check_file(path, overwrite, COMMAND, is_report)


def is_report(path: str) -> bool:
    """Whether the command made this file: the mark is in its first two lines, in the comment of its form."""
    try:
        with open(path, encoding="utf-8") as file:
            head = [file.readline(200) for _ in range(2)]
    except (OSError, ValueError):
        return False
    return any(line.startswith((f"<!-- {_WORDS} ", f"% {_WORDS} ")) for line in head)
