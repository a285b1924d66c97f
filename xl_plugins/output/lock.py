"""One command at a time in a folder: the second one is told so and leaves."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import stat
import time
from typing import IO

from ..errors import UserError
from ..terminal import printable
from .marks import PACKAGE


class FolderLock:
    """An advisory lock with the holder's process and host, free again when the process ends, however it ends.

    Args:
        path: of the lock file; its folder must exist.
        command: who takes it, for the message that a second one gets.
        what: the output it guards, for the same message.

    Raises:
        UserError: another process holds it, or something that is no lock file lies at ``path``.
    """

    def __init__(self, path: str | os.PathLike[str], command: str, what: str) -> None:
        self.path, self.command, self.what = os.fspath(path), command, what
        self.file: IO[str] | None = None

    def acquire(self) -> FolderLock:
        while self.file is None:
            file = self._open()
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = self._holder(file)
                file.close()
                raise UserError(
                    f"{self.what}: {holder} is writing it; wait for it, or choose another output folder"
                ) from None
            except OSError:  # a file system without locks: the note in the file must do
                self._refuse_living(file)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), os.stat(self.path)):
                    self.file = file
                    self._note()
                    return self
            file.close()  # removed between opening and locking by the one that had finished: once more
        return self

    def fileno(self) -> int:
        """The descriptor, for ``pass_fds`` of a child that must hold the lock as well."""
        assert self.file is not None
        return self.file.fileno()

    def release(self) -> None:
        """Remove the lock file and free the lock."""
        if self.file is not None:
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(self.file.fileno()), os.stat(self.path)):
                    os.unlink(self.path)
            self.file.close()
            self.file = None

    __enter__ = acquire

    def __exit__(self, *error: object) -> None:
        self.release()

    def _open(self) -> IO[str]:
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except IsADirectoryError:
            raise UserError(f"{self.path}: is a folder where a lock file belongs; move it away") from None
        file = open(descriptor, "r+", encoding="utf-8", errors="replace")  # noqa: SIM115
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or (os.fstat(descriptor).st_size and not self._read(file)):
            file.close()
            raise UserError(f"{self.path}: is no lock file of this package; move it away")
        return file

    @staticmethod
    def _read(file: IO[str]) -> dict:
        """The holder's note, empty where it cannot be read."""
        try:
            file.seek(0)
            note = json.loads(file.read(4096))
        except (OSError, ValueError, RecursionError):
            return {}
        return note if isinstance(note, dict) and note.get("package") == PACKAGE else {}

    def _holder(self, file: IO[str]) -> str:
        note = self._read(file)
        if not note:
            return "another command"
        return printable(f"{note.get('command')} (process {note.get('pid')} on {note.get('host')})")

    def _refuse_living(self, file: IO[str]) -> None:
        note = self._read(file)
        here = note.get("host") == socket.gethostname()
        if note and (not here or _lives(note.get("pid"))):
            raise UserError(
                f"{self.what}: {self._holder(file)} is writing it; wait for it, or remove {self.path} if it has ended"
            )

    def _note(self) -> None:
        assert self.file is not None
        note = {
            "package": PACKAGE,
            "command": self.command,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        self.file.seek(0)
        self.file.truncate()
        json.dump(note, self.file)
        self.file.flush()


def _lives(pid: object) -> bool:
    try:
        os.kill(int(pid), 0)  # type: ignore[call-overload]
    except (ProcessLookupError, TypeError, ValueError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
