"""Tables of sentence pairs: which columns of which rows of a file are the two texts, the label and the id."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import Any, ClassVar, Iterator, NamedTuple, Union

from xl_plugins.errors import UserError
from xl_plugins.formats.json_text import parse_json_line
from xl_plugins.xtreme.plan import Plan
from xl_plugins.xtreme.tsv import LineReader, split_fields

Column = Union[int, str]


@dataclass
class PairPlan(Plan):
    """Sentence pairs. ``aliases`` maps spellings of labels to the ones in ``labels``.

    ``align``: units carry ids by which rows are joined. ``missing`` marks a text that could not be translated: such a
    training row is replaced by the source row. ``constant_is_placeholder``: a test file with one label throughout
    counts as unlabelled.
    """

    problem: ClassVar[str] = "sentence_pair"
    aliases: dict[str, str] = field(default_factory=dict)
    align: bool = False
    missing: str | None = None
    constant_is_placeholder: bool = False


class Row(NamedTuple):
    """One pair; ``label`` and ``key`` are None when the file has no such column, ``check`` is the partner's text."""

    line: int
    first: str
    second: str
    label: str | None
    key: str | None
    check: str | None


class Positions(NamedTuple):
    """Field numbers of one file. ``width`` is the number of columns each row must have."""

    first: int
    second: int
    label: int | None
    key: int | None
    check: tuple[int, int] | None
    width: int
    header: bool


@dataclass(frozen=True)
class CountSchema:
    """XTREME's headerless files: the number of columns decides which is which.

    ``layouts`` holds ``(columns, first, second, label or None, partner's columns or None)``. A file whose first row
    holds ``header`` names (first, second, label, partner's two) is read by name instead.
    """

    layouts: tuple[tuple[int, int, int, int | None, tuple[int, int] | None], ...]
    header: tuple[str, ...] = ()

    def positions(self, row: list[str], where: str) -> Positions:
        if self.header and all(name in row for name in self.header[:2]):
            first, second, label, *partner = (row.index(name) if name in row else None for name in self.header)
            check = (partner[0], partner[1]) if len(partner) == 2 and None not in partner else None
            return Positions(first, second, label, None, check, len(row), True)  # type: ignore[arg-type]
        for width, first, second, label, check in self.layouts:
            if width == len(row):
                return Positions(first, second, label, None, check, width, False)
        expected = " or ".join(str(layout[0]) for layout in self.layouts)
        raise UserError(
            f"{where}:1: {len(row)} columns, expected {expected}, separated by tabs; formats: xl-prepare --help"
        )


@dataclass(frozen=True)
class NamedSchema:
    """A table with named columns, or numbered ones (from 0) for a file without header.

    ``optional_label``: a label column that the file lacks is no mistake (translations need none).
    """

    first: Column
    second: Column
    label: Column | None = None
    key: Column | None = None
    optional_label: bool = False

    @property
    def has_header(self) -> bool:
        return any(
            isinstance(column, str) for column in (self.first, self.second, self.label, self.key) if column is not None
        )

    def positions(self, row: list[str], where: str) -> Positions:
        label = self.label
        if self.optional_label and label is not None and not _has_column(label, row):
            label = None
        found = [
            None if c is None else column_number(c, row, where) for c in (self.first, self.second, label, self.key)
        ]
        return Positions(found[0], found[1], found[2], found[3], None, len(row), self.has_header)  # type: ignore[arg-type]


def _has_column(column: Column, row: list[str]) -> bool:
    return column < len(row) if isinstance(column, int) else column in row


def column_number(column: Column, row: list[str], where: str) -> int:
    """Position of ``column`` in the header (or first row) ``row``; UserError names the columns there are."""
    if _has_column(column, row):
        return column if isinstance(column, int) else row.index(column)
    there = f"columns 0 to {len(row) - 1}" if isinstance(column, int) else "columns " + ", ".join(row)
    raise UserError(f"{where}:1: no column '{column}'; the file has {there}; correct --columns or --filter")


