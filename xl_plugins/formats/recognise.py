"""The kind of a table: by the suffix of its name, by its first lines, and by the columns that are asked for."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from itertools import islice
from typing import Sequence

from xl_plugins.errors import UserError
from xl_plugins.formats import tables
from xl_plugins.formats.json_text import DECODER
from xl_plugins.formats.packing import stem
from xl_plugins.formats.text import open_text

_LOOKED_AT = 50  # lines
_SUFFIXES = {
    ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
_WORDS = {value: f"separated by {name}s" for name, value in tables.DELIMITERS.items()}


@dataclass(frozen=True)
class Layout:
    """``kind``: one of :data:`~xl_plugins.formats.tables.KINDS`; ``delimiter``: of csv. ``said``: how a file is read
    whose name says otherwise, else empty."""

    kind: str = "tsv"
    delimiter: str = ","
    said: str = ""


def parse_delimiter(text: str, option: str = "--delimiter") -> str:
    r"""One character, or its name; ``\t`` is a tab."""
    found = tables.DELIMITERS.get(text, "\t" if text == r"\t" else text)
    if len(found) != 1 or found in '"\n\r' or found.isalnum():
        raise UserError(f"{option} '{text}': expected one character such as ';', or {', '.join(tables.DELIMITERS)}")
    return found


def given_layout(kind: str | None, delimiter: str | None) -> Layout | None:
    """Layout that ``--format`` and ``--delimiter`` ask for; None if neither is given."""
    found = None if delimiter is None else parse_delimiter(delimiter)
    if kind is None and found is None:
        return None
    if found is not None and kind not in (None, "csv", "tsv"):
        raise UserError(f"--delimiter: {kind} has none; leave it out, or pass --format csv")
    if kind == "tsv" and found not in (None, "\t"):
        raise UserError("--delimiter: tsv is separated by tabs; pass --format csv with another delimiter")
    if kind is None and found == "\t":
        return Layout("tsv")
    return Layout(kind or "csv", found or ",")


def recognise(path: str, wanted: Sequence[tables.Column] = ()) -> Layout:
    """How to read a file of which the columns ``wanted`` are asked for (names of a header, or places from 0)."""
    suffix = _SUFFIXES.get(os.path.splitext(stem(path))[1].lower(), "")
    with open(path, "rb") as file:
        if file.read(4) == b"PAR1":
            return Layout("parquet", said="" if suffix == "parquet" else "as Parquet")
    if suffix == "parquet":
        return Layout("parquet")
    with open_text(path) as stream:
        lines = list(islice(stream.lines(), _LOOKED_AT))
    first = next((line.strip() for line in lines if line.strip()), "")
    if suffix in ("json", "jsonl") or (not suffix and _is_json(first)):
        kind = "json" if first.startswith("[") or (suffix == "json" and not _is_json(first)) else "jsonl"
        return Layout(kind, said="" if suffix else f"as {kind}")
    usual = Layout("csv") if suffix == "csv" else Layout("tsv")
    others = [Layout("csv", mark, f"as values {_WORDS[mark]}") for mark in (",", ";", "\t", "|")]
    if suffix != "csv":
        others = [x for x in others if x.delimiter != "\t"]
    found = next((x for x in (usual, *others) if _fits(lines, x, wanted)), None)
    if found is None and suffix == "csv":  # for a message about columns that are there
        found = next((x for x in (usual, *others) if _fits(lines, x, [1])), None)
    return found or usual


def _is_json(line: str) -> bool:
    """Whether a line is a JSON object, or begins a list of them."""
    if line.startswith("["):
        return line[1:].strip()[:1] in ("", "{")
    try:
        return line.startswith("{") and DECODER.raw_decode(line)[1] == len(line)
    except (ValueError, RecursionError):
        return False


def _fits(lines: Sequence[str], layout: Layout, wanted: Sequence[tables.Column]) -> bool:
    """Whether the first row holds all wanted columns and, where they are numbers, the others are as wide."""
    if layout.kind == "tsv":
        rows = [line.split("\t") for line in lines]
    else:
        try:
            rows = list(csv.reader([line + "\n" for line in lines], delimiter=layout.delimiter))
        except csv.Error:
            return False
    rows = [row for row in rows if row]
    if not rows:
        return False
    names = {column for column in wanted if isinstance(column, str)}
    if names - {name.strip() for name in rows[0]}:
        return False
    if max((column for column in wanted if isinstance(column, int)), default=0) >= len(rows[0]):
        return False
    whole = rows[:-1] if len(lines) == _LOOKED_AT else rows  # a quoted field may go on behind the lines looked at
    return bool(names) or layout.kind == "tsv" or len({len(row) for row in whole}) == 1
