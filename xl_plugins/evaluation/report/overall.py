"""The overall table of XTREME: the average of every task, the transfer gap, and the mean over tasks."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence

from ...datasets import XTREME
from ...errors import UserError
from ..metrics.benchmark import task_name
from .compare import Spread, System, common_languages
from .result import read_json
from .table import Table, spread, xtreme_note

Tasks = dict[str, System]


def read_systems(words: Sequence[str]) -> dict[str, Tasks]:
    """``[NAME=]FILE`` of ``xl-evaluate --json``, each of one task: system -> task -> results.

    Files of one name, or without one, belong to one system.
    """
    systems: dict[str, Tasks] = {}
    files: dict[tuple[str, str], str] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals or os.path.exists(word):
            name, path = "", word
        results = read_json(path)
        task = task_name(results[0].task)
        if (name, task) in files:
            raise UserError(
                f"--overall: {files[name, task]} and {path} are both of task {task}"
                f"{f' and system {name}' if name else ''}; write NAME=FILE to tell systems apart"
            )
        files[name, task] = path
        systems.setdefault(name, {})[task] = System(name or "score", results)
    if len(systems) > 1 and "" in systems:
        path = next(file for (name, _), file in files.items() if not name)
        raise UserError(f"--overall: {path} has no system's name, others have; write NAME=FILE for every file")
    splits = {result.split for tasks in systems.values() for system in tasks.values() for result in system.results}
    if len(splits) > 1:
        raise UserError(
            f"--overall: results of different splits ({', '.join(sorted(splits))}); give those of one split"
        )
    return systems


def overall_table(systems: dict[str, Tasks]) -> Table:
    """Tasks down, in XTREME's order; for every system its average over languages, that without the source language, and
    the transfer gap. Averages of one row are over the languages that all systems have."""
    named = [*(task for task in XTREME if any(task in tasks for tasks in systems.values()))]
    named += sorted({task for tasks in systems.values() for task in tasks if task not in XTREME})
    columns: dict[str, list[dict[str, Spread] | None]] = {name: [] for name in systems}
    notes: list[str] = []
    sizes, split = [], ""
    for task in named:
        present = [tasks[task] for tasks in systems.values() if task in tasks]
        languages = common_languages(present)
        first = present[0].results[0]
        split = first.split
        sizes.append(_languages(task, languages))
        notes += xtreme_note(task, split, languages)
        for name, tasks in systems.items():
            columns[name].append(tasks[task].summary(languages) if task in tasks else None)
    header, cells, bottom = ["task", "languages"], [sizes], [""]
    for name, column in columns.items():
        for title, key in (("", "mean"), ("without source", "mean_without_source"), ("gap", "transfer_gap")):
            header.append(" ".join(filter(None, (name, title))) or "score")
            cells.append([spread(entry[key] if entry else None) for entry in column])
            bottom.append(spread(_mean([entry[key] if entry else None for entry in column], columns, key, name)))
    rows = [list(row) for row in zip([_title(task) for task in named], *cells)]
    return Table(f"XTREME {split}, percent", header, rows, [["mean over tasks", *bottom]], [*_notes(systems), *notes])


def _title(task: str) -> str:
    return XTREME[task].title if task in XTREME else task


def _languages(task: str, languages: Sequence[str]) -> str:
    official = XTREME[task].languages if task in XTREME else ()
    inside = sum(language in official for language in languages)
    return f"{inside} of {len(official)}" if official else str(len(languages))


def _mean(values: list[Spread | None], columns: dict, key: str, name: str) -> Spread | None:
    """Mean over the rows in which every system has this figure."""
    whole = [
        number
        for number in range(len(values))
        if all(column[number] is not None and column[number][key].mean == column[number][key].mean  # not nan
               for column in columns.values())
    ]  # fmt: skip
    found = [value.mean for number in whole if (value := values[number]) is not None]
    return Spread(statistics.fmean(found), None) if found else None


def _notes(systems: dict[str, Tasks]) -> list[str]:
    notes = []
    common = set.intersection(*(set(tasks) for tasks in systems.values()))
    for name, tasks in systems.items():
        lacking = [
            other for other in dict.fromkeys(t for every in systems.values() for t in every) if other not in tasks
        ]
        if lacking:
            notes.append(f"{name} has no {', '.join(map(_title, lacking))}; mean over tasks without {_them(lacking)}")
    official = [task for task in XTREME if task in common]
    if len(official) < len(XTREME):
        missing = ", ".join(XTREME[task].title for task in XTREME if task not in common)
        notes.append(
            f"XTREME's overall score is over {len(XTREME)} tasks; this one is over {len(common)}, without {missing}"
        )
    if added := [task for task in sorted(common) if task not in XTREME]:
        notes.append(f"no task of XTREME, but counted: {', '.join(added)}")
    metrics = [system.results[0].metric for tasks in systems.values() for system in tasks.values()]
    if any(metric.gap != metric.primary for metric in metrics):
        notes.append("score of questions: mean of exact match and F1; their gap: of exact match")
    return notes


def _them(tasks: Sequence[str]) -> str:
    return "it" if len(tasks) == 1 else "them"
