"""Learning curves: the charts of training logs, all runs in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..logs.reading import TrainingLog, mapping, number
from .figures import Chart, Points, make_chart, style
from .inputs import Trained

# what fairseq reports of the machine rather than of learning
_NOT_DRAWN = {
    "wps", "ups", "wpb", "bsz", "num_updates", "clip", "train_wall", "wall", "gb_free", "cuda_gb_allocated",
    "cuda_gb_reserved", "cuda_gb_free", "loss_scale", "epoch", "seconds", "sample_size", "ntokens", "nsentences",
}  # fmt: skip
MOST_CHARTS = 8  # of training, and of each subset
SMALL = (220, 150)


@dataclass
class Curves:
    """Charts of one subset. small: a chart per language and figure, on the same axes."""

    title: str
    charts: list[Chart] = field(default_factory=list)
    small: dict[str, list[Chart]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def legend(trained: Sequence[Trained]) -> list[tuple[int, str, int, int]]:
    """Number, name, colour and dash of every run that has a log."""
    return [(i, run.name, *style(i)) for i, run in enumerate(trained) if run.log is not None]


def learning_curves(trained: Sequence[Trained]) -> list[Curves]:
    """Charts of training, then of every subset that was validated."""
    found = [_curves("training", trained, lambda log: log.train or log.epochs)]
    subsets = dict.fromkeys(str(event.get("subset", "valid")) for run in trained if run.log for event in run.log.valid)
    for subset in subsets:
        found.append(_curves(subset, trained, lambda log, s=subset: _of(log, s)))  # type: ignore[misc]
    return [curves for curves in found if curves.charts]


def _of(log: TrainingLog, subset: str) -> list[dict[str, Any]]:
    return [event for event in log.valid if str(event.get("subset", "valid")) == subset]


def _curves(title: str, trained: Sequence[Trained], events: Callable[[TrainingLog], list[dict[str, Any]]]) -> Curves:
    logs = [(index, run.name, events(run.log)) for index, run in enumerate(trained) if run.log is not None]
    names = dict.fromkeys(name for _, _, reports in logs for event in reports for name in mapping(event.get("stats")))
    left_out = _NOT_DRAWN | {name for _, _, reports in logs for event in reports for name in _of_languages(event)}
    wanted = sorted((name for name in names if name not in left_out and not name.startswith("best_")), key=_rank)
    curves = Curves(title)
    for name in wanted:
        series = _series(logs, lambda event, n=name: mapping(event.get("stats")).get(n))  # type: ignore[misc]
        if series and len(curves.charts) < MOST_CHARTS:
            curves.charts.append(make_chart(name, series))
        elif series:
            curves.left_out.append(name)
    for figure in dict.fromkeys(
        figure for _, _, reports in logs for event in reports
        for entry in mapping(event.get("languages")).values() for figure in mapping(entry)
    ):  # fmt: skip
        if charts := _by_language(logs, figure):
            curves.small[figure] = charts
    return curves


def _of_languages(event: dict[str, Any]) -> Iterator[str]:
    """Names of the figures of single languages, which have charts of their own: ``acc_de``."""
    for language, figures in mapping(event.get("languages")).items():
        yield from (f"{figure}_{language}" for figure in mapping(figures))


def _rank(name: str) -> tuple[bool, bool, bool]:
    """Loss first, then the parts of it, then scores; the rate comes last."""
    return name != "loss", "loss" not in name, name in ("lr", "gnorm", "ppl")


def _by_language(logs: Sequence[tuple[int, str, list[dict[str, Any]]]], figure: str) -> list[Chart]:
    languages = sorted({x for _, _, reports in logs for event in reports for x in mapping(event.get("languages"))})
    every = {}
    for language in languages:
        series = _series(
            logs,
            lambda event, x=language: mapping(mapping(event.get("languages")).get(x)).get(figure),  # type: ignore[misc]
        )
        if series:
            every[language] = series
    values = [y for series in every.values() for _, _, points in series for _, y in points]
    most = max((x for series in every.values() for _, _, points in series for x, _ in points), default=0) or 1
    return [
        make_chart(language, series, SMALL, (min(values), max(values)), 4, most) for language, series in every.items()
    ]


def _series(
    logs: Sequence[tuple[int, str, list[dict[str, Any]]]], read: Callable[[dict[str, Any]], Any]
) -> list[tuple[int, str, Points]]:
    found = []
    for index, name, reports in logs:
        values = [(float(event["updates"]), number(read(event))) for event in reports]
        points = [(x, y) for x, y in values if y is not None]
        if points:
            found.append((index, name, points))
    return found
