"""Results, generalised matrices and save folders, of which a report is made: told apart, read and named."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..data.binary.checksums import NAME as CHECKSUMS
from ..data.binary.digest import file_digest
from ..data.binary.kept import FOLDER as KEPT
from ..errors import UserError
from ..evaluation.generalised import Matrix
from ..evaluation.options import column_names, short_names
from ..evaluation.report.compare import System
from ..evaluation.report.result import read_json
from ..formats.json_text import read_json as load_json
from ..logs import reading as logs
from ..logs.reading import TrainingLog, mapping
from ..output import read_mark
from ..terminal import say

MODEL = "xl_model.json"
_WANTED = "a result of xl-evaluate --json, or the save folder of a run"


@dataclass
class Scored:
    """A system: its seeds, and the file of each."""

    paths: list[str]
    system: System

    @property
    def key(self) -> tuple[str, str, str]:
        """Task, split and metric, which systems in one table share."""
        first = self.system.results[0]
        return first.task, first.split, first.metric.name


@dataclass
class Trained:
    """A save folder. log: None where the run wrote none. facts: what else lies there about the run, by file."""

    path: str
    name: str
    log: TrainingLog | None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Crossed:
    """A generalised matrix and its file."""

    path: str
    name: str
    matrix: Matrix


@dataclass
class Inputs:
    """All RUNs in their order, by kind."""

    scored: list[Scored] = field(default_factory=list)
    trained: list[Trained] = field(default_factory=list)
    crossed: list[Crossed] = field(default_factory=list)


def read_runs(paths: Sequence[str], names: str | None) -> Inputs:
    """Read every RUN; UserError for what is none, and for names that do not tell systems of one table apart.

    A result whose checkpoint lies beside a training log brings that log, too. Results of one task to which ``names``
    gives the same name are seeds of one system.
    """
    found = Inputs()
    groups: dict[tuple[str, ...], list[int]] = {}
    items: list[Scored | Trained | Crossed] = []
    for path in paths:
        item = _read(path)
        kind = item.key if isinstance(item, Scored) else (type(item).__name__,)
        groups.setdefault(kind, []).append(len(items))
        items.append(item)
    given = [name.strip() for name in names.split(",")] if names else None
    if given is not None and len(given) != len(paths):
        raise UserError(f"--names {names}: {len(given)} names for {len(paths)} runs")
    for group, members in groups.items():
        if given and len(group) > 1:
            members[:] = _join(items, members, given)
        chosen = ",".join(given[i] for i in members) if given else None
        for index, name in zip(members, column_names(chosen, [paths[i] for i in members])):
            _name(items[index], name)
    items = [item for index, item in enumerate(items) if any(index in members for members in groups.values())]
    found.scored = [item for item in items if isinstance(item, Scored)]
    found.trained = [item for item in items if isinstance(item, Trained)]
    found.crossed = [item for item in items if isinstance(item, Crossed)]
    found.trained += _logs_beside(found)
    return found


def _join(items: list[Scored | Trained | Crossed], members: list[int], names: list[str]) -> list[int]:
    """Put the seeds of results with the same name together; returns the numbers of the first ones."""
    first: dict[str, int] = {}
    for index in members:
        whole, part = items[first.setdefault(names[index], index)], items[index]
        if whole is part or not isinstance(whole, Scored) or not isinstance(part, Scored):
            continue
        if {*map(os.path.realpath, whole.paths)} & {*map(os.path.realpath, part.paths)}:
            raise UserError(f"{part.paths[0]}: given twice as a seed of {names[index]}; give different files")
        whole.paths += part.paths
        whole.system.results += part.system.results
    for index in first.values():
        item = items[index]
        if isinstance(item, Scored) and len(set(item.paths)) > 1:
            for path, result, name in zip(item.paths, item.system.results, _seed_names(item.paths)):
                result.name = name if item.paths.count(path) == 1 else f"{name}/{result.name}"
    return list(first.values())


def _seed_names(paths: list[str]) -> list[str]:
    different = list(dict.fromkeys(paths))
    return [dict(zip(different, short_names(different)))[path] for path in paths]


def _name(item: Scored | Trained | Crossed, name: str) -> None:
    if isinstance(item, Scored):
        item.system.name = name
        if len(item.system.results) == 1:
            item.system.results[0].name = name
    else:
        item.name = name


def _read(path: str) -> Scored | Trained | Crossed:
    if os.path.isdir(path):
        return read_folder(path)
    if not os.path.isfile(path):
        raise UserError(f"{path}: no such file or folder, or no plain file; give {_WANTED}")
    content = load_json(path, _WANTED)
    if isinstance(content, dict) and content.get("kind") == "generalised":
        try:
            matrix = Matrix.from_dict(content)
            _check_facts(matrix.provenance)
            return Crossed(path, "", matrix)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(
                f"{path}: not a matrix of xl-evaluate --generalised --json ({type(error).__name__}: {error})"
            ) from None
    results = read_json(path)
    try:
        for result in results:
            _check_facts(result.provenance)
            if not all(isinstance(x, str) for x in (result.name, result.task, result.split, result.source_language)):
                raise ValueError("name, task, split and source language are texts")
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a result of xl-evaluate --json ({type(error).__name__}: {error})") from None
    return Scored([path] * len(results), System("", results))


def _check_facts(provenance: Mapping[str, Any]) -> None:
    """ValueError unless what notes below a table are made of is of the types that the command writes."""
    for name in ("selection", "inference"):
        value = provenance.get(name, {"description": ""})
        if not isinstance(value, Mapping) or not isinstance(value.get("description"), str):
            raise ValueError(f"{name} has no description")
        if any(isinstance(value.get(key), (str, list, dict)) for key in ("score", "best")):
            raise ValueError(f"{name} has a score that is no number")


def read_folder(path: str, name: str = "") -> Trained:
    """Read a save folder: its log and what is kept of the run; UserError where neither is."""
    folder, facts = Path(path), {}
    if (folder / MODEL).is_file():
        facts[MODEL] = load_json(folder / MODEL, "facts about a run")
    made_of = mapping((read_mark(folder / KEPT) or {}).get("made_of"))
    if made_of:
        facts[KEPT] = {key: value for key, value in made_of.items() if isinstance(value, str)}  # digests
        facts["data"] = mapping(made_of.get("meta.json"))
    log = logs.read_log(folder / logs.NAME) if (folder / logs.NAME).is_file() else None
    if log is None and not facts and not any(folder.glob("checkpoint*.pt")):
        raise UserError(f"{path}: holds no {logs.NAME}, {MODEL} or checkpoint; give {_WANTED}")
    return Trained(path, name, log, facts)


def _logs_beside(inputs: Inputs) -> list[Trained]:
    """Logs in the folders of the results' checkpoints, once each."""
    known = {os.path.realpath(item.path) for item in inputs.trained}
    names = {item.name for item in inputs.trained}
    found = []
    for item in inputs.scored:
        for result in item.system.results:
            checkpoint = result.provenance.get("checkpoint")
            folder = os.path.dirname(checkpoint) if isinstance(checkpoint, str) else ""
            place = os.path.realpath(folder)
            if not folder or place in known or not os.path.isfile(os.path.join(folder, logs.NAME)):
                continue
            known.add(place)
            name = item.system.name if len(item.system.results) == 1 else f"{item.system.name}/{result.name}"
            while name in names:
                name += "'"
            names.add(name)
            try:
                found.append(read_folder(folder, name))
            except UserError as error:  # nobody asked for it
                say(f"xl-report: warning: without the learning curves of {name}: {error}", file=sys.stderr)
    return found


def data_digest(folder: Any) -> str | None:
    """SHA-256 of the list of checksums of a data folder, None where there is none."""
    path = os.path.join(folder, CHECKSUMS) if isinstance(folder, str) else ""
    return file_digest(path) if path and os.path.isfile(path) else None
