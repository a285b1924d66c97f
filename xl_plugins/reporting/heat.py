"""Geometry of heat maps: the generalised matrix as few paths, one per step of the scale."""

from __future__ import annotations

from dataclasses import dataclass

from ..evaluation.report.table import Table
from .inputs import Crossed

NARROWEST, ROW = 29, 22
STEPS = 9  # of the scale, styles h0 to h8


@dataclass(frozen=True)
class HeatMap:
    """A matrix drawn: ``paths`` as (step, the cells filled), ``numbers`` by row as (x, text, step), ``columns`` as (x,
    language), ``legend`` as (step, from, to)."""

    title: str
    name: str
    axes: tuple[str, str]
    languages: list[str]
    width: int
    height: int
    left: int
    row: int
    columns: list[tuple[int, str]]
    paths: list[tuple[int, str]]
    numbers: list[list[tuple[int, str, int]]]
    legend: list[tuple[int, str, str]]
    means: list[tuple[str, str]]
    table: Table


def heat_map(item: Crossed) -> HeatMap:
    """The drawing of a matrix; the scale goes from its lowest to its highest accuracy."""
    matrix = item.matrix
    accuracy = matrix.accuracy
    low, high = float(accuracy.min()), float(accuracy.max())
    width = (high - low) / STEPS
    bins = ((accuracy - low) / (width or 1.0)).astype(int).clip(0, STEPS - 1)
    longest = max(map(len, matrix.languages))
    left, cell, size = 14 + 8 * longest, max(NARROWEST, 7 * longest + 8), len(matrix.languages)
    cells: dict[int, list[str]] = {}
    numbers = []
    for i, row in enumerate(bins.tolist()):
        line = []
        for j, number in enumerate(row):
            x, y = left + cell * j, ROW * (i + 1)
            cells.setdefault(number, []).append(f"M{x} {y}h{cell}v{ROW}h-{cell}z")
            line.append((x + cell // 2, f"{accuracy[i, j]:.1f}", number))
        numbers.append(line)
    names = {"mean": "all pairs of languages", "diagonal": "one language", "off_diagonal": "two languages"}
    return HeatMap(
        f"{matrix.task}, {matrix.split}: accuracy in percent",
        item.name, matrix.axes, matrix.languages, left + cell * size + 4, ROW * (size + 1) + 4, left, ROW,
        [(left + cell * i + cell // 2, language) for i, language in enumerate(matrix.languages)],
        [(number, "".join(parts)) for number, parts in sorted(cells.items())],
        numbers,
        [(i, f"{low + i * width:.1f}", f"{low + (i + 1) * width:.1f}") for i in range(STEPS if width else 1)],
        [(names[key], f"{value:.1f}") for key, value in matrix.summary().items() if value is not None],
        matrix.table(),
    )  # fmt: skip
