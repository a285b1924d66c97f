"""One run at a time in a ``--save-dir``."""

from __future__ import annotations

import atexit
import contextlib
import os

from ..output import FolderLock

NAME = ".xl-lock"
_held: FolderLock | None = None


def hold(save_dir: str) -> None:
    """Take the folder's lock for as long as the process trains; a lock of an earlier run in this process is given back.

    Raises:
        UserError: another process trains into the folder.
    """
    global _held
    release()
    _held = FolderLock(os.path.join(save_dir, NAME), "fairseq-train", f"--save-dir {save_dir}").acquire()


def release() -> None:
    """Give the lock back, if there is one."""
    global _held
    if _held is not None:
        _held.release()
        _held = None


def _leave_to_parent() -> None:
    """A loader worker must not keep the lock of a run that was killed."""
    global _held
    if _held is not None and _held.file is not None:
        with contextlib.suppress(OSError):
            _held.file.close()
    _held = None


atexit.register(release)
os.register_at_fork(after_in_child=_leave_to_parent)
