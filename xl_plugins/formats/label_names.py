"""Names of classes that a table numbers: a line each, or the JSON that data sets and models carry."""

from __future__ import annotations

from typing import Any, Iterator

from xl_plugins.errors import UserError
from xl_plugins.formats.json_text import parse_json
from xl_plugins.formats.text import read_text
from xl_plugins.output import printable

_EXPECTED = (
    "a name per line, or JSON: a list of names, a dataset_info.json with 'names', or a config.json with 'id2label'"
)


def read_label_names(path: str, column: str = "") -> tuple[str, ...]:
    """Name of class 0, 1, ...; of several columns in a JSON file, those of ``column``."""
    text = read_text(path)
    if text.lstrip()[:1] not in ("[", "{"):
        lines = [line.strip() for line in text.rstrip().split("\n")]
        found = [("", lines)]
    else:
        found = list(_lists(parse_json(text, path, _EXPECTED)))
        named = [names for key, names in found if key == column]
        if len(found) > 1 and len({tuple(map(str, names)) for _, names in found}) > 1:
            if not named:
                keys = ", ".join(printable(key) for key, _ in found)
                raise UserError(
                    f"{path}: names of several columns, {keys}; write those of yours into a file, a line each"
                )
            found = [("", named[0])]
    if not found:
        raise UserError(f"{path}: no names of labels; expected {_EXPECTED}")
    names = found[0][1]
    for number, name in enumerate(names):
        if not isinstance(name, str) or not name:
            raise UserError(f"{path}: the name of class {number} is {printable(name)!r}; expected {_EXPECTED}")
        if names.index(name) != number:
            raise UserError(f"{path}: classes {names.index(name)} and {number} have one name, '{printable(name)}'")
    return tuple(names)


def _lists(value: Any, key: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Lists of names in a JSON value, each with the column that it is of."""
    if isinstance(value, list) and not key:
        yield "", value
    elif isinstance(value, dict):
        if isinstance(value.get("names"), list):
            yield key, value["names"]
            return
        if value and {str(number) for number in range(len(value))} == set(value):
            yield key, [value[str(number)] for number in range(len(value))]
            return
        for name, inner in value.items():
            if isinstance(inner, dict):
                yield from _lists(inner, name)
