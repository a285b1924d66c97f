"""Where the questions are in a file of questions: SQuAD's articles, or one object per question as the hub has them.

Read are, in plain or compressed JSON:

* SQuAD's own ``{"data": [{"paragraphs": [{"context": ..., "qas": [...]}]}]}``, also as a list or as lines;
* rows ``{"id", "context", "question", "answers"}``: under ``data``, as a list, as JSON lines;
* the export of the hub's viewer, ``{"features": ..., "rows": [{"row": {...}}]}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from xl_plugins.errors import UserError
from xl_plugins.formats.json_stream import JsonReader
from xl_plugins.output import printable

EXPECTED = (
    'SQuAD\'s layout ({"data": [{"paragraphs": [{"context": ..., "qas": [...]}]}]}) or one object per question with id,'
    " question, context and answers"
)
_LISTS = ("data", "rows")  # keys of an object that hold the entries


class Row(NamedTuple):
    """A question as it stands in the file. ``paragraph``: number of its paragraph in an article, 0 for a row;
    ``record``: its object, with the ``context``."""

    where: str
    paragraph: int
    record: dict[str, Any]


def read_entries(reader: JsonReader) -> Iterator[tuple[bool, list[Row]]]:
    """Every article (True) or row (False) with its questions; UserError names place and layout of what is none."""
    for number, (line, value, kind) in enumerate(_entries(reader), 1):
        article = isinstance(value, dict) and ("paragraphs" in value or "qas" in value)
        yield article, list(_rows(reader.path, line, number, value, kind))


def table_entries(path: str, records: Iterable[tuple[int, Any]]) -> Iterator[tuple[bool, list[Row]]]:
    """The rows of a table, one question each."""
    for number, record in records:
        yield False, list(_rows(path, number, number, record, ""))


def _entries(reader: JsonReader) -> Iterator[tuple[int, Any, str]]:
    """Line, value and key of the list (or '') of every article or row."""
    first = True
    while first or reader.peek():  # JSON lines are values one after the other
        first = False
        line = reader.line
        if reader.peek() == "[":
            for _ in reader.items():
                yield reader.line, reader.value(), ""
        elif reader.peek() == "{":
            yield from _in_object(reader, line)
        else:
            reader.expect("{[")


def _in_object(reader: JsonReader, line: int) -> Iterator[tuple[int, Any, str]]:
    """The entries of the list in an object, or the object itself."""
    rest: dict[str, Any] = {}
    found = False
    for key in reader.members():
        if key in _LISTS and reader.peek() == "[":
            found = True
            for _ in reader.items():
                yield reader.line, reader.value(), key
        else:
            rest[key] = reader.value()
    if not found:
        yield line, rest, ""


def _rows(path: str, line: int, entry: int, value: Any, kind: str) -> Iterator[Row]:
    if kind == "rows" and isinstance(value, dict) and isinstance(value.get("row"), dict):
        if value.get("truncated_cells"):
            raise UserError(f"{path}: row {entry}: the viewer cut its cells short; download the file itself")
        value = value["row"]
    if isinstance(value, dict) and "paragraphs" in value:
        where = f"{path}: article {entry}"
        for number, paragraph in enumerate(get(value, "paragraphs", list, where), 1):
            yield from _paragraph(f"{where}, paragraph {number}", number, paragraph)
    elif isinstance(value, dict) and "qas" in value:
        yield from _paragraph(f"{path}:{line}: paragraph {entry}", 1, value)
    elif isinstance(value, dict) and ("question" in value or "context" in value):
        if isinstance(value.get("question"), (list, dict)):
            raise UserError(f"{path}:{line}: a table column by column; expected {EXPECTED}")
        yield Row(f"{path}:{line}", 0, value)
    else:
        raise UserError(f"{path}:{line}: {describe(value)}; expected {EXPECTED}")


def _paragraph(where: str, number: int, paragraph: Any) -> Iterator[Row]:
    for question in get(paragraph, "qas", list, where):
        get(question, "id", (str, int), where)
        yield Row(where, number, {"context": paragraph.get("context"), **question})


def describe(value: Any) -> str:
    """The kind of a value of JSON, in words."""
    if isinstance(value, dict):
        keys = ", ".join(printable(key)[:30] for key in list(value)[:6])
        return f"an object with the keys {keys}" if keys else "an empty object"
    names = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def get(record: Any, key: str, kind: Any, where: str) -> Any:
    """The value of a key; UserError when it is missing or none of ``kind``."""
    if not isinstance(record, dict):
        raise UserError(f"{where}: {describe(record)}, expected an object with '{key}'")
    value = record.get(key)
    if (isinstance(value, bool) and kind is not bool) or not isinstance(value, kind):
        what = "is missing" if value is None else f"is {describe(value)}, of the wrong kind"
        raise UserError(f"{where}: '{key}' {what}; expected {EXPECTED}")
    return value
