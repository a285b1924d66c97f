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
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(8)}{SUFFIX}")
    if "b" not in mode:
        options = {"encoding": "utf-8", "newline": "\n", **options}
    file = open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), mode, **options)  # noqa: SIM115
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # tells others that its writer lives
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


def clear_stale(path: str | os.PathLike[str]) -> None:
    """Remove temporary files that killed writers of ``path`` left; those of living writers stay."""
    folder, name = os.path.split(os.path.abspath(path))
    pattern = re.compile(re.escape(f".{name}.") + r"[0-9a-f]{16}" + re.escape(SUFFIX))
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
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
