"""JSON from outside: every fault is one line with file and line, whatever is nested, repeated, huge or half in it.

:func:`read_json` for a file that is one value, :func:`parse_json_line` for a line of a jsonl file, :func:`parse_json`
for a text that was read already, and :data:`DECODER` with :func:`check_text` for values read out of a stream.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Iterator

from xl_plugins.errors import UserError
from xl_plugins.formats.text import read_text
from xl_plugins.output import printable

_BLANKS = re.compile(r"[ \t\r\n]*")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


class JsonFault(ValueError):
    """JSON that Python would read in silence, and others differently; ``at`` is its place in the text where known."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.at = at


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise JsonFault(f"key '{printable(twice)[:60]}' twice in one object")
    return found


DECODER = json.JSONDecoder(object_pairs_hook=_object)


def parse_json(text: str, path: str, expected: str, line: int = 1) -> Any:
    """The value of a JSON text that begins in line ``line`` of ``path``; ``expected`` says what it should be.

    Raises:
        UserError: no JSON, nested too deeply, a number too long, a key twice in an object, half of a surrogate pair.
    """
    at = 0
    try:
        value = DECODER.decode(text)
        check_text(text)
        return value
    except json.JSONDecodeError as error:
        reason, at = error.msg, error.pos
        if at >= len(text.rstrip()):
            reason += ", at the end"
    except RecursionError:
        reason = "nested too deeply"
    except ValueError as error:
        reason, at = (str(error), error.at) if isinstance(error, JsonFault) else ("a number of too many digits", 0)
    raise UserError(f"{path}:{line + text.count(chr(10), 0, at)}: not JSON ({reason}); expected {expected}")


def check_text(text: str) -> None:
    r"""JsonFault, with its place ``at``, where a JSON text escapes half of a surrogate pair (``"\ud83d"`` alone)."""
    if not _HALF.search(text):
        return
    first: tuple[int, int] | None = None  # start and end of a first half, to be followed by a second one
    escapes = [(match.start(), match.end(), int(match[1] or "0", 16)) for match in _ESCAPE.finditer(text)]
    for start, end, code in (*escapes, (-1, -1, 0)):
        second = 0xDC00 <= code < 0xE000
        if second != (first is not None) or (first is not None and start != first[1]):
            raise JsonFault("half of a surrogate pair, no character", first[0] if first else start)
        first = (start, end) if 0xD800 <= code < 0xDC00 else None


def parse_json_line(text: str, where: str, expected: str = "one object per line") -> dict[str, Any]:
    """The object of one line; ``where`` is ``file:line``, ``expected`` says what a line should be."""
    path, _, line = where.rpartition(":")
    value = parse_json(text, path, expected, int(line))
    if not isinstance(value, dict):
        raise UserError(f"{where}: a JSON {type(value).__name__}, expected {expected}")
    return value


def read_json(path: str | os.PathLike[str], expected: str) -> Any:
    """The value that a file holds, plain or compressed; ``expected`` says what it should be."""
    return parse_json(read_text(path), str(path), expected)


def json_items(text: str, path: str, expected: str) -> Iterator[tuple[int, Any]]:
    """Line and value of every member of the JSON list that ``text`` is."""
    line, at = 1, 0

    def forward(start: int) -> int:
        """Place of the next character that is no white space; ``line`` follows."""
        nonlocal line
        end = _BLANKS.match(text, start).end()  # type: ignore[union-attr]
        line += text.count("\n", start, end)
        return end

    def fault(reason: str) -> UserError:
        return UserError(f"{path}:{line}: not JSON ({reason}); expected {expected}")

    at = forward(0)
    if text[at : at + 1] != "[":
        value = parse_json(text, path, expected)
        raise UserError(f"{path}:{line}: a JSON {type(value).__name__}, expected {expected}")
    at = forward(at + 1)
    while text[at : at + 1] != "]":
        try:
            _, end = DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = len(text)
        if end == len(text):  # no member is the last of the text: parse_json says what is wrong
            parse_json(text[at:], path, expected, line)
            raise fault("the list does not end")
        yield line, parse_json(text[at:end], path, expected, line)
        line += text.count("\n", at, end)
        at = forward(end)
        if text[at : at + 1] == ",":
            at = forward(at + 1)
        elif text[at : at + 1] != "]":
            raise fault("expected ',' or ']'")
    if text[at + 1 :].strip():
        raise fault("more text behind the list")
