"""Text from outside on its way to a terminal."""

from __future__ import annotations

import sys
import unicodedata
from typing import TextIO

_HARMFUL = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, direction overrides, half surrogates, line separators


def printable(text: object) -> str:
    """``text`` on one line, with what could steer a terminal or reorder its line as ``\\xNN`` escapes."""
    text = str(text)
    return text if text.isprintable() else "".join(map(_escaped, text))


def say(*lines: str, file: TextIO | None = None) -> None:
    """Print each line (or several, joined by newlines) as :func:`printable`; tabs stay."""
    for line in "\n".join(lines).split("\n"):
        print("\t".join(map(printable, line.split("\t"))), file=file or sys.stdout, flush=True)


def _escaped(char: str) -> str:
    if char.isprintable() or unicodedata.category(char) not in _HARMFUL:
        return char
    return char.encode("unicode_escape").decode("ascii")
