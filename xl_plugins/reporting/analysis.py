"""Folders of ``xl-analyze``: numbers, and pictures that go into the page as images and never as markup."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..formats.json_text import read_json

NAME = "analysis.json"
MOST_BYTES = 8 << 20  # of a picture
MOST_NUMBERS, MOST_COLUMNS = 400, 16  # shown; the file has all
_SHOWN = ("kind", "numbers", "pictures", "notes", "commands", "tables")  # elsewhere than among the facts
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass
class ByLanguage:
    """Figures of languages: a row of texts for each, the language first."""

    title: str
    header: list[str]
    rows: list[list[str]]


@dataclass
class Analysis:
    """One analysis. pictures: (name, data: URI); tables: those by language; numbers: other ones as (name, value) in the
    file's order, ``more`` of them not shown; facts: how it was made, as (name, value)."""

    path: str
    kind: str
    checkpoint: str
    pictures: list[tuple[str, str]] = field(default_factory=list)
    tables: list[ByLanguage] = field(default_factory=list)
    numbers: list[tuple[str, str]] = field(default_factory=list)
    more: int = 0
    notes: list[str] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


def read_analysis(folder: str) -> Analysis:
    """Read a folder; UserError for what ``xl-analyze`` does not write."""
    path = Path(folder, NAME)
    if not path.is_file():
        raise UserError(f"--analysis {folder}: holds no {NAME}; give a folder that xl-analyze wrote")
    content = read_json(path, "an analysis of xl-analyze")
    pictures = content.get("pictures", []) if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(content.get("kind"), str) or not isinstance(pictures, list):
        raise UserError(f"{path}: expected an object with 'kind', 'numbers' and 'pictures'; run xl-analyze again")
    tables: list[ByLanguage] = []
    numbers = list(flatten(_without_languages(content.get("numbers"), "", tables)))
    facts = {key: value for key, value in content.items() if key not in _SHOWN}
    notes, commands = content.get("notes"), content.get("commands")
    checkpoint = content.get("checkpoint")
    return Analysis(
        folder, content["kind"], "" if checkpoint is None else ", ".join(text for _, text in flatten(checkpoint)),
        [(_stem(name), _embed(path, name)) for name in pictures], tables, numbers[:MOST_NUMBERS],
        max(0, len(numbers) - MOST_NUMBERS), list(map(str, notes)) if isinstance(notes, list) else [],
        list(flatten(facts))[:MOST_NUMBERS], list(map(str, commands)) if isinstance(commands, list) else [],
    )  # fmt: skip


def _without_languages(value: Any, name: str, tables: list[ByLanguage]) -> Any:
    """Numbers without those by language, which go into ``tables``, and without lists of examples."""
    if isinstance(value, list):
        return None if any(isinstance(inner, Mapping) for inner in value) else value
    if not isinstance(value, Mapping):
        return value
    left = {}
    for key, inner in value.items():
        if key == "languages" and isinstance(inner, Mapping) and all(isinstance(x, Mapping) for x in inner.values()):
            figures = {language: dict(_figures(entry)) for language, entry in inner.items()}
            names = list(dict.fromkeys(figure for each in figures.values() for figure in each))[:MOST_COLUMNS]
            rows = [[language, *(each.get(figure, "") for figure in names)] for language, each in figures.items()]
            tables.append(ByLanguage(name, names, rows))
        else:
            left[key] = _without_languages(inner, f"{name}.{key}" if name else str(key), tables)
    return left


def _figures(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The single figures among what is known of a language."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _figures(inner, f"{name}.{key}" if name else str(key))
    elif value is not None and not isinstance(value, list):
        yield name, f"{value:.4g}" if isinstance(value, float) else _text(value)


def _stem(name: Any) -> str:
    return os.path.splitext(str(name))[0]


def _embed(path: Path, name: Any) -> str:
    """A picture as data: URI; UserError for one that is elsewhere, too large, or neither PNG nor SVG."""
    if not isinstance(name, str) or name != os.path.basename(name) or name in ("", ".", ".."):
        raise UserError(f"{path}: picture {name!r} is not beside it; run xl-analyze again")
    file = path.parent / name
    try:
        state = os.lstat(file)
    except (OSError, ValueError):
        raise UserError(f"{file}: no such picture, though {NAME} names it; run xl-analyze again") from None
    if not stat.S_ISREG(state.st_mode) or state.st_size > MOST_BYTES:
        raise UserError(f"{file}: expected a plain file of at most {MOST_BYTES >> 20} MiB; run xl-analyze again")
    data = file.read_bytes()
    if data.startswith(_PNG):
        kind = "png"
    elif b"<svg" in data[:4096]:  # as an image it runs no script and loads nothing
        kind = "svg+xml"
    else:
        raise UserError(f"{file}: expected a PNG or an SVG; run xl-analyze again")
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def flatten(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Names and texts of what is nested in a value of JSON: ``{"a": {"b": 1}}`` gives ``a.b``, ``1``; a list of plain
    values is one text."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flatten(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)) and any(isinstance(inner, (list, tuple, Mapping)) for inner in value):
        for index, inner in enumerate(value):
            yield from flatten(inner, f"{name}[{index}]")
    elif isinstance(value, (list, tuple)):
        yield name, ", ".join(map(_text, value))
    elif value not in (None, {}, ""):
        yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    return f"{value:.6g}" if isinstance(value, float) else str(value)
