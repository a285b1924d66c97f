"""The folder that an analysis writes: ``analysis.json``, tables as CSV, pictures as PNG and SVG; whole or absent."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..output import Staging
from ..version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONTENT = "analysis.json"
Cell = str | int | float | None


class Analysis:
    """Collects the numbers, tables and pictures of an analysis, and writes them together.

    Args:
        kind: the sub-command, ``similarity``.
        command: the command line, for the record.
        facts: further entries of the JSON, such as the checkpoint.
    """

    def __init__(self, kind: str, command: str, **facts: Any) -> None:
        self.kind, self.command, self.facts = kind, command, facts
        self.numbers: dict[str, Any] = {}
        self.notes: list[str] = []
        self._tables: dict[str, str] = {}
        self._pictures: dict[str, Figure] = {}

    def add_table(self, name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """A table ``name``.csv."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([_cell(value) for value in row] for row in rows)
        self._tables[f"{name}.csv"] = text.getvalue()

    def add_picture(self, name: str, figure: Figure) -> None:
        """A picture ``name``.png and ``name``.svg."""
        self._pictures[name] = figure

    def write(self, staging: Staging) -> None:
        """Fill the folder under construction and put it in its place."""
        from .pictures.style import save

        content = {
            "kind": self.kind, "version": __version__, "commands": [self.command], "checkpoint": None, **self.facts,
            "numbers": self.numbers, "notes": self.notes, "pictures": [f"{name}.png" for name in self._pictures],
            "tables": list(self._tables),
        }  # fmt: skip
        text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
        Path(staging.new, CONTENT).write_text(f"{text}\n", encoding="utf-8")
        for name, table in self._tables.items():
            Path(staging.new, name).write_text(table, encoding="utf-8")
        for name, figure in self._pictures.items():
            save(figure, Path(staging.new, name))
        staging.commit()


def plain(value: Any) -> Any:
    """Numbers, lists and objects as JSON has them: nan and infinities become null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Cell) -> Cell:
    if isinstance(value, float):
        return "" if not math.isfinite(value) else f"{value:.6g}"
    return value