@dataclass(frozen=True)
class PairFile:
    """The pairs of one file: rows ``start:end`` (from 0, after the header), of these those that pass all ``filters``.

    ``filters`` are ``(column, wanted equal, value)``; blanks around a value do not count. ``kind``: tsv, csv or jsonl.
    """

    path: str
    schema: CountSchema | NamedSchema
    kind: str = "tsv"
    start: int = 0
    end: int | None = None
    filters: tuple[tuple[Column, bool, str], ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def describe(self) -> tuple[Any, ...]:
        return self.schema, self.kind, self.start, self.end, self.filters

    def reader(self) -> LineReader:
        return LineReader(self.path)

    def peek(self) -> Positions:
        """Positions of the columns, from the first row alone: finds a missing column before any work is done."""
        for _, fields in self._records(self.reader()):
            return self._positions(fields)[0]
        raise UserError(f"{self.path}: the file is empty; expected one sentence pair per line")

    def _positions(self, fields: list[str]) -> tuple[Positions, list[tuple[int, bool, str]]]:
        positions = self.schema.positions(fields, self.path)
        if self.kind == "jsonl":
            positions = positions._replace(header=True)
        return positions, [(column_number(c, fields, self.path), equal, value) for c, equal, value in self.filters]

    def rows(self, reader: LineReader | None = None) -> Iterator[Row]:
        """Stream the rows. UserError names the line of a wrong column count; an empty selection is an error too."""
        position: Positions | None = None
        filters: list[tuple[int, bool, str]] = []
        count = seen = 0
        for line, fields in self._records(reader or self.reader()):
            if position is None:
                position, filters = self._positions(fields)
                if position.header:
                    continue
            if len(fields) != position.width:
                raise UserError(
                    f"{self.path}:{line}: {len(fields)} columns, expected {position.width} as in the first row; "
                    "columns are separated by single tabs"
                )
            seen += 1
            if seen <= self.start:
                continue
            if self.end is not None and seen > self.end:
                break
            if filters and any((fields[number].strip() == value) != equal for number, equal, value in filters):
                continue
            count += 1
            first, second, label, key, check = position[:5]
            yield Row(
                line,
                fields[first],
                fields[second],
                None if label is None else fields[label],
                None if key is None else fields[key],
                None if check is None else f"{fields[check[0]]}\t{fields[check[1]]}",
            )
        if position is None:
            raise UserError(f"{self.path}: the file is empty; expected one sentence pair per line")
        if not count:
            raise UserError(
                f"{self.path}: no row left of {seen} read; correct the row range or --filter, or fill the file"
            )
        if self.end is not None and seen < self.end:
            raise UserError(
                f"{self.path}: rows [{self.start}:{self.end}] asked for, the file has only {seen}; correct the range"
            )

    def _records(self, reader: LineReader) -> Iterator[tuple[int, list[str]]]:
        if self.kind == "jsonl":
            yield from self._json_records(reader)
        elif self.kind == "csv":
            yield from _csv_records(reader)
        else:
            for line, text in reader:
                yield line, split_fields(text)

    def _json_records(self, reader: LineReader) -> Iterator[tuple[int, list[str]]]:
        """Objects as rows of the asked-for columns; the first record repeats the names, like a header."""
        schema = self.schema
        assert isinstance(schema, NamedSchema)
        wanted = [schema.first, schema.second, schema.label, schema.key, *(column for column, _, _ in self.filters)]
        keys: list[str] = []
        needed: list[str] = []
        for line, text in reader:
            record = parse_json_line(text, f"{self.path}:{line}", "an object with the columns as keys per line")
            if not keys:
                keys = list(record)  # serves as the header, so that a wrong name is answered with the names there are
                needed = [key for key in keys if key in wanted]
                yield line, keys
            for key in needed:
                if not isinstance(record.get(key), (str, int, float)):
                    raise UserError(f"{self.path}:{line}: key '{key}' is missing or no text; every line needs it")
            yield line, [" ".join(str(record.get(key, "")).split("\n")) for key in keys]


def _csv_records(reader: LineReader) -> Iterator[tuple[int, list[str]]]:
    """Comma separated values; a quoted field may hold line ends, which become blanks."""
    try:
        lines = csv.reader(text + "\n" for _, text in reader)
        for fields in lines:
            yield lines.line_num, [" ".join(field.split("\n")) for field in fields]
    except csv.Error as error:
        raise UserError(f"{reader.path}:{lines.line_num}: {error}; correct the csv quoting") from None
