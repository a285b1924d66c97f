"""The last words of ``xl-prepare`` on tagged files: every change to words, lines that were skipped, labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from xl_plugins.output import printable

_FILES = 4  # named in a line
_LABELS = 24  # shown with their counts
Noted = Sequence[tuple[str, Mapping[str, Any]]]  # path, and Notes.found of that file


def note_lines(noted: Noted) -> list[str]:
    """A line for every kind of change or decision: how often, in which files, and where first."""
    kinds = dict.fromkeys(kind for _, found in noted for kind in found)
    return [_line(kind, [(path, *found[kind]) for path, found in noted if kind in found]) for kind in kinds]


def _line(kind: str, places: Sequence[tuple[str, int, int, str]]) -> str:
    sort, _, what = kind.partition(": ")
    counts = Counter[str]()
    for path, count, _, _ in places:
        counts[path] += count
    path, _, line, text = places[0]
    shown = printable(text)
    shown = f", '{shown if len(shown) <= 60 else shown[:60] + '...'}'" if text else ""
    files = ""
    if len(counts) > 1:
        named = [f"{printable(name)} {count:,}" for name, count in counts.most_common(_FILES)]
        more = len(counts) - len(named)
        files = f" ({', '.join(named)}{f' and {more} more files' if more else ''})"
    prefix = "words changed: " if sort == "word" else ""
    total = f"{counts.total():,}{files}, first " if counts.total() > 1 else ""
    return f"{prefix}{what}: {total}{printable(path)}:{line}{shown}"


def label_line(labels: Sequence[str], counts: Mapping[str, int], where: str) -> str:
    """The labels in the order of the model's outputs, with the words of ``where`` that have them."""
    shown = list(labels)
    if len(shown) > _LABELS:
        often = sorted(labels, key=lambda label: -counts.get(label, 0))[:_LABELS]
        shown = [label for label in labels if label in set(often)]
    rest = len(labels) - len(shown)
    listed = ", ".join(f"{printable(label)} {counts.get(label, 0):,}" for label in shown)
    return f"{len(labels)} labels (words of {where}): {listed}{f' and {rest} rarer ones' if rest else ''}"
