"""All texts of raw files of any kind, as the tokenizer may meet them: whole lines, their fields, strings in JSON."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..data.binary.layout import DataBin
from ..errors import UserError
from ..formats.tables import parquet_records
from ..formats.text import open_text, read_text

_DELIMITERS = "\t,;|"
_JSON = (".json", ".jsonl", ".ndjson")
_PACKED = (".gz", ".bz2", ".xz")


def find_sources(paths: Iterable[str]) -> tuple[list[Path], list[Path]]:
    """Binarised folders and raw files at or below ``paths``, each sorted; hidden files and what is in a binarised
    folder are left out.

    Raises:
        UserError: no such file or folder.
    """
    folders, files = set(), set()
    for name in paths:
        path = Path(name)
        if path.is_file():
            files.add(path)
        elif not path.is_dir():
            raise UserError(f"--data {name}: no such file or folder")
        for root, inner, names in os.walk(path, followlinks=True):
            inner[:] = [entry for entry in inner if not entry.startswith(".") and not _leads_up(Path(root, entry))]
            if _is_binarised(Path(root)):
                folders.add(Path(root))
                inner.clear()
            else:
                files |= {Path(root, entry) for entry in names if not entry.startswith(".")}
    return sorted(folders), sorted(files)


def read_texts(path: Path) -> Iterator[str]:
    """The texts of one file, some of them twice: a field as it stands and without its quotes.

    Raises:
        UserError: no text, or damaged JSON; with file and line.
    """
    suffixes = [suffix for suffix in path.suffixes if suffix not in _PACKED]
    last = suffixes[-1].lower() if suffixes else ""
    if last == ".parquet":
        for _, record in parquet_records(str(path)):
            yield from _strings(record)
    elif last in _JSON:
        yield from _json_strings(path)
    else:
        with open_text(path) as stream:
            delimiters = None
            for line in stream.lines():
                delimiters = delimiters or [mark for mark in _DELIMITERS if mark in line]  # of the first row
                yield from _fields(line, delimiters)


def binarised_fields(folder: Path) -> Iterator[tuple[str, DataBin]]:
    """Prefixes of all files of piece ids in a binarised folder, generated texts among them, and the folder."""
    data = DataBin(folder)
    for index in sorted(folder.rglob("*.idx")):
        if index.parent.name.startswith("input"):
            yield str(index.with_suffix("")), data


def _leads_up(path: Path) -> bool:
    """Whether a link leads to a folder above itself: there is no end below it."""
    return path.is_symlink() and path.resolve() in path.parent.resolve().joinpath("x").parents


def _is_binarised(folder: Path) -> bool:
    return (folder / "dict.txt").is_file() and any(folder.glob("*/**/input0/*.idx"))


def _fields(line: str, delimiters: Iterable[str]) -> Iterator[str]:
    """A line, and what stands between its separators and quotes in a table of any kind."""
    yield line
    for delimiter in delimiters:
        if delimiter in line:
            try:
                yield from next(csv.reader([line], delimiter=delimiter), [])
            except csv.Error:  # a field beyond its limit
                yield from line.split(delimiter)


def _json_strings(path: Path) -> Iterator[str]:
    text = read_text(path)
    try:
        yield from _strings(json.loads(text))
        return
    except (ValueError, RecursionError):
        pass  # a document per line
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield from _strings(json.loads(line))
            except (ValueError, RecursionError) as error:
                reason = str(error).split(":")[0]
                raise UserError(f"{path}:{number}: not JSON ({reason}); correct it or leave the file out") from None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value.encode("utf-8", "replace").decode("utf-8")  # half surrogates
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
