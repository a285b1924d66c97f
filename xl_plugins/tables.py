"""Tables on a terminal of any width: titles fold, columns that do not fit follow in another block, no figure is cut."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from .terminal import printable

_BORDER = 3  # cells between two columns: a line and a blank on either side


def print_table(
    title: str, header: Sequence[str], groups: Sequence[Sequence[Sequence[str]]], out: TextIO, keys: int = 1
) -> None:
    """Print rows of cells under ``title``, a line between the ``groups`` of rows.

    The width is the terminal's (or ``COLUMNS``), unlimited in a file or pipe. The first ``keys`` columns name the row
    and are repeated in every block of columns; the others hold figures.
    """
    header = [printable(name) for name in header]
    shown = [[[printable(cell) for cell in row] for row in rows] for rows in groups]
    console = Console(file=out, markup=False, highlight=False)
    limited = console.is_terminal or "COLUMNS" in os.environ
    widths = [_width(column, limited) for column in zip(header, *(row for rows in shown for row in rows))]
    console.print(printable(title), soft_wrap=True, style="italic")
    for columns in _blocks(widths, keys, console.width if limited else sum(widths) + _BORDER * len(widths) + 1):
        table = Table()
        for number in columns:
            table.add_column(
                header[number],
                justify="right" if number >= keys else "left",
                width=widths[number],
                overflow="fold",
            )
        for rows in shown:
            for row in rows:
                table.add_row(*(row[number] for number in columns))
            table.add_section()
        console.width = sum(widths[number] + _BORDER for number in columns) + 1  # more than the terminal's at need
        console.print(table)


def _width(column: Sequence[str], folds: bool) -> int:
    """The width of the widest cell, and of the title or, where it ``folds`` between words, of its widest word."""
    title, *cells = column
    return max([*map(cell_len, title.split() if folds else [title]), *map(cell_len, cells), 1])


def _blocks(widths: Sequence[int], keys: int, width: int) -> Iterator[list[int]]:
    """Numbers of the columns of each block: the key columns and as many others as fit, at least one."""
    first = list(range(keys))
    taken = sum(widths[number] + _BORDER for number in first) + 1
    block, used = [*first], taken
    for number in range(keys, len(widths)):
        needed = widths[number] + _BORDER
        if len(block) > keys and used + needed > width:
            yield block
            block, used = [*first], taken
        block.append(number)
        used += needed
    yield block
