"""Tables of sentence pairs: which columns of which rows of a file are the two texts, the label and the id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Iterator, NamedTuple

from xl_plugins.errors import UserError
from xl_plugins.formats import tables
from xl_plugins.formats.examples.plan import Plan
from xl_plugins.formats.tables import Column, Fields, column_number, has_column
from xl_plugins.formats.tsv import LineReader, split_fields
from xl_plugins.problems import SENTENCE_PAIR


@dataclass
class PairPlan(Plan):
    """Sentence pairs. ``aliases`` maps spellings of labels to the ones in ``labels``, ``named`` of them are the
    numbers from 0 of a file of names.

    ``single``: one text per row instead of two. ``align``: parts carry ids by which rows are joined. ``missing`` marks
    a text that could not be translated: such a training row is replaced by the source row.
    ``constant_is_placeholder``: a test file with one label throughout counts as unlabelled.
    """

    problem: ClassVar[str] = SENTENCE_PAIR.name
    aliases: dict[str, str] = field(default_factory=dict)
    named: int = 0
    align: bool = False
    single: bool = False
    missing: str | None = None
    constant_is_placeholder: bool = False


class Row(NamedTuple):
    """One pair; ``label`` and ``key`` are None when the file has no such column, ``check`` is the partner's text, and
    ``second`` is None in a file of single texts."""

    line: int
    first: str
    second: str | None
    label: str | None
    key: str | None
    check: str | None


class Positions(NamedTuple):
    """Field numbers of one file. ``width`` is the number of columns each row must have."""

    first: int
    second: int | None
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
    """A table with named columns, or numbered ones (places from 0) for a file without header.

    ``optional_label``: a label column that the file lacks is no mistake (translations need none).
    """

    first: Column
    second: Column | None
    label: Column | None = None
    key: Column | None = None
    optional_label: bool = False

    @property
    def has_header(self) -> bool:
        return any(
            isinstance(column, str) for column in (self.first, self.second, self.label, self.key) if column is not None
        )

    @property
    def needed(self) -> list[Column]:
        """Columns that a file cannot lack."""
        columns = (self.first, self.second, None if self.optional_label else self.label, self.key)
        return [column for column in columns if column is not None]

    def positions(self, row: list[str], where: str) -> Positions:
        label, row = self.label, [name.strip() for name in row]
        if self.optional_label and label is not None and not has_column(label, row):
            label = None
        found = [
            None if c is None else column_number(c, row, where) for c in (self.first, self.second, label, self.key)
        ]
        return Positions(found[0], found[1], found[2], found[3], None, len(row), self.has_header)  # type: ignore[arg-type]


@dataclass(frozen=True)
class PairFile:
    """The pairs of one file: rows ``start:end`` (from 0, after the header), of these those that pass all ``filters``.

    ``filters`` are ``(column, wanted equal, value)``; blanks around a value do not count. ``kind`` and ``delimiter``:
    see :class:`~xl_plugins.formats.recognise.Layout`.
    """

    path: str
    schema: CountSchema | NamedSchema
    kind: str = "tsv"
    start: int = 0
    end: int | None = None
    filters: tuple[tuple[Column, bool, str], ...] = ()
    delimiter: str = ","

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def describe(self) -> tuple[Any, ...]:
        return self.schema, self.kind, self.delimiter, self.start, self.end, self.filters

    def reader(self) -> LineReader:
        return LineReader(self.path)

    def peek(self) -> Positions:
        """Positions of the columns, from the first row alone: finds a missing column before any work is done."""
        for _, fields in self._records(self.reader()):
            return self._positions(fields)[0]
        raise UserError(f"{self.path}: the file is empty; expected one sentence pair per line")

    def _positions(self, fields: Fields) -> tuple[Positions, list[tuple[int, bool, str]]]:
        names = [name or "" for name in fields]
        positions = self.schema.positions(names, self.path)
        if self.kind in tables.NAMED:
            positions = positions._replace(header=True)
        return positions, [(column_number(c, names, self.path), equal, value) for c, equal, value in self.filters]

    def rows(self, reader: LineReader | None = None) -> Iterator[Row]:
        """Stream the rows. UserError names the line of a wrong column count; an empty selection is an error too."""
        position: Positions | None = None
        filters: list[tuple[int, bool, str]] = []
        names: list[str] = []
        count = seen = 0
        for line, fields in self._records(reader or self.reader()):
            if position is None:
                position, filters = self._positions(fields)
                names = [name or "" for name in fields]
                if position.header:
                    continue
            if len(fields) != position.width:
                hint = "columns are separated by single tabs (quoted fields: --format csv --delimiter tab)"
                if self.kind == "csv":
                    hint = f"columns are separated by '{self.delimiter}'; quote a text that holds it"
                raise UserError(
                    f"{self.path}:{line}: {len(fields)} columns, expected {position.width} as in the first row; {hint}"
                )
            seen += 1
            if seen <= self.start:
                continue
            if self.end is not None and seen > self.end:
                break
            if filters and any(((fields[i] or "").strip() == value) != equal for i, equal, value in filters):
                continue
            count += 1
            yield self._row(line, fields, position, names)
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

    def _row(self, line: int, fields: Fields, position: Positions, names: list[str]) -> Row:
        """One row; UserError for a text or id without a value, a label may lack one."""
        first, second, label, key, check = position[:5]
        for number in (first, second, key):
            if number is not None and fields[number] is None:
                raise UserError(
                    f"{self.path}:{line}: key '{names[number]}' is missing or null; fill it, or leave the row out: "
                    f"--filter {names[number]}!="
                )
        text: Any = fields
        return Row(
            line,
            text[first],
            None if second is None else text[second],
            None if label is None else fields[label],
            None if key is None else fields[key],
            None if check is None else f"{fields[check[0]]}\t{fields[check[1]]}",
        )

    def _records(self, reader: LineReader) -> Iterator[tuple[int, Fields]]:
        wanted = [column for column, _, _ in self.filters]
        if isinstance(self.schema, NamedSchema):
            wanted += [*self.schema.needed, *([] if self.schema.label is None else [self.schema.label])]
        return table_rows(reader, self.kind, self.delimiter, wanted)


def table_rows(reader: LineReader, kind: str, delimiter: str, wanted: list[Column]) -> Iterator[tuple[int, Fields]]:
    """Line and fields of the rows of a table, the header or the first row before them; see ``formats.tables``."""
    if kind == "csv":
        reader.blank = True
        return tables.csv_rows(reader, reader.path, delimiter)
    if kind == "jsonl":
        return tables.jsonl_rows(reader, reader.path, wanted)
    if kind == "json":
        return tables.json_rows(reader.path, wanted)
    if kind == "parquet":
        return tables.parquet_rows(reader.path, wanted)
    return ((line, [*split_fields(text)]) for line, text in reader)
