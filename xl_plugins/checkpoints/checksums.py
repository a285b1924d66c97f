"""Whether a checkpoint's bytes are those that were written: torch stores a checksum of every record and checks none.

A flipped bit in a tensor loads without a word otherwise. Verified is exactly what torch will read: where its own reader
finds a record, against the checksum in the archive's directory.
"""

from __future__ import annotations

import errno
import os
import threading
import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import torch

UNREADABLE = "cannot be read as a checkpoint: truncated, damaged or of another kind"
_MAGIC = b"PK\x03\x04"
_TENSORS = "data/"
_BLOCK = 1 << 20
_verified: set[tuple[int, ...]] = set()  # of this process: device, inode, size, time of change


class _Record(NamedTuple):
    name: str
    offset: int
    size: int
    checksum: int


def is_zip(path: str | os.PathLike[str]) -> bool:
    """Whether torch takes a file for one in its zip format, by its first bytes."""
    with open(path, "rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def find_damage(path: str | os.PathLike[str], tensors: bool = True) -> str | None:
    """The fault of a file in torch's zip format, in words, or None; a file is read once per process.

    The old format has no checksums (the published XLM-R archives, ``_use_new_zipfile_serialization=False``), nor have
    files written under ``torch.serialization.set_crc32_options(False)``: nothing can be said about those.

    Args:
        tensors: check the tensors too; without them only the small records are read.

    Raises:
        OSError: the file cannot be read.
    """
    if not is_zip(path):
        return None
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if key in _verified:
            return None
        try:
            records = _records(os.fspath(path))
        except OSError as error:
            if error.errno not in (None, errno.EINVAL):  # a damaged directory leads to places before the file
                raise
            return UNREADABLE
        except Exception:  # a damaged directory raises nearly anything
            return UNREADABLE
        if all(record.checksum == 0 for record in records):
            return None
        if not tensors:
            records = [record for record in records if not record.name.startswith(_TENSORS)]
        bad = _differing(file.fileno(), records)
    if bad is not None:
        return f"damaged: record {bad!r} does not match its checksum"
    if tensors:
        _verified.add(key)
    return None


def _records(path: str) -> list[_Record]:
    with zipfile.ZipFile(path) as archive:
        listed = archive.infolist()
    reader: Any = torch._C.PyTorchFileReader(path)
    names = [info.filename.partition("/")[2] for info in listed]
    if sorted(names) != sorted(reader.get_all_records()) or len(set(names)) != len(names):
        raise zipfile.BadZipFile("its lists of records differ")
    if any(info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size for info in listed):
        raise zipfile.BadZipFile("torch writes no compressed records")
    return [
        _Record(name, reader.get_record_offset(name), info.file_size, info.CRC) for name, info in zip(names, listed)
    ]


def _differing(descriptor: int, records: Sequence[_Record]) -> str | None:
    """The first record whose bytes do not have its checksum. Checksums are computed without Python's lock."""
    stop = threading.Event()

    def is_right(record: _Record) -> bool:
        buffer = bytearray(min(_BLOCK, record.size))
        checksum, done = 0, 0
        while done < record.size and not stop.is_set():
            view = memoryview(buffer)[: record.size - done]
            count = os.preadv(descriptor, [view], record.offset + done)
            if not count:
                return False
            checksum = zlib.crc32(view[:count], checksum)
            done += count
        return checksum == record.checksum or stop.is_set()

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        try:
            for record, right in zip(records, pool.map(is_right, records)):
                if not right:
                    return record.name
        finally:
            stop.set()
    return None
