"""A folder takes the place of another in one step, where the file system can."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from pathlib import Path


def exchange(new: Path, dest: Path, aside: Path) -> None:
    """Give ``new`` the name ``dest``; a folder that was there lies at ``new`` afterwards, or at ``aside``.

    After an error ``dest`` is what it was.
    """
    if not os.path.lexists(dest) or not any(os.scandir(dest)):
        os.rename(new, dest)  # onto an empty folder: atomic as well
        return
    try:
        swap(new, dest)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM):
            raise
        os.rename(dest, aside)
        try:
            os.rename(new, dest)
        except BaseException:
            with contextlib.suppress(OSError):
                os.rename(aside, dest)
            raise


def swap(left: Path, right: Path) -> None:
    """Exchange two names in one step (Linux)."""
    at_fdcwd, exchange_names = -100, 2
    with contextlib.suppress(AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.renameat2(at_fdcwd, os.fsencode(left), at_fdcwd, os.fsencode(right), exchange_names) == 0:
            return
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(right))
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(right))
