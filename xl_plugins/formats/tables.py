r"""Tables as people have them: rows of tsv, csv, jsonl, json and Parquet files as lists of texts.

tsv is XTREME's plain kind: fields end at tabs, quotes are text (see :mod:`xl_plugins.formats.tsv`). csv is the quoted
kind with any delimiter: fields may hold delimiters, doubled quotes and line ends. jsonl is an object per line, json a
list of objects.
"""

from __future__ import annotations

import csv
from typing import Any, Callable, Iterable, Iterator, Sequence, Union

from xl_plugins.errors import UserError
from xl_plugins.formats.json_text import json_items, parse_json_line
from xl_plugins.formats.text import read_text
from xl_plugins.terminal import printable

Column = Union[int, str]
Fields = list[Union[str, None]]
Lines = Iterable[tuple[int, str]]

KINDS = ("tsv", "csv", "jsonl", "json", "parquet")
NAMED = ("jsonl", "json", "parquet")  # columns always have names
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_LONGEST = 1 << 24  # characters of a quoted field
_OBJECT = "an object with the columns as keys per line"


def csv_rows(lines: Lines, path: str, delimiter: str) -> Iterator[tuple[int, Fields]]:
    """Quoted values; the line is a row's first, and line ends within a field become blanks.

    UserError with the line for wrong quoting and for a blank line between rows; ``lines`` has to give blank ones.
    """
    blank = 0
    for first, fields in quoted_rows(lines, path, delimiter):
        if not fields:
            blank = blank or first
            continue
        if blank:
            raise UserError(f"{path}:{blank}: blank line between rows; delete it (rows must stay aligned)")
        yield first, [" ".join(field.split("\n")) for field in fields]


