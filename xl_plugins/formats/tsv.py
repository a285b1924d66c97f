r"""Strict streaming reader of XTREME's tab separated files.

A line ends at ``\n`` (a ``\r`` before it is dropped) and a field at ``\t``, nothing else: sentences may hold Unicode
line separators. XTREME wrote some files with Python's ``csv.writer``, others
without quoting; :func:`unquote` undoes the former and leaves the latter alone, so one reader serves both.
"""

from __future__ import annotations

from typing import BinaryIO, Iterator

from xl_plugins.errors import UserError
from xl_plugins.formats.packing import find_file
from xl_plugins.formats.text import TextStream

__all__ = ["LineReader", "find_file", "split_fields", "unquote"]


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
    """Iterate over ``(line number from 1, text)`` of a file, plain or compressed, in constant memory.

    Blank lines at the end of the file are ignored. Raises UserError with the line for a blank line before the end, and
    for all that :class:`~xl_plugins.formats.text.TextStream` refuses. ``position()`` is the number of bytes of the file
    on disk read so far (for progress bars). With ``blank`` every line of
    white space alone is given as ``""``.
    """

    def __init__(self, path: str, blank: bool = False) -> None:
        self.path, self.blank = path, blank
        self._file: BinaryIO | None = None

    def position(self) -> int:
        """Bytes consumed of the file on disk; its size once it is read."""
        return self._file.tell() if self._file is not None and not self._file.closed else 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        with open(self.path, "rb") as self._file:
            yield from self._lines(self._file)

    def _lines(self, stream: BinaryIO) -> Iterator[tuple[int, str]]:
        blank = 0
        for number, text in enumerate(TextStream(stream, self.path).lines(), 1):
            if text and not (self.blank and text.isspace()):
                if blank:
                    raise UserError(f"{self.path}:{blank}: blank line between rows; delete it (rows must stay aligned)")
                yield number, text
            elif self.blank:
                yield number, ""
            else:
                blank = blank or number
