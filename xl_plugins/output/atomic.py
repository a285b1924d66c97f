"""A file that is whole or absent: written beside under an unpredictable name, synchronised, renamed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from typing import IO, Any

SUFFIX = ".xl-tmp"


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str], mode: str = "w", **options: Any) -> Iterator[IO[Any]]:
    """An open file that gets the name ``path`` when the block ends well and vanishes when it does not.

    A killed process leaves a ``.NAME.*.xl-tmp`` behind, which the next writer of the same path removes.

    Args:
        mode: ``w`` (UTF-8, line feeds) or ``wb``.
        options: further arguments of ``open``.
    """
    path = os.path.abspath(path)
    folder, name = os.path.split(path)
    clear_stale(path)
    if "b" not in mode:
        options = {"encoding": "utf-8", "newline": "\n", **options}
    temporary, descriptor = _create(folder, name)
    file = open(temporary, mode, opener=lambda *_: descriptor, **options)  # noqa: SIM115  (it knows its name)
    try:
        yield file
        file.flush()
        os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    finally:
        with contextlib.suppress(OSError):
            file.close()
    sync_folder(folder)


def _create(folder: str, name: str) -> tuple[str, int]:
    """Name and descriptor of a new file, locked to tell other writers that this one lives."""
    while True:
        temporary = os.path.join(folder, f".{name}.{secrets.token_hex(8)}{SUFFIX}")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(temporary)):
                return temporary, descriptor
        os.close(descriptor)  # another writer's clear_stale came before the lock: once more


def is_temporary(name: str, path: str | None = None) -> bool:
    """Whether a file of this name is one of :func:`atomic_file`, for ``path`` or for any."""
    inner = r".+" if path is None else re.escape(os.path.basename(path))
    return re.fullmatch(rf"\.{inner}\.[0-9a-f]{{16}}{re.escape(SUFFIX)}", name) is not None


def clear_stale(path: str | os.PathLike[str]) -> None:
    """Remove temporary files that killed writers of ``path`` left; those of living writers stay."""
    folder, name = os.path.split(os.path.abspath(path))
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if is_temporary(entry.name, name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError), open(entry.path, "rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(entry.path)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Bring a folder's entries to the disk, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
