"""The numbers of a table of scores: mean, deviation over seeds, difference to the baseline, and corrected p-values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ..errors import UserError
from ..evaluation.report.compare import SUMMARY, Spread, System, all_languages, common_languages
from ..evaluation.report.significance import RESAMPLES, Test, paired_bootstrap
from ..evaluation.report.table import compare_table
from ..functional.scores.bootstrap import holm
from ..logs.reading import number
from .inputs import Scored

LEVEL = 0.05  # of the marks in tables


@dataclass(frozen=True)
class Bootstrap:
    """How differences to the baseline are tested; ``resamples`` 0: not at all."""

    resamples: int = RESAMPLES
    seed: int = 1
    joint_rows: bool | None = None


@dataclass(frozen=True)
class Cell:
    """A figure of a system, in points. difference: to the baseline's mean; p: of that difference, and ``adjusted`` by
    Holm's rule over the systems compared with the baseline. None where there is none."""

    mean: float
    deviation: float | None = None
    difference: float | None = None
    p: float | None = None
    adjusted: float | None = None

    @property
    def significant(self) -> bool:
        return self.adjusted is not None and self.adjusted < LEVEL


@dataclass(frozen=True)
class Row:
    """A language, or a figure over languages: a cell per system, None for a system that has none. best: the numbers of
    the systems with the highest mean, empty where higher is not better or there is one system."""

    key: str
    title: str
    cells: list[Cell | None]
    best: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Scores:
    """One figure of all systems: a row per language and those over languages."""

    title: str
    rows: list[Row]
    summary: list[Row]


@dataclass
class Comparison:
    """All systems of one task. baseline: number of the system that the others are compared with, None for one system or
    where no system has the name asked for. scores: the score first, then the metric's other figures."""

    title: str
    task: str
    split: str
    source: str
    systems: list[System]
    baseline: int | None
    common: list[str]
    scores: list[Scores]
    notes: list[str] = field(default_factory=list)

    @property
    def selection(self) -> list[Spread | None]:
        """The dev score that selected the checkpoint, by system, over its seeds; None where a seed has none."""
        scores = [[number(result.selection.get("score")) for result in system.results] for system in self.systems]
        return [None if None in each else Spread.of([x for x in each if x is not None]) for each in scores]

    @property
    def tested(self) -> bool:
        return any(cell and cell.p is not None for row in self.scores[0].summary for cell in row.cells)


def compare_all(scored: Sequence[Scored], baseline: str | None, bootstrap: Bootstrap) -> list[Comparison]:
    """A comparison per task, in the order of the results; UserError where no task has the baseline, or what has the
    same task does not compare."""
    groups: dict[tuple[str, ...], list[System]] = {}
    for item in scored:
        groups.setdefault(item.key, []).append(item.system)
    names = [system.name for systems in groups.values() for system in systems]
    if baseline is not None and baseline not in names:
        raise UserError(
            f"--baseline {baseline}: no system has this name; choose one of {', '.join(dict.fromkeys(names))}"
        )
    return [compare(systems, baseline, bootstrap) for systems in groups.values()]


def compare(systems: Sequence[System], baseline: str | None = None, bootstrap: Bootstrap = Bootstrap()) -> Comparison:
    """Compare systems of one task with ``baseline``, the first one unless it is named."""
    systems = list(systems)
    common, languages, first = common_languages(systems), all_languages(systems), systems[0].results[0]
    names = [system.name for system in systems]
    base = (0 if baseline is None else names.index(baseline) if baseline in names else None) if names[1:] else None
    found = Comparison(
        f"{first.task}, {first.split}: {first.metric.words} in percent",
        first.task, first.split, first.source_language, systems, base, common, [],
    )  # fmt: skip
    tests, untested = _tests(systems, base, common, bootstrap)
    for figure in first.metric.shown:
        score = figure.name == first.metric.primary
        rows = []
        for language in languages:
            spreads = [s.score(language, figure.name) if language in s.languages() else None for s in systems]
            rows.append(_row(language, language, spreads, base, _p(tests, language) if score else {}))
        over = [system.summary(common, figure.name) for system in systems]
        titles = ["mean", f"mean without {first.source_language}", f"transfer gap ({first.source_language} - others)"]
        summary = [
            _row(key, title, [each[key] for each in over], base, _p(tests, key) if score else {})
            for key, title in zip(SUMMARY, titles)
        ]
        found.scores.append(Scores(figure.title, rows, summary))
    found.notes = _notes(found, tests, untested, baseline)
    return found


def _tests(
    systems: Sequence[System], base: int | None, common: Sequence[str], bootstrap: Bootstrap
) -> tuple[dict[int, Test], list[str]]:
    """Tests of the other systems by their numbers, and the names of those that cannot be tested."""
    tests: dict[int, Test] = {}
    untested: list[str] = []
    if base is None or not bootstrap.resamples:
        return tests, untested
    first = systems[base]
    for index, other in enumerate(systems):
        if index == base:
            continue
        shared = first.languages() & other.languages()
        if not all(shared <= result.examples.keys() for s in (first, other) for result in s.results):
            untested.append(other.name)
            continue
        options = (bootstrap.resamples, bootstrap.seed, bootstrap.joint_rows)
        tests[index] = paired_bootstrap(first, other, *options)
        if shared != set(common):  # the mean shown is over the languages of all systems
            tests[index].mean = paired_bootstrap(_only(first, common), _only(other, common), *options).mean
    return tests, untested


def _only(system: System, languages: Iterable[str]) -> System:
    kept = set(languages)
    return System(
        system.name,
        [replace(result, counts={x: v for x, v in result.counts.items() if x in kept}) for result in system.results],
    )


def _p(tests: dict[int, Test], key: str) -> dict[int, float]:
    """p by number of the system: of a language, or of the mean; the other figures over languages have none."""
    if key == "mean":
        return {index: test.mean for index, test in tests.items()}
    return {index: test.languages[key] for index, test in tests.items() if key in test.languages}


def _row(key: str, title: str, spreads: list[Spread | None], base: int | None, p: dict[int, float]) -> Row:
    adjusted = dict(zip(p, holm(list(p.values()))))
    values = {i: s.mean for i, s in enumerate(spreads) if s is not None and not math.isnan(s.mean)}
    reference = values.get(base) if base is not None else None
    cells = [
        Cell(values[i], s.deviation, None if reference is None or i == base else values[i] - reference, p.get(i),
             adjusted.get(i)) if s is not None and i in values else None
        for i, s in enumerate(spreads)
    ]  # fmt: skip
    highest = max(values.values(), default=0.0)
    ranked = key != "transfer_gap" and len(values) > 1
    return Row(key, title, cells, frozenset(i for i, v in values.items() if ranked and abs(v - highest) < 1e-9))


def _notes(found: Comparison, tests: dict[int, Test], untested: list[str], baseline: str | None) -> list[str]:
    notes = compare_table(found.systems, list(tests.values()), dev_scores=False).notes
    if tests:
        notes.append(
            f"p corrected by Holm's rule over the {len(tests)} systems compared with the baseline, by score; marked"
            f" below {LEVEL:g}"
            if len(tests) > 1
            else f"one system is compared with the baseline, so p needs no correction; marked below {LEVEL:g}"
        )
    if any(len(system.results) > 1 for system in found.systems):
        notes.append("± standard deviation over seeds, n - 1")
    if untested:
        notes.append(
            f"without p, since the results hold no examples (an older version wrote them): {', '.join(untested)}"
        )
    if baseline is not None and found.baseline is None and found.systems[1:]:
        notes.append(f"no system of this task is called {baseline}: nothing is compared")
    return notes
