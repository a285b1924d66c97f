"""Compressed files: found under either name, recognised by their first bytes, unpacked while they are read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zlib
from typing import Any, BinaryIO

from xl_plugins.errors import UserError

SUFFIXES = (".gz", ".xz", ".bz2")
PACKED = "(?:" + "|".join(suffix.replace(".", r"\.") for suffix in SUFFIXES) + ")?"  # at the end of a pattern of names
DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError)  # bz2: a plain OSError
_HEAD = 16
_REFUSED = (
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard; unpack it first: zstd -d FILE"),
    (b"PK\x03\x04", "a zip archive (.zip, .xlsx, ...), not text; unpack it first, or save the sheet as csv"),
    (b"PK\x05\x06", "an empty zip archive; give the file itself"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive, not text; unpack it first: 7z x FILE"),
    (b"PAR1", "a Parquet file, not text; xl-prepare pairs reads those"),
    (b"ARROW1", "an Arrow file, not text; save it as Parquet, csv or jsonl"),
    (b"SQLite format 3", "a database, not text; export the table as csv"),
)


def find_file(path: str) -> str | None:
    """Return ``path``, or the same file with or without a suffix of compression, whichever exists; else None."""
    names = [path, *(path + suffix for suffix in SUFFIXES), stem(path)]
    return next((name for name in names if os.path.isfile(name)), None)


def stem(path: str) -> str:
    """``path`` without a suffix of compression."""
    return next((path[: -len(suffix)] for suffix in SUFFIXES if path.endswith(suffix)), path)


def peek(stream: Any) -> bytes:
    """The first bytes of a stream that was not read yet, as many as come at once; they stay to be read."""
    found: bytes = stream.peek(_HEAD)
    return found


class Unpacked:
    """Bytes of a stream, unpacked where its first bytes say gzip, xz or bzip2.

    UserError for other packed or binary kinds, and for a damaged file when the damage is reached.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name, self.kind = name, ""
        plain: Any = stream if hasattr(stream, "peek") else io.BufferedReader(stream)  # type: ignore[type-var]
        head = peek(plain)
        for magic, what in _REFUSED:
            if head.startswith(magic):
                raise UserError(f"{name}: {what}")
        self._stream = plain
        if head.startswith(b"\x1f\x8b"):
            self.kind, self._stream = "gzip", gzip.GzipFile(fileobj=plain)
        elif head.startswith(b"\xfd7zXZ\x00"):
            self.kind, self._stream = "xz", lzma.LZMAFile(plain)  # noqa: SIM115
        elif head.startswith(b"BZh") and head[4:10] == b"\x31\x41\x59\x26\x53\x59":
            self.kind, self._stream = "bzip2", bz2.BZ2File(plain)

    def peek(self) -> bytes:
        return self._safe(lambda: peek(self._stream))

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, as many as are there at once; nothing at the end only."""
        return self._safe(lambda: self._stream.read1(size))

    def _safe(self, work: Any) -> bytes:
        try:
            found: bytes = work()
            return found
        except (*DAMAGED, OSError) as error:
            if not self.kind or (isinstance(error, OSError) and error.errno is not None):
                raise
            raise UserError(f"{self.name}: damaged {self.kind} file ({error}); download or compress it again") from None
