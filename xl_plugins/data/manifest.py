"""What makes a binarised folder resumable and self-describing: fingerprints, finished units, ``meta.json``."""

from __future__ import annotations

import hashlib
import json
import os
from typing import IO, Any, Callable

import numpy as np

from xl_plugins.errors import UserError

STATE = ".state"  # folder below DEST.partial; removed before the folder gets its name
_FORMAT = 1  # to be raised whenever the bytes written for the same input change


def fingerprint(*parts: Any) -> str:
    """SHA-256 over everything that decides a unit's bytes."""
    return hashlib.sha256(repr((_FORMAT, *parts)).encode("utf-8")).hexdigest()


def take_lock(path: str, taken: str) -> IO[str]:
    """The open file ``path``, locked until it is closed or the process ends, however it ends.

    Its folder is made. ``taken`` is the message of the UserError where another process has the lock.
    """
    import fcntl  # not on Windows, where fairseq does not run either

    while True:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        file = open(path, "w")  # noqa: SIM115  (open for as long as the lock is wanted)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        except BlockingIOError:
            file.close()
            raise UserError(taken) from None
        except FileNotFoundError:
            pass
        file.close()  # removed, with its folder, between opening and locking by the one that had finished: once more


class Ledger:
    """Finished units of a folder under construction; survives a kill, trusted only where the fingerprint agrees."""

    def __init__(self, partial: str) -> None:
        self.partial = partial
        self.folder = os.path.join(partial, STATE)
        os.makedirs(self.folder, exist_ok=True)

    def _path(self, name: str, suffix: str) -> str:
        return os.path.join(self.folder, name.replace("/", "~") + suffix)

    def lock(self) -> None:
        """Refuse a second run on the same folder; the lock ends with the process, however it ends."""
        self._lock = take_lock(
            os.path.join(self.folder, "lock"),
            f"{self.partial}: another xl-prepare is writing it; wait for it or choose another DEST",
        )

    def is_finished(self, name: str, mark: str) -> bool:
        """True if unit ``name`` was completed with fingerprint ``mark`` and its files are whole."""
        try:
            with open(self._path(name, ".json"), encoding="utf-8") as file:
                entry = json.load(file)
            whole = all(
                os.path.getsize(os.path.join(self.partial, path)) == size for path, size in entry["files"].items()
            )
            return whole and entry["fingerprint"] == mark and os.path.isfile(self._path(name, ".npz"))
        except (OSError, ValueError, KeyError):
            return False

    def load(self, name: str, kind: Callable[..., Any]) -> Any:
        """Rows (of class ``kind``) of a finished unit."""
        with open(self._path(name, ".json"), encoding="utf-8") as file:
            stats = json.load(file)["stats"]
        with np.load(self._path(name, ".npz")) as arrays:
            return kind(**{key: arrays[key] for key in arrays.files}, stats=stats)

    def finish(self, name: str, mark: str, rows: Any, paths: list[str]) -> None:
        """Record a unit that consists of the files ``paths``; the entry appears when everything else is on disk."""
        with open(self._path(name, ".npz"), "wb") as file:
            np.savez(file, **{key: getattr(rows, key) for key in rows.ARRAYS})
        entry = {
            "fingerprint": mark,
            "stats": rows.stats,
            "files": {os.path.relpath(path, self.partial): os.path.getsize(path) for path in paths},
        }
        temporary = self._path(name, ".tmp")
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(entry, file)
        os.replace(temporary, self._path(name, ".json"))

    def forget_others(self, names: set[str]) -> None:
        """Delete every file of units that are not in ``names`` (left by a run with other inputs)."""
        kept = {os.path.basename(self._path(name, suffix)) for name in names for suffix in (".json", ".npz")}
        files: set[str] = set()
        for name in names:
            with open(self._path(name, ".json"), encoding="utf-8") as file:
                files.update(json.load(file)["files"])
        for folder, _, members in os.walk(self.partial):
            for member in members:
                path = os.path.join(folder, member)
                if folder == self.folder:
                    wanted = member in kept or member == "lock"
                else:
                    wanted = os.path.relpath(path, self.partial) in files
                if not wanted:
                    os.remove(path)


def write_json(path: str, content: dict[str, Any]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, sort_keys=True, ensure_ascii=False)
        file.write("\n")
