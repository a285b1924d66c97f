"""One run at a time in a ``--save-dir``."""

from __future__ import annotations

import atexit
import contextlib
import os

from ..output import FolderLock

NAME = ".xl-lock"


class RunLock:
    """The lock of the folder that this process trains into, one after another; free again when the process ends."""

    def __init__(self) -> None:
        self._held: FolderLock | None = None
        atexit.register(self.release)
        os.register_at_fork(after_in_child=self._leave_to_parent)

    def hold(self, save_dir: str) -> None:
        """Take a folder's lock for as long as the process trains; that of an earlier run is given back.

        Raises:
            UserError: another process trains into the folder.
        """
        self.release()
        self._held = FolderLock(os.path.join(save_dir, NAME), "fairseq-train", f"--save-dir {save_dir}").acquire()

    def release(self) -> None:
        """Give the lock back, if there is one."""
        if self._held is not None:
            self._held.release()
            self._held = None

    def _leave_to_parent(self) -> None:
        """A loader worker must not keep the lock of a run that was killed."""
        if self._held is not None and self._held.file is not None:
            with contextlib.suppress(OSError):
                self._held.file.close()
        self._held = None
