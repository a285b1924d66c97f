"""Long work cut into numbered blocks: any of them may be missing, done elsewhere, or lost by a kill.

A block file ends in a SHA-256 over its content and over everything that says which job it belongs to. A file whose
seal agrees is therefore whole and of this job; every other file is a block still to be done.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from xl_plugins.data.binary.manifest import fingerprint
from xl_plugins.errors import UserError
from xl_plugins.output import MARK, FolderLock, atomic_file, is_blank, read_mark, write_mark
from xl_plugins.output.atomic import SUFFIX

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_BLOCK = re.compile(r"[0-9]{6,}\.block")
_SEAL = hashlib.sha256().digest_size  # bytes at the end of a file


def parse_shard(text: str) -> tuple[int, int]:
    """``I/N`` of the option ``--shard``: this is part I (from 1) of N."""
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    part, parts = map(int, match.groups()) if match else (0, 0)
    if not 1 <= part <= parts:
        raise UserError(f"--shard {text}: expected I/N with 1 <= I <= N; the second of four parts is 2/4")
    return part, parts


class BlockStore:
    """Finished blocks 0..``count``-1 of one job in ``folder``, which is made when something is first written.

    ``mark`` is the fingerprint of everything that decides the bytes; ``command`` the command that messages name;
    ``facts`` go into the folder's own mark.
    """

    def __init__(self, folder: str, mark: str, count: int, command: str, **facts: Any) -> None:
        self.folder, self.mark, self.count, self.command, self.facts = folder, mark, count, command, facts

    def path(self, block: int) -> str:
        if not 0 <= block < self.count:
            raise ValueError(f"block {block} of {self.count}")
        return os.path.join(self.folder, f"{block:06d}.block")

    def shard(self, part: int, parts: int) -> list[int]:
        """Blocks of part ``part`` (from 1) of ``parts``, ascending; parts differ by at most one block.

        Neighbours go to different parts: where blocks are sorted by length, every part gets long and short ones.
        """
        if not 1 <= part <= parts:
            raise ValueError(f"part {part} of {parts}")
        return list(range(part - 1, self.count, parts))

    def missing(self, blocks: Iterable[int]) -> list[int]:
        """Those of ``blocks`` that are still to be done; the files of the others are read whole to be sure."""
        return [block for block in blocks if self._content(block) is None]

    def write(self, block: int, arrays: Mapping[str, np.ndarray], stats: Mapping[str, Any]) -> None:
        """Record a finished block; its file appears complete or not at all.

        ``arrays`` may have any shape and any type but object; ``stats`` is what JSON can hold, or numpy's numbers.
        """
        path = self.path(block)
        content = _pack(arrays, stats)
        try:
            self._make()
            with atomic_file(path, "wb") as file:  # another machine may be doing the same block
                file.write(content)
                file.write(self._seal(block, content))
        except OSError as error:
            if error.errno in _FULL:
                raise UserError(
                    f"{path}: {error.strerror}; free space and run {self.command} again (finished blocks are kept)"
                ) from None
            raise

    def read(self, block: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and statistics of a finished block."""
        content = self._content(block)
        if content is None:
            raise UserError(
                f"{self.path(block)}: not a finished block of this job; run {self.command} again to write it"
            )
        return _unpack(content)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Keep other processes from ``name``, e.g. ``shard 2/4``, for a ``with`` block; other names stay free."""
        lock = FolderLock(
            os.path.join(self.folder, f".{name.replace('/', '~')}.xl-lock"), self.command, f"{self.folder}, {name}"
        )
        while lock.file is None:
            self._make()
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile by one that had finished
                lock.acquire()
        with lock:
            yield

    def remove(self) -> None:
        """Delete what was written to the folder, which need not exist, and the folder unless others put something in.
        What cannot be deleted does no harm: a block's seal is checked."""
        mark = read_mark(self.folder)
        if mark is None or os.path.islink(self.folder) or mark["command"] != self.command:
            return
        if all(_is_own(entry) for entry in os.scandir(self.folder)):
            for entry in os.scandir(self.folder):
                if entry.name != MARK:  # it goes last: killed in between, the next run still knows whose folder it is
                    with contextlib.suppress(OSError):
                        os.unlink(entry.path)
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        for block in range(self.count):  # the mark stays: the folder is still one of ours
            with contextlib.suppress(OSError):
                os.unlink(self.path(block))

    def _make(self) -> None:
        """Make the folder, marked as ours."""
        if read_mark(self.folder) is not None and not os.path.islink(self.folder):
            return
        if os.path.lexists(self.folder) and (os.path.islink(self.folder) or not is_blank(self.folder)):
            raise UserError(f"{self.folder}: {self.command} did not make it, or an earlier version; move it away")
        os.makedirs(self.folder, exist_ok=True)
        write_mark(self.folder, self.command, **self.facts)

    def _seal(self, block: int, content: bytes) -> bytes:
        digest = hashlib.sha256(fingerprint(self.mark, self.count, block).encode("ascii"))
        digest.update(content)
        return digest.digest()

    def _content(self, block: int) -> bytes | None:
        """The arrays written for ``block``, None if there is no file or it is not whole or not of this job."""
        try:
            with open(self.path(block), "rb") as file:
                whole = file.read()
        except OSError:
            return None
        content, seal = whole[:-_SEAL], whole[-_SEAL:]
        return content if seal == self._seal(block, content) else None


def _is_own(entry: os.DirEntry[str]) -> bool:
    """Whether a file has one of the names that are written here."""
    names = (entry.name == MARK, _BLOCK.fullmatch(entry.name), entry.name.endswith((".xl-lock", SUFFIX)))
    return any(names) and entry.is_file(follow_symlinks=False)


def _pack(arrays: Mapping[str, np.ndarray], stats: Mapping[str, Any]) -> bytes:
    """A line of JSON, then the arrays in the format of ``.npy``; the same input gives the same bytes."""
    header = {"arrays": list(arrays), "stats": dict(stats)}
    file = io.BytesIO()
    file.write(json.dumps(header, default=_plain).encode("utf-8") + b"\n")
    for array in arrays.values():
        np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
    return file.getvalue()


def _unpack(content: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    file = io.BytesIO(content)
    header = json.loads(file.readline())
    arrays = {name: np.lib.format.read_array(file, allow_pickle=False) for name in header["arrays"]}
    return arrays, header["stats"]


def _plain(value: Any) -> Any:
    """numpy's numbers as Python's; anything else is no statistic."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} in the statistics of a block")
