"""JSON values read one after the other out of a long text, in the memory of the longest value."""

from __future__ import annotations

import json
from typing import Any, Iterator, Protocol

from xl_plugins.errors import UserError
from xl_plugins.formats.json_text import DECODER, JsonFault, check_text

_CHUNK = 1 << 20  # characters read at once
_WHITE = " \t\r\n"


class Characters(Protocol):
    def read(self, size: int) -> str:
        """Some characters, none at the end only."""


class JsonReader:
    """Values of a JSON text; UserError names the line of what is no JSON and, with ``expected``, what it should be."""

    def __init__(self, path: str, stream: Characters, expected: str) -> None:
        self.path, self.expected, self._stream = path, expected, stream
        self._text, self._at, self._line, self._ended = "", 0, 1, False

    def _more(self) -> None:
        """Drop what is read and add more, as much as is left of a long value, so that it is tried few times."""
        self._line += self._text.count("\n", 0, self._at)
        rest = self._text[self._at :]
        parts, wanted = [rest], len(rest) if len(rest) > _CHUNK else 1  # what a pipe holds is enough to begin with
        while wanted > 0 and not self._ended:
            parts.append(self._stream.read(max(_CHUNK, wanted)))
            wanted -= len(parts[-1])
            self._ended = not parts[-1]
        self._text, self._at = "".join(parts), 0

    def peek(self) -> str:
        """Next character that is no white space, '' at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _WHITE:
                self._at += 1
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._more()

    @property
    def line(self) -> int:
        """Line of the next character."""
        self.peek()
        return self._line + self._text.count("\n", 0, self._at)

    def expect(self, wanted: str) -> str:
        """Read one character out of ``wanted``."""
        found = self.peek()
        if not found or found not in wanted:
            names = " or ".join(f"'{c}'" for c in wanted)
            raise self.error(f"expected {names}, found {repr(found) if found else 'the end of the file'}")
        self._at += 1
        return found

    def value(self) -> Any:
        """Read one value of any kind."""
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
                if end < len(self._text) or self._ended or not self._text[end - 1].isdigit():
                    check_text(self._text[self._at : end])
                    self._at = end
                    return value
            except json.JSONDecodeError as error:
                if self._ended:
                    whole = error.pos >= len(self._text.rstrip())
                    raise self.error(error.msg + (", at the end of the file" if whole else ""), error.pos) from None
            except RecursionError:
                raise self.error("nested too deeply") from None
            except ValueError as error:
                fault = isinstance(error, JsonFault)
                raise self.error(str(error) if fault else "a number of too many digits") from None
            self._more()

    def members(self) -> Iterator[str]:
        """Keys of the object that comes next; the caller is to read the value of each."""
        self.expect("{")
        while self.peek() != "}":
            if self.peek() != '"':
                self.expect('"')
            key = self.value()
            self.expect(":")
            yield key
            self._comma("}")
        self.expect("}")

    def items(self) -> Iterator[int]:
        """Numbers from 1 of the items of the list that comes next; the caller is to read each."""
        self.expect("[")
        number = 0
        while self.peek() != "]":
            number += 1
            yield number
            self._comma("]")
        self.expect("]")

    def _comma(self, end: str) -> None:
        if self.peek() == end:
            return
        if self.expect("," + end) == "," and self.peek() == end:
            raise self.error(f"a comma before '{end}'")

    def error(self, reason: str, place: int | None = None) -> UserError:
        line = self._line + self._text.count("\n", 0, self._at if place is None else place)
        return UserError(f"{self.path}:{line}: not JSON ({reason}); expected {self.expected}")
