r"""Text of any file from outside: unpacked and decoded piece by piece, with the place of what is no text.

All readers of text and JSON come through here. Files are UTF-8, or UTF-16 or UTF-32 with a byte order mark; the mark is
dropped, nothing else is changed. Lines end at ``\n`` (a ``\r`` before it is dropped) and nowhere else.
"""

from __future__ import annotations

import codecs
import contextlib
import os
from typing import BinaryIO, Iterator

from xl_plugins.errors import UserError
from xl_plugins.formats import encodings
from xl_plugins.formats.packing import Unpacked

_CHUNK = 1 << 16
_LONGEST_FIRST_LINE = 1 << 20  # with carriage returns in it and no line end


class TextStream:
    """Characters of a byte stream, read as from a text file opened with ``newline="\\n"``.

    UserError with file and line (and byte offset) for text that is not UTF-8 and for NUL bytes, once all text before it
    was read; also for packed and binary files of other kinds. ``line``: number of the line that is read next, from 1.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name, self.line = name, 1
        self._stream = Unpacked(stream, name)
        head = self._stream.peek()
        self.encoding, mark = encodings.by_mark(head)
        other = None if mark else encodings.unmarked(head)
        if other:
            raise UserError(f"{name}:1: {other} without a byte order mark; convert the file: {encodings.iconv(other)}")
        self._offset = len(self._stream.read(mark)) if mark else 0
        self._decoder = codecs.getincrementaldecoder(self.encoding)()
        self._fault: UserError | None = None
        self._ended = False

    def read(self, size: int = _CHUNK) -> str:
        """Some characters, at most about ``size`` of them; ``""`` at the end only."""
        if self._fault is not None:
            raise self._fault
        text = ""
        while not text and not self._ended:
            data = self._stream.read(size)
            self._offset += len(data)
            self._ended = not data
            try:
                text = self._decoder.decode(data, final=self._ended)
            except UnicodeDecodeError as error:
                text = error.object[: error.start].decode(self.encoding)
                self._fault = self._undecodable(error, self.line + text.count("\n"))
            zero = text.find("\0")
            if zero >= 0:
                text = text[:zero]
                line = self.line + text.count("\n")
                self._fault = UserError(f"{self.name}:{line}: a NUL byte; the file is damaged or no text, remove it")
            self.line += text.count("\n")
            if self._fault is not None and not text:
                raise self._fault
        return text

    def _undecodable(self, error: UnicodeDecodeError, line: int) -> UserError:
        where, offset = f"{self.name}:{line}", self._offset - len(error.object) + error.start
        if self._ended:
            return UserError(f"{where}: the file ends in the middle of a character; is it complete?")
        if self.encoding != "utf-8":
            name = self.encoding[:6].upper()
            return UserError(
                f"{where}: begins with the byte order mark of {name} but is none (offset {offset}); write it anew"
            )
        return UserError(
            f"{where}: not UTF-8 (byte 0x{error.object[error.start]:02x} at offset {offset}); "
            + encodings.advice(error.object, error.start)
        )

    def lines(self) -> Iterator[str]:
        r"""Lines without their ends; UserError for a file whose lines end in ``\r`` alone."""
        parts: list[str] = []
        first, long = True, 0
        while text := self.read():
            head, *rest = text.split("\n")
            parts.append(head)
            if rest:
                yield "".join(parts).removesuffix("\r")
                first = False
                for line in rest[:-1]:
                    yield line.removesuffix("\r")
                parts = [rest[-1]]
            elif first:
                long += len(head)
                if long > _LONGEST_FIRST_LINE:
                    self._check_returns("".join(parts))
        last = "".join(parts)
        if last:
            if first:
                self._check_returns(last)
            yield last.removesuffix("\r")

    def _check_returns(self, text: str) -> None:
        if "\r" in text[:-1]:
            raise UserError(
                f"{self.name}:1: lines end in carriage returns alone (old Mac text); convert the file: "
                r"tr '\r' '\n' < OLD > NEW"
            )


@contextlib.contextmanager
def open_text(path: str | os.PathLike[str]) -> Iterator[TextStream]:
    """The characters of a file."""
    with open(path, "rb") as file:
        yield TextStream(file, str(path))


def read_text(path: str | os.PathLike[str]) -> str:
    """The whole text of a file."""
    with open_text(path) as stream:
        return "".join(iter(stream.read, ""))


def read_lines(path: str | os.PathLike[str]) -> list[str]:
    """All lines of a file, blank ones included."""
    with open_text(path) as stream:
        return list(stream.lines())
