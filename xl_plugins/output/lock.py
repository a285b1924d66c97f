"""One command at a time in a folder: the second one is told so and leaves."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import stat
import time
from typing import IO

from ..errors import UserError
from ..terminal import printable
from .names import PACKAGE

_DYING = 5.0  # seconds for the children of a killed process to end


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

    @classmethod
    def within(cls, folder: str | os.PathLike[str], command: str, option: str) -> FolderLock:
        """The lock of a command that adds to a folder, in that folder; ``option``: how the user named it."""
        return cls(os.path.join(folder, f".{command.replace(' ', '-')}.xl-lock"), command, f"{option} {folder}")

    def acquire(self) -> FolderLock:
        patience = time.monotonic() + _DYING
        while self.file is None:
            file = self._open()
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                note = _read(file)
                holder = _describe(note)
                file.close()
                dead = note.get("host") == socket.gethostname() and not _lives(note.get("pid"))
                if dead and time.monotonic() < patience:  # its children, which have the lock as well, are about to end
                    time.sleep(0.1)
                    continue
                raise UserError(
                    f"{self.what}: {holder} is writing it; wait for it, or choose another output folder"
                ) from None
            except OSError:  # a file system without locks: the note in the file must do
                self._refuse_living(file)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), os.stat(self.path)):
                    self.file = file
                    try:
                        self._note()
                    except BaseException:  # a full disk
                        self.release()
                        raise
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
            with contextlib.suppress(OSError):
                fcntl.flock(self.file, fcntl.LOCK_UN)  # closing alone leaves it to processes forked in the meantime
            with contextlib.suppress(OSError):
                self.file.close()
            self.file = None

    def clear(self) -> None:
        """Remove the lock file that a killed process left; one that is held stays."""
        if os.path.lexists(self.path):
            with contextlib.suppress(UserError, OSError):
                self.acquire()
                self.release()

    __enter__ = acquire

    def __exit__(self, *error: object) -> None:
        self.release()

    def _open(self) -> IO[str]:
        mine = UserError(f"{self.path}: is no lock file of this package; move it away")
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            descriptor = os.open(self.path, flags, 0o666)
        except OSError as error:
            if error.errno in (errno.EISDIR, errno.ELOOP, errno.ENXIO):  # a folder, a symbolic link, a socket
                raise mine from None
            raise
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            os.close(descriptor)
            raise mine
        file = open(descriptor, "r+", encoding="utf-8", errors="replace")  # noqa: SIM115
        if state.st_size and not _read(file):
            file.close()
            raise mine
        return file

    def _refuse_living(self, file: IO[str]) -> None:
        note = _read(file)
        here = note.get("host") == socket.gethostname()
        if note and (not here or _lives(note.get("pid"))):
            file.close()
            raise UserError(
                f"{self.what}: {_describe(note)} is writing it; wait for it, or remove {self.path} if it has ended"
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


def is_lock(path: str | os.PathLike[str]) -> bool:
    """Whether a lock file of this package lies there, held or left by a killed process."""
    try:
        with open(
            os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8", errors="replace"
        ) as file:
            state = os.fstat(file.fileno())
            return stat.S_ISREG(state.st_mode) and (not state.st_size or bool(_read(file)))
    except (OSError, ValueError):
        return False


def find_holder(path: str | os.PathLike[str]) -> str | None:
    """Command, process and host of the one that holds the lock file ``path`` now; None where nobody does."""
    try:
        with open(
            os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8", errors="replace"
        ) as file:
            note = _read(file)
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _describe(note)
            except OSError:
                return _describe(note) if note.get("host") != socket.gethostname() or _lives(note.get("pid")) else None
    except (OSError, ValueError):
        return None
    return None


def _read(file: IO[str]) -> dict:
    """The holder's note, empty where it cannot be read."""
    try:
        file.seek(0)
        note = json.loads(file.read(4096))
    except (OSError, ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) and note.get("package") == PACKAGE else {}


def _describe(note: dict) -> str:
    if not note:
        return "another command"
    return printable(f"{note.get('command')} (process {note.get('pid')} on {note.get('host')})")


def _lives(pid: object) -> bool:
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
