"""Geometry of line charts: numbers to the points, ticks and labels that a template draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MOST_POINTS = 160  # of a line; more are not told apart at its width
COLOURS, DASHES = 6, 3
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """The line of a run, by its ``number``: ``points`` of a polyline, or the one dot of a single report. colour, dash:
    numbers of the styles. first, lowest, highest, last: (updates, value), what the text says for the picture."""

    number: int
    name: str
    colour: int
    dash: int
    points: str
    dot: tuple[float, float] | None
    reports: int
    first: tuple[float, float]
    lowest: tuple[float, float]
    highest: tuple[float, float]
    last: tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """A chart in a box of ``width`` x ``height``: the frame's corners, ticks as (place, label), lines."""

    title: str
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    lines: list[Line]
    thinned: bool


def make_chart(
    title: str, series: Sequence[tuple[int, str, Points]], size: tuple[int, int] = (440, 264),
    y_range: tuple[float, float] | None = None, ticks: int = 5, x_most: float | None = None,
) -> Chart:  # fmt: skip
    """A chart of series (number of the run, name, points in order of x), none of them empty.

    y_range, x_most: the ends of the axes where several charts share them; else what holds all points.
    """
    xs = [x for _, _, points in series for x, _ in points]
    ys = [y for _, _, points in series for _, y in points]
    low, high = y_range or (min(ys), max(ys))
    y_ticks = nice_ticks(low, high, ticks)
    low, high = min(low, y_ticks[0]), max(high, y_ticks[-1])
    x_ticks = [x for x in nice_ticks(0, x_most or max(xs), ticks) if x <= (x_most or max(xs))]
    y_labels = [tick_label(y, y_ticks) for y in y_ticks]
    left, right, top, bottom = 10.0 + 7 * max(map(len, y_labels)), size[0] - 14.0, 10.0, size[1] - 24.0
    far = x_most or max(xs) or 1

    def place(x: float, y: float) -> tuple[float, float]:
        share = (y - low) / (high - low)
        return round(left + (right - left) * x / far, 1), round(bottom - (bottom - top) * share, 1)

    lines = []
    for index, name, points in series:
        drawn = [place(x, y) for x, y in thinned(points)]
        lines.append(
            Line(
                index, name, *style(index), " ".join(f"{x:g},{y:g}" for x, y in drawn),
                drawn[0] if len(drawn) == 1 else None, len(points), points[0], min(points, key=_value),
                max(points, key=_value), points[-1],
            )
        )  # fmt: skip
    return Chart(
        title, *size, left, right, top, bottom,
        [(place(x, low)[0], tick_label(x, x_ticks)) for x in x_ticks],
        [(place(0, y)[1], label) for y, label in zip(y_ticks, y_labels)],
        lines, any(len(points) > MOST_POINTS for _, _, points in series),
    )  # fmt: skip


def _value(point: tuple[float, float]) -> float:
    return point[1]


def style(index: int) -> tuple[int, int]:
    """Numbers of colour and dash of the run with this number: neighbours differ in both, 18 runs in one of them."""
    return index % COLOURS, (index + index // COLOURS) % DASHES


def thinned(points: Points, most: int = MOST_POINTS) -> Points:
    """Every k-th point, with the first and the last."""
    step = math.ceil((len(points) - 1) / (most - 1)) if len(points) > most else 1
    kept = points[::step]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten: from the last at or below ``low`` to the first at or above ``high``,
    about ``most`` of them, at least two."""
    low, high = (value if abs(value) > 1e-290 else 0.0 for value in (low, high))  # steps between have all their digits
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = (low - abs(low) * 0.1, low + abs(low) * 0.1) if low else (0.0, 1.0)
    rough = (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def tick_label(value: float, ticks: Sequence[float]) -> str:
    """A label with the digits that the distance of the ticks needs."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(value) or 1.0
    largest = max(map(abs, ticks))
    if largest and (largest < 1e-3 or largest >= 1e7):
        digits = max(0, math.floor(math.log10(largest)) - math.floor(math.log10(step) + 1e-9))
        return f"{value:.{digits}e}".replace("e-0", "e-").replace("e+0", "e") if value else "0"
    return f"{value:,.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
