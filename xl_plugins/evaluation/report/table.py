"""Tables of scores: languages down, systems across, then the figures over languages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from ...datasets import XTREME
from ...tables import print_table
from ...terminal import printable
from .compare import SUMMARY, Spread, System, all_languages, common_languages
from .result import Result
from .significance import Test

FORMATS = ("table", "markdown", "tsv")


@dataclass
class Table:
    """Cells as text. ``summary`` rows follow ``rows``; ``notes`` are lines below."""

    title: str
    header: list[str]
    rows: list[list[str]]
    summary: list[list[str]]
    notes: list[str] = field(default_factory=list)


def points(value: float | None) -> str:
    """Percent with one decimal; a dash where there is no figure."""
    return "-" if value is None or math.isnan(value) else f"{value:.1f}"


def spread(value: Spread | None) -> str:
    """``85.3``, or ``85.3 ± 0.4`` over seeds."""
    if value is None or value.deviation is None:
        return points(None if value is None else value.mean)
    return "-" if math.isnan(value.mean) else f"{value.mean:.1f} ± {value.deviation:.1f}"


def p_value(value: float | None) -> str:
    """A p-value with three decimals."""
    return "" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def compare_table(systems: Sequence[System], tests: Sequence[Test] = (), dev_scores: bool = True) -> Table:
    """One column per system and figure. The figures over languages use the languages that all systems have.

    ``tests``: significance of the differences to the first system, one for each of the others. ``dev_scores``: whether
    the notes state the score that selected each checkpoint.
    """
    common, languages = common_languages(systems), all_languages(systems)
    first = systems[0].results[0]
    shown = first.metric.shown
    header, columns, bottom = ["language"], [], []
    for system in systems:
        for figure in shown:
            header.append(system.name if len(shown) == 1 else f"{system.name} {figure.title}")
            columns.append(
                [spread(system.score(x, figure.name) if x in system.languages() else None) for x in languages]
            )
            bottom.append([spread(value) for value in system.summary(common, figure.name).values()])
    for test in tests:
        header.append(f"p {test.other}" if len(tests) > 1 else "p")
        columns.append([p_value(test.languages.get(language)) for language in languages])
        bottom.append([p_value(test.mean), "", ""])
    rows = [list(row) for row in zip(languages, *columns)]
    notes = [
        *_notes(systems, dev_scores),
        *xtreme_note(first.task, first.split, common),
        *(note for t in tests for note in t.notes),
    ]
    table = Table(_title(first), header, rows, _summary(first.source_language, bottom), list(dict.fromkeys(notes)))
    for system in systems:
        lacking = [language for language in languages if language not in system.languages()]
        if lacking:
            table.notes.append(f"{system.name} has no {', '.join(lacking)}; all means are over {', '.join(common)}")
    return table


def seeds_table(system: System) -> Table:
    """One column per seed, then mean and standard deviation (n - 1); for a single result its size and figures."""
    languages, first = common_languages([system]), system.results[0]
    notes = [*_notes([system]), *xtreme_note(first.task, first.split, languages)]
    score, *others = first.metric.shown
    if len(system.results) == 1:
        header = ["language", first.metric.counted, *(figure.title for figure in first.metric.shown)]
        columns = [[str(first.count(language)) for language in languages]]
        bottom = [[str(sum(map(first.count, languages))), "", ""]]
        for figure in first.metric.shown:
            values = first.figures(figure.name)
            columns.append([points(values[language]) for language in languages])
            bottom.append([points(value) for value in first.summary(figure=figure.name).values()])
        rows = [list(row) for row in zip(languages, *columns)]
        return Table(_title(first, first.name), header, rows, _summary(first.source_language, bottom), notes)
    header = ["language", *(result.name for result in system.results), "mean", "sd", *(f.title for f in others)]
    spreads = [system.score(language) for language in languages]
    columns = [[points(result.scores[language]) for language in languages] for result in system.results]
    columns += [[points(s.mean) for s in spreads], [points(s.deviation) for s in spreads]]
    columns += [[spread(system.score(language, f.name)) for language in languages] for f in others]
    totals = system.summary(languages, score.name)
    bottom = [[points(v) for v in result.summary(languages, score.name).values()] for result in system.results]
    bottom += [[points(totals[key].mean) for key in SUMMARY], [points(totals[key].deviation) for key in SUMMARY]]
    bottom += [[spread(value) for value in system.summary(languages, f.name).values()] for f in others]
    rows = [list(row) for row in zip(languages, *columns)]
    return Table(_title(first), header, rows, _summary(first.source_language, bottom), notes)


def _title(result: Result, name: str = "") -> str:
    return f"{result.task} {result.split}, {result.metric.words} in percent" + (f": {name}" if name else "")


def _summary(source: str, columns: list[list[str]]) -> list[list[str]]:
    names = ["mean", f"mean without {source}", f"transfer gap ({source} - others)"]
    return [list(row) for row in zip(names, *columns)]


def _notes(systems: Sequence[System], dev_scores: bool = True) -> list[str]:
    """Selection protocol and way of inference, once for all columns that share them, and what to beware of."""
    columns = [(_column(system, result), result) for system in systems for result in system.results]
    selections = [(name, result.selection.get("description", "not known"), result) for name, result in columns]
    lines = []
    for text, names in _grouped([(name, text) for name, text, _ in selections]).items():
        scores = [r.selection["score"] for _, t, r in selections if t == text and r.selection.get("score") is not None]
        dev = f"; dev score {', '.join(map(points, scores))}" if scores and dev_scores else ""
        lines.append(_line("selection", names, len(columns), text + dev))
    for name, result in columns:
        score, best = result.selection.get("score"), result.selection.get("best")
        if score != best:
            lines.append(
                f"{name} is not the best checkpoint of its run (dev score {points(score)}, best {points(best)})"
            )
    schemes = [(n, r.provenance["tag_scheme"]) for n, r in columns if "tag_scheme" in r.provenance]
    for text, names in _grouped(schemes).items():
        lines.append(_line("tags", names, len(columns), text))
    inference = [(n, r.provenance["inference"]["description"]) for n, r in columns if "inference" in r.provenance]
    for text, names in _grouped(inference).items():
        lines.append(_line("inference", names, len(columns), text))
    return lines


def _column(system: System, result: Result) -> str:
    if len(system.results) == 1 or system.name == result.name:
        return system.name
    return f"{system.name}/{result.name}" if system.name else result.name


def _grouped(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """(name, text) pairs as text -> names."""
    groups: dict[str, list[str]] = {}
    for name, text in pairs:
        groups.setdefault(text, []).append(name)
    return groups


def _line(what: str, names: list[str], columns: int, text: str) -> str:
    return f"{what}: {text}" if len(names) == columns else f"{what} ({', '.join(names)}): {text}"


def xtreme_note(task: str, split: str, languages: Sequence[str]) -> list[str]:
    """A note on why the mean is not XTREME's, which is over a fixed list of languages."""
    official = XTREME[task].languages if task in XTREME and split == "test" else ()
    if not official or set(official) == set(languages):
        return []
    lacking = [language for language in official if language not in languages]
    added = [language for language in languages if language not in official]
    differs = [f"without {', '.join(lacking)}"] * bool(lacking) + [f"with {', '.join(added)}"] * bool(added)
    theirs, ours = len(official), len(languages)
    return [f"XTREME's {task} average is over {theirs} languages; this one is over {ours}, {' and '.join(differs)}"]


def render(table: Table, style: str, out: TextIO) -> None:
    """Write ``table`` to ``out`` as one of :data:`FORMATS`; tsv leaves title and notes out."""
    if style == "tsv":
        for row in (table.header, *table.rows, *table.summary):
            print("\t".join(map(printable, row)), file=out)
    elif style == "markdown":
        print(f"{printable(table.title)}\n", file=out)
        _markdown(table, out)
        for note in table.notes:
            print(f"\n{printable(note)}", file=out)
    else:
        print_table(table.title, table.header, [table.rows, table.summary], out)
        for note in table.notes:
            print(printable(note), file=out)


def _markdown(table: Table, out: TextIO) -> None:
    escaped = [
        [printable(cell).replace("|", "\\|") for cell in row] for row in (table.header, *table.rows, *table.summary)
    ]
    rule = ["---"] + ["---:"] * (len(table.header) - 1)
    for row in (escaped[0], rule, *escaped[1:]):
        print(f"| {' | '.join(row)} |", file=out)
