"""Tagged sentences in tables: a row per sentence with lists of words and tags (jsonl, json, Parquet: the layout of data
sets on the hub), or a row per word with the sentence's number (csv: Kaggle's layout, the number on the first row too).
"""

from __future__ import annotations

import csv
from itertools import islice
from typing import Any, Iterable, Iterator

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.columns import (
    SENTENCE_NAMES,
    TAG_NAMES,
    WORD_NAMES,
    Column,
    Columns,
    Token,
    find_name,
)
from xl_plugins.formats.examples.words import Notes
from xl_plugins.formats.json_text import json_items, parse_json_line
from xl_plugins.formats.tables import parquet_records, quoted_rows
from xl_plugins.formats.text import read_text
from xl_plugins.formats.tsv import LineReader
from xl_plugins.output import printable

LISTS = ("jsonl", "json", "parquet")  # kinds with a row per sentence; csv has one per word
_LONGEST = 2000  # words of a sentence in a table that does not number sentences
_DELIMITERS = (",", ";", "\t", "|")
_OBJECT = 'an object with a list of words per line, such as {"tokens": ["Hi"], "tags": ["O"]}'


def guess(path: str) -> str | None:
    """Kind of table, None for a file with a word per line and no header that says otherwise."""
    with open(path, "rb") as file:
        if file.read(4) == b"PAR1" or path.endswith(".parquet"):
            return "parquet"
    lines = [text for _, text in islice(LineReader(path, blank=True), 50)]
    first = next((text.strip() for text in lines if text), "")
    if first.startswith("{") and '"' in first:
        return "jsonl"
    if first.startswith("[") and (first[1:].strip()[:1] == "{" or (first == "[" and '"' in "".join(lines[1:3]))):
        return "json"
    return "csv" if _delimiter(first) else None


def _delimiter(first: str) -> str | None:
    """Delimiter of a header with a column of words; with tabs only if sentences are numbered."""
    for mark in _DELIMITERS:
        names = next(csv.reader([first], delimiter=mark), [])
        numbered = mark != "\t" or find_name(names, SENTENCE_NAMES) is not None
        if len(names) > 1 and find_name(names, WORD_NAMES) is not None and numbered:
            return mark
    return None


def tokens(kind: str, reader: LineReader, columns: Columns, sentence: str | None, notes: Notes) -> Iterator[Token]:
    """Stream the tokens of a table. ``sentence`` names the column with the sentences' numbers."""
    if kind == "csv":
        return _rows(reader, columns, sentence, notes)
    return _lists(_records(kind, reader), reader.path, columns, notes)


def _records(kind: str, reader: LineReader) -> Iterator[tuple[int, dict[str, Any]]]:
    """Objects with their lines (of Parquet: their numbers)."""
    if kind == "jsonl":
        for line, text in reader:
            if text:
                yield line, parse_json_line(text, f"{reader.path}:{line}", _OBJECT)
        return
    if kind == "parquet":
        yield from parquet_records(reader.path)
        return
    for line, record in json_items(read_text(reader.path), reader.path, "a list of objects, or an object per line"):
        if not isinstance(record, dict):
            raise UserError(f"{reader.path}:{line}: a JSON {type(record).__name__}, expected {_OBJECT}")
        yield line, record


def _lists(records: Iterable[tuple[int, dict[str, Any]]], path: str, columns: Columns, notes: Notes) -> Iterator[Token]:
    names: tuple[str, str | None] | None = None
    for line, record in records:
        where = f"{path}:{line}"
        if names is None:
            names = _chosen(list(record), columns, where, notes, line)
        words = _list(record, names[0], where, "words")
        tags = [None] * len(words) if names[1] is None else _list(record, names[1], where, "tags")
        if len(words) != len(tags):
            raise UserError(f"{where}: {len(words)} words in '{names[0]}', but {len(tags)} tags in '{names[1]}'")
        for word, tag in zip(words, tags):
            if not isinstance(word, str):
                raise UserError(f"{where}: '{names[0]}' holds {printable(repr(word))[:60]}, expected a list of texts")
            if tag is not None and (isinstance(tag, bool) or not isinstance(tag, (str, int))):
                raise UserError(
                    f"{where}: '{names[1]}' holds {printable(repr(tag))[:60]}, expected a list of tags or of numbers"
                )
            yield Token(line, word, None if names[1] is None else str("" if tag is None else tag).strip())
        yield Token(line, None)