def quoted_rows(lines: Lines, path: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows of a csv file with the line each begins in; a blank line is an empty row. UserError for wrong quoting."""
    last = 0

    def ended() -> Iterator[str]:
        nonlocal last
        for number, text in lines:
            last = number
            yield text + "\n"

    csv.field_size_limit(_LONGEST)
    rows = csv.reader(ended(), delimiter=delimiter, strict=True)
    while True:
        first = last + 1
        try:
            fields = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            reason = "a quote is not closed" if "unexpected end" in str(error) else str(error)
            raise UserError(f"{path}:{first}: {reason}; correct the csv quoting of this row") from None
        yield first, fields


def object_rows(
    records: Iterable[tuple[int, Any]], path: str, wanted: Sequence[Column]
) -> Iterator[tuple[int, Fields]]:
    """Objects as rows of the wanted columns; the keys of the first come first, as a header.

    None stands for what is missing, null or not a number; other columns are empty text.
    """
    keys: list[str] = []
    needed: set[str] = set()
    for line, record in records:
        if not isinstance(record, dict):
            raise UserError(f"{path}:{line}: a JSON {type(record).__name__}, expected {_OBJECT}")
        if not keys:
            keys = list(record)
            needed = needed_keys(keys, wanted)
            yield line, list(keys)
        yield line, [cell(record.get(key), f"{path}:{line}", key) if key in needed else "" for key in keys]


def needed_keys(keys: Sequence[str], wanted: Sequence[Column]) -> set[str]:
    """Those of ``keys`` that ``wanted`` names or counts."""
    numbers = {column for column in wanted if isinstance(column, int)}
    names = {column.strip() for column in wanted if isinstance(column, str)}
    return {key for number, key in enumerate(keys) if number in numbers or key.strip() in names}


def cell(value: Any, where: str, name: str) -> str | None:
    """A value of JSON or Parquet as the text of a field, None for no value; UserError for lists and the like."""
    if value is None or value != value:  # not a number
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return " ".join(str(value).split("\n"))
    raise UserError(f"{where}: column '{name}' holds a {type(value).__name__}, expected a text or a number")


def jsonl_rows(lines: Lines, path: str, wanted: Sequence[Column]) -> Iterator[tuple[int, Fields]]:
    """A row per line."""
    return object_rows(((line, parse_json_line(text, f"{path}:{line}", _OBJECT)) for line, text in lines), path, wanted)


def json_rows(path: str, wanted: Sequence[Column]) -> Iterator[tuple[int, Fields]]:
    """A row per member of the list that the file is."""
    return object_rows(json_items(read_text(path), path, "a list of objects, or an object per line"), path, wanted)


def parquet_rows(path: str, wanted: Sequence[Column]) -> Iterator[tuple[int, Fields]]:
    """The rows of a Parquet file, counted from 1; only the wanted columns are read."""
    file = _safe(path, lambda: _parquet(path).ParquetFile(path))
    keys = list(file.schema_arrow.names)
    needed = needed_keys(keys, wanted)
    yield 1, list(keys)
    places = [number for number, key in enumerate(keys) if key in needed]
    row = 0
    batches = file.iter_batches(batch_size=4096, columns=[key for key in keys if key in needed])
    while (batch := _safe(path, lambda: next(batches, None))) is not None:
        columns = [batch.column(keys[number]).to_pylist() for number in places]
        for values in zip(*columns):
            row += 1
            fields: Fields = [""] * len(keys)
            for number, value in zip(places, values):
                fields[number] = cell(value, f"{path}:{row}", keys[number])
            yield row, fields


def parquet_records(path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a Parquet file, counted from 1, as Python's values: lists stay lists."""
    file = _safe(path, lambda: _parquet(path).ParquetFile(path))
    batches = file.iter_batches(batch_size=1024)
    row = 0
    while (batch := _safe(path, lambda: next(batches, None))) is not None:
        for record in _safe(path, batch.to_pylist):
            row += 1
            yield row, record


def parquet_names(path: str) -> list[str]:
    """Names of the columns of a Parquet file."""
    return list(_safe(path, lambda: _parquet(path).ParquetFile(path)).schema_arrow.names)


def _parquet(path: str) -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        reason = "" if isinstance(error, ModuleNotFoundError) else f" ({str(error)[:80]})"
        raise UserError(
            f"{path}: Parquet files need the extra [parquet], pyarrow{reason}: pip install 'xl-plugins[parquet]'; "
            "or save the table as csv or jsonl"
        ) from None
    return pyarrow.parquet


def _safe(path: str, work: Callable[[], Any]) -> Any:
    """The result of ``work``; pyarrow's errors in one line."""
    try:
        return work()
    except (ValueError, TypeError, KeyError, NotImplementedError, MemoryError) as error:  # ArrowInvalid and others
        raise UserError(f"{path}: not a whole Parquet file ({' '.join(str(error).split())[:120]})") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise UserError(f"{path}: not a whole Parquet file ({' '.join(str(error).split())[:120]})") from None


def has_column(column: Column, row: list[str]) -> bool:
    """Whether a header (or first row) has a column of this name or place."""
    return column < len(row) if isinstance(column, int) else column.strip() in row


def column_number(column: Column, row: list[str], where: str) -> int:
    """Position of ``column`` in the header (or first row) ``row``, blanks around names aside; UserError names the
    columns there are."""
    row = [name.strip() for name in row]
    if not has_column(column, row):
        shown = column + 1 if isinstance(column, int) else column
        there = f"columns 1 to {len(row)}" if isinstance(column, int) else "columns " + printable(", ".join(row))
        raise UserError(f"{where}:1: no column '{shown}'; the file has {there}; correct --columns or --filter")
    if isinstance(column, int):
        return column
    places = [number for number, name in enumerate(row) if name == column.strip()]
    if len(places) > 1:
        raise UserError(
            f"{where}:1: the header names {' and '.join(str(place + 1) for place in places)} (counted from 1) alike,"
            f" '{column}'; rename all but one"
        )
    return places[0]
