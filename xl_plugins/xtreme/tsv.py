r"""Strict streaming reader of XTREME's tab separated files.

A line ends at ``\n`` (a ``\r`` before it is dropped) and a field at ``\t``, nothing else: sentences may hold Unicode
line separators. Files may be gzip-compressed. XTREME wrote some files with Python's ``csv.writer``, others
without quoting; :func:`unquote` undoes the former and leaves the latter alone, so one reader serves both.
"""

from __future__ import annotations

import gzip
import os
import zlib
from typing import BinaryIO, Iterator

from xl_plugins.errors import UserError

_GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


def find_file(path: str) -> str | None:
    """Return ``path``, or the same file with or without ``.gz``, whichever exists as a regular file; else None."""
    for candidate in (path, path + ".gz", path[:-3] if path.endswith(".gz") else path):
        if os.path.isfile(candidate):
            return candidate
    return None


def unquote(field: str) -> str:
    '''Undo the quoting of ``csv.writer`` (minimal quoting): ``"say ""hi"""`` becomes ``say "hi"``.

    Minimal quoting wraps a field only when it holds a quote (fields cannot hold tabs or line ends here), so a wrapped
    field always has a doubled quote inside. Any other field, such as a plainly written ``"hi"``, is returned unchanged.
    '''
    if len(field) < 4 or field[0] != '"' or field[-1] != '"':
        return field
    inner = field[1:-1]
    if '""' not in inner or '"' in inner.replace('""', ""):
        return field
    return inner.replace('""', '"')


def split_fields(line: str) -> list[str]:
    """Split one line into unquoted fields."""
    fields = line.split("\t")
    return [unquote(field) for field in fields] if '"' in line else fields


class LineReader:
    """Iterate over ``(line number from 1, text)`` of a UTF-8 file, plain or gzip, in constant memory.

    Blank lines at the end of the file are ignored. Raises UserError with the line for a blank line before the end, with
    line and byte offset for text that is not UTF-8, and for a damaged gzip file. ``position()`` is the number of bytes
    of the file on disk read so far (for progress bars). With ``blank`` every blank line is given as ``""``.
    """

    def __init__(self, path: str, blank: bool = False) -> None:
        self.path, self.blank = path, blank
        self._file: BinaryIO | None = None

    def position(self) -> int:
        """Bytes consumed of the file on disk; its size once it is read."""
        return self._file.tell() if self._file is not None and not self._file.closed else 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        with open(self.path, "rb") as self._file:
            magic = self._file.read(2)
            self._file.seek(0)
            try:
                stream = gzip.GzipFile(fileobj=self._file) if magic == _GZIP_MAGIC else self._file
                yield from self._lines(stream)  # type: ignore[arg-type]
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise UserError(f"{self.path}: damaged gzip file ({error}); download or compress it again") from None

    def _lines(self, stream: BinaryIO) -> Iterator[tuple[int, str]]:
        offset, blank = 0, 0
        for number, raw in enumerate(stream, 1):
            body = raw[:-1] if raw.endswith(b"\n") else raw
            if body.endswith(b"\r"):
                body = body[:-1]
            if number == 1 and body.startswith(_BOM):
                body, offset = body[len(_BOM) :], len(_BOM)
            if not body:
                blank = 0 if self.blank else blank or number
                offset += len(raw)
                if self.blank:
                    yield number, ""
                continue
            if blank:
                raise UserError(f"{self.path}:{blank}: blank line between rows; delete it (rows must stay aligned)")
            try:
                text = body.decode("utf-8")
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{self.path}:{number}: not UTF-8 (byte 0x{body[error.start]:02x} at offset "
                    f"{offset + error.start}); convert the file, for example with iconv -f latin1 -t utf-8"
                ) from None
            yield number, text
            offset += len(raw)