def _list(record: dict[str, Any], name: str, where: str, what: str) -> list[Any]:
    value = record.get(name)
    if not isinstance(value, list):
        raise UserError(
            f"{where}: '{name}' is {'missing' if value is None else 'no list'}; expected the list of a sentence's"
            f" {what} (other columns: --word-column, --tag-column)"
        )
    return value


def _chosen(keys: list[str], columns: Columns, where: str, notes: Notes, line: int) -> tuple[str, str | None]:
    """Names of the columns with words and tags; without a column of tags None."""
    word = _column(keys, columns.word, WORD_NAMES, where, "word")
    if word is None:
        raise UserError(
            f"{where}: no column of words among {printable(', '.join(keys))[:200]}; name it: --word-column NAME"
        )
    tag = _column(keys, columns.tag, TAG_NAMES, where, "tag")
    notes.add(f"note: words are read from '{word}', tags from {repr(tag) if tag else 'nowhere'}", line)
    return word, tag


def _column(keys: list[str], given: Column, usual: tuple[str, ...], where: str, what: str) -> str | None:
    if isinstance(given, str):
        if given not in keys:
            raise UserError(
                f"{where}: no column '{given}' for the {what}; there are {printable(', '.join(keys))[:200]}; correct"
                f" --{what}-column"
            )
        return given
    if given is not None:
        if not -len(keys) <= given < len(keys):
            raise UserError(
                f"{where}: no column {given + (given >= 0)} for the {what}, there are {len(keys)}:"
                f" {printable(', '.join(keys))[:200]}; correct --{what}-column"
            )
        return keys[given]
    found = find_name(keys, usual)
    return None if found is None else keys[found]


def _rows(reader: LineReader, columns: Columns, sentence: str | None, notes: Notes) -> Iterator[Token]:
    """Words of a table with a row each; without a column of sentences a blank row ends one."""
    rows = _csv(reader)
    line, header = next(rows, (1, []))
    names = [name.strip() for name in header]
    word, tag = _chosen(names, columns, f"{reader.path}:{line}", notes, line)
    number = _column(names, sentence, SENTENCE_NAMES, f"{reader.path}:{line}", "sentence")
    if number in (word, tag):
        number = None
    last, since = "", 0
    for line, fields in rows:
        if not any(field.strip() for field in fields):
            since = 0
            yield Token(line, None)
            continue
        since += 1
        if number is None and since > _LONGEST:
            raise UserError(
                f"{reader.path}:{line}: {_LONGEST:,} words without an end of a sentence; name the column that numbers"
                f" the sentences, --sentence-column NAME (there are {printable(', '.join(names))[:200]}), or put an"
                " empty row between sentences"
            )
        if len(fields) != len(names):
            raise UserError(
                f"{reader.path}:{line}: {len(fields)} columns, expected {len(names)} as in the header; correct the row"
            )
        row = dict(zip(names, fields))
        if number is not None and row[number].strip() not in ("", last):
            last = row[number].strip()
            yield Token(line, None)
        yield Token(line, row[word], None if tag is None else row[tag].strip())


def _csv(reader: LineReader) -> Iterator[tuple[int, list[str]]]:
    """Rows of a csv file with the line each begins in; a blank line is an empty row."""
    first = next((text for _, text in LineReader(reader.path, blank=True) if text), "")
    delimiter = _delimiter(first) or next((mark for mark in _DELIMITERS if mark in first), ",")
    return quoted_rows(reader, reader.path, delimiter)
