"""Tables of accuracies: languages down, systems across, then the figures over languages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable

from .compare import SUMMARY, Spread, System, all_languages, common_languages
from .labels import LABEL_SETS
from .result import Result

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


def compare_table(systems: Sequence[System]) -> Table:
    """One column per system. The figures over languages use the languages that all systems have."""
    common, languages = common_languages(systems), all_languages(systems)
    first = systems[0].results[0]
    columns = [[spread(s.score(lang) if lang in s.languages() else None) for lang in languages] for s in systems]
    table = Table(
        _title(first.task, first.split),
        ["language", *(system.name for system in systems)],
        [list(row) for row in zip(languages, *columns)],
        _summary(first.source_language, [[spread(v) for v in s.summary(common).values()] for s in systems]),
        [*_notes(systems), *_xtreme_note(first.task, first.split, common)],
    )
    for system in systems:
        lacking = [language for language in languages if language not in system.languages()]
        if lacking:
            table.notes.append(f"{system.name} has no {', '.join(lacking)}; all means are over {', '.join(common)}")
    return table


def seeds_table(system: System) -> Table:
    """One column per seed, then mean and standard deviation (n - 1); for a single result its number of examples."""
    languages, first = common_languages([system]), system.results[0]
    notes = [*_notes([system]), *_xtreme_note(first.task, first.split, languages)]
    if len(system.results) == 1:
        header = ["language", "examples", "accuracy"]
        rows = [[lang, str(first.counts[lang][1]), points(first.scores[lang])] for lang in languages]
        blank = sum(first.counts[lang][1] for lang in languages)
        summary = _summary(first.source_language, [[str(blank), "", ""], [points(v) for v in first.summary().values()]])
        return Table(_title(first.task, first.split, first.name), header, rows, summary, notes)
    header = ["language", *(result.name for result in system.results), "mean", "sd"]
    spreads = [system.score(lang) for lang in languages]
    columns = [[points(result.scores[lang]) for lang in languages] for result in system.results]
    columns += [[points(s.mean) for s in spreads], [points(s.deviation) for s in spreads]]
    totals = system.summary(languages)
    bottom = [[points(v) for v in result.summary(languages).values()] for result in system.results]
    bottom += [[points(totals[key].mean) for key in SUMMARY], [points(totals[key].deviation) for key in SUMMARY]]
    rows = [list(row) for row in zip(languages, *columns)]
    return Table(_title(first.task, first.split), header, rows, _summary(first.source_language, bottom), notes)


def _title(task: str, split: str, name: str = "") -> str:
    return f"{task} {split}, accuracy in percent" + (f": {name}" if name else "")


def _summary(source: str, columns: list[list[str]]) -> list[list[str]]:
    names = ["mean", f"mean without {source}", f"transfer gap ({source} - others)"]
    return [list(row) for row in zip(names, *columns)]


def _notes(systems: Sequence[System]) -> list[str]:
    """Selection protocol and way of inference, once for all columns that share them, and what to beware of."""
    columns = [(_column(system, result), result) for system in systems for result in system.results]
    selections = [(name, result.selection.get("description", "not known"), result) for name, result in columns]
    lines = []
    for text, names in _grouped([(name, text) for name, text, _ in selections]).items():
        scores = [r.selection["score"] for _, t, r in selections if t == text and r.selection.get("score") is not None]
        dev = f"; dev score {', '.join(map(points, scores))}" if scores else ""
        lines.append(_line("selection", names, len(columns), text + dev))
    for name, result in columns:
        score, best = result.selection.get("score"), result.selection.get("best")
        if score != best:
            lines.append(
                f"{name} is not the best checkpoint of its run (dev score {points(score)}, best {points(best)})"
            )
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


def _xtreme_note(task: str, split: str, languages: Sequence[str]) -> list[str]:
    """What keeps the mean from being XTREME's, which is over a fixed list of languages."""
    official = LABEL_SETS[task].languages if task in LABEL_SETS and split == "test" else ()
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
            print("\t".join(row), file=out)
    elif style == "markdown":
        print(f"{table.title}\n", file=out)
        _markdown(table, out)
        for note in table.notes:
            print(f"\n{note}", file=out)
    else:
        _terminal(table, out)


def _markdown(table: Table, out: TextIO) -> None:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (table.header, *table.rows, *table.summary)]
    rule = ["---"] + ["---:"] * (len(table.header) - 1)
    for row in (escaped[0], rule, *escaped[1:]):
        print(f"| {' | '.join(row)} |", file=out)


def _terminal(table: Table, out: TextIO) -> None:
    """With rich, as wide as the table needs: a wrapped line is better than a cut figure."""
    rich_table = RichTable(title=table.title, title_justify="left")
    for number, name in enumerate(table.header):
        rich_table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in table.rows:
        rich_table.add_row(*row)
    rich_table.add_section()
    for row in table.summary:
        rich_table.add_row(*row)
    console = Console(file=out, markup=False, highlight=False)
    columns = zip(table.header, *table.rows, *table.summary)
    console.width = max(console.width, sum(max(map(cell_len, column)) + 3 for column in columns) + 1)
    console.print(rich_table)
    for note in table.notes:
        console.print(note, soft_wrap=True)
