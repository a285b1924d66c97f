"""The kinds of pictures: bars, tables of colours, points with names, clouds, histograms, reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import COLOURS, MAP, draw, mark_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...functional.analysis.calibration import Reliability


def bars(values: Mapping[str, float], title: str, axis: str, limits: tuple[float, float] | None = None) -> Figure:
    """A bar for each name, its value at its end; ``axis``: what is measured and its unit."""
    figure, (axes,) = draw(6, 1.2 + 0.28 * len(values), title)
    names = list(values)
    axes.barh(range(len(names)), [values[name] for name in names], color=COLOURS[0])
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(axis)
    if limits:
        axes.set_xlim(*limits)
    for place, name in enumerate(names):
        if np.isfinite(values[name]):
            axes.annotate(f"{values[name]:.3g}", (values[name], place), xytext=(3, 0), textcoords="offset points",
                          va="center", fontsize=8)  # fmt: skip
    axes.margins(x=0.12)
    return figure


def heat(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str, axes_names: tuple[str, str],
    unit: str, limits: tuple[float, float] | None = None, form: str = ".2f",
) -> Figure:  # fmt: skip
    """A table (R, C) whose cells are coloured by their value, which stands in them where there is room."""
    values = np.asarray(values, dtype=np.float64)
    figure, (axes,) = draw(max(4.4, 2 + 0.5 * len(columns)), max(2.8, 1.6 + 0.34 * len(rows)), title)
    low, high = limits or (float(np.nanmin(values)), float(np.nanmax(values)))
    image = axes.imshow(values, cmap=MAP, vmin=low, vmax=high, aspect="auto")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xticks(range(len(columns)), columns, rotation=0 if max(map(len, columns)) < 6 else 60)
    axes.set_ylabel(axes_names[0])
    axes.set_xlabel(axes_names[1])
    if len(columns) <= 30:
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                dark = value < low + (high - low) * 0.55
                axes.text(column, row, format(value, form), ha="center", va="center", fontsize=7,
                          color="white" if dark else "black")  # fmt: skip
    figure.colorbar(image, ax=axes, label=unit)
    return figure


def named_points(
    points: Mapping[str, tuple[float, float]], title: str, axes_names: tuple[str, str], equal: bool = False
) -> Figure:
    """A point for each name, which stands beside it; ``equal``: both axes have one scale."""
    figure, (axes,) = draw(6, 5, title)
    for number, (name, (x, y)) in enumerate(points.items()):
        axes.scatter([x], [y], s=36, **mark_of(number))
        axes.annotate(name, (x, y), xytext=(5, 4), textcoords="offset points")
    _name(axes, axes_names)
    axes.margins(0.12)
    if equal:
        axes.set_aspect("equal", adjustable="datalim")
    return figure


def clouds(groups: Mapping[str, np.ndarray], title: str, axes_names: tuple[str, str], centroids: bool = True) -> Figure:
    """Points (N, 2) of each name, and its centroid as a larger mark with the name beside it."""
    figure, (axes,) = draw(7.5, 6, title)
    for number, (name, points) in enumerate(groups.items()):
        mark = mark_of(number)
        axes.scatter(points[:, 0], points[:, 1], s=12, alpha=0.6, linewidths=0, label=name, **mark)
    for number, (name, points) in enumerate(groups.items() if centroids else ()):
        x, y = points.mean(axis=0)
        axes.scatter([x], [y], s=70, edgecolors="white", linewidths=0.8, zorder=3, **mark_of(number))
        axes.annotate(name, (x, y), xytext=(6, 5), textcoords="offset points", weight="bold", zorder=4)
    _name(axes, axes_names)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, markerscale=2, fontsize=8)
    return figure


def histograms(
    groups: Mapping[str, Mapping[str, np.ndarray]], title: str, axis: str, bins: int = 30, count: str = "examples"
) -> Figure:
    """Panels side by side, in each the distributions of several groups over the same bins."""
    figure, panels = draw(4 if len(groups) > 1 else 6, 3.4, title, len(groups), 3)
    for axes, (panel, parts) in zip(panels, groups.items()):
        together = np.concatenate(list(parts.values())) if parts else np.zeros(0)
        edges = np.histogram_bin_edges(together[np.isfinite(together)], bins=bins).tolist()
        for number, (name, values) in enumerate(parts.items()):
            axes.hist(values, bins=edges, histtype="stepfilled", alpha=0.45, color=COLOURS[number], label=name)
            axes.hist(values, bins=edges, histtype="step", linestyle="-" if not number else "--", color=COLOURS[number])
        axes.set_title(panel, fontsize=9)
        _name(axes, (axis, count))
        axes.legend(frameon=False, fontsize=8)
    return figure


def boxes(groups: Mapping[str, np.ndarray], title: str, axis: str) -> Figure:
    """A box for each name: median, quartiles, and from 5 to 95 % of the values (N,)."""
    figure, (axes,) = draw(6, 1.2 + 0.32 * len(groups), title)
    made = axes.boxplot(
        list(groups.values()), orientation="horizontal", whis=(5, 95), showfliers=False, patch_artist=True, widths=0.6,
        tick_labels=list(groups), medianprops={"color": COLOURS[1], "linewidth": 1.6},
    )  # fmt: skip
    for box in made["boxes"]:
        box.set(facecolor=COLOURS[4], edgecolor=COLOURS[0])
    axes.invert_yaxis()
    axes.set_xlabel(f"{axis}; box: quartiles, whiskers: 5 to 95 %")
    return figure


def lines(
    groups: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str, axes_names: tuple[str, str]
) -> Figure:
    """A line of x and y for each name."""
    figure, (axes,) = draw(6.5, 4, title)
    for number, (name, (x, y)) in enumerate(groups.items()):
        axes.plot(x, y, label=name, markersize=4, **mark_of(number))
    _name(axes, axes_names)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def reliability_panels(groups: Mapping[str, Reliability], title: str) -> Figure:
    """Per name: accuracy over confidence in bins against the diagonal, and ECE in percent."""
    figure, panels = draw(2.6 if len(groups) > 1 else 4, 3, title, len(groups))
    for axes, (name, found) in zip(panels, groups.items()):
        filled = found.counts > 0
        middles = (found.edges[:-1] + found.edges[1:]) / 2
        axes.plot([0, 100], [0, 100], color="0.5", linestyle=":", linewidth=1)
        axes.bar(100 * middles[filled], 100 * found.accuracy[filled], width=100 / len(middles), color=COLOURS[4],
                 edgecolor="white")  # fmt: skip
        axes.plot(100 * found.confidence[filled], 100 * found.accuracy[filled], "o", color=COLOURS[1], markersize=3)
        axes.set_title(f"{name}: ECE {100 * found.expected_error:.1f} %", fontsize=9)
        _name(axes, ("confidence (%)", "accuracy (%)"))
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
    return figure


def _name(axes: Axes, names: tuple[str, str]) -> None:
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
