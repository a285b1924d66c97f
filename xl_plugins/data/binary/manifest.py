"""The notes that make a binarised folder resumable and self-describing: fingerprints, finished parts, ``meta.json``."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Callable

import numpy as np

from xl_plugins.output import MARK, atomic_file

STATE = "state"  # folder beside the one under construction
_FORMAT = 1  # to be raised whenever the bytes written for the same input change


def fingerprint(*facts: Any) -> str:
    """SHA-256 over everything that decides a part's bytes."""
    return hashlib.sha256(repr((_FORMAT, *facts)).encode("utf-8")).hexdigest()


class Ledger:
    """Finished parts of the folder ``new``, which is under construction, noted in ``work``/state; it survives a kill
    and is trusted only where the fingerprint agrees."""

    def __init__(self, new: str, work: str) -> None:
        self.new = new
        self.folder = os.path.join(work, STATE)
        os.makedirs(self.folder, exist_ok=True)

    def _path(self, name: str, suffix: str) -> str:
        return os.path.join(self.folder, name.replace("/", "~") + suffix)

    def is_finished(self, name: str, mark: str) -> bool:
        """True if part ``name`` was completed with fingerprint ``mark`` and its files are whole."""
        try:
            with open(self._path(name, ".json"), encoding="utf-8") as file:
                entry = json.load(file)
            whole = all(os.path.getsize(os.path.join(self.new, path)) == size for path, size in entry["files"].items())
            return whole and entry["fingerprint"] == mark and os.path.isfile(self._path(name, ".npz"))
        except (OSError, ValueError, KeyError):
            return False

    def load(self, name: str, kind: Callable[..., Any]) -> Any:
        """Rows (of class ``kind``) of a finished part."""
        with open(self._path(name, ".json"), encoding="utf-8") as file:
            stats = json.load(file)["stats"]
        with np.load(self._path(name, ".npz")) as arrays:
            return kind(**{key: arrays[key] for key in arrays.files}, stats=stats)

    def finish(self, name: str, mark: str, rows: Any, paths: list[str]) -> None:
        """Record a part that consists of the files ``paths``; the entry appears when everything else is on disk."""
        with open(self._path(name, ".npz"), "wb") as file:
            np.savez(file, **{key: getattr(rows, key) for key in rows.ARRAYS})
        entry = {
            "fingerprint": mark,
            "stats": rows.stats,
            "files": {os.path.relpath(path, self.new): os.path.getsize(path) for path in paths},
        }
        with atomic_file(self._path(name, ".json")) as file:
            json.dump(entry, file)

    def forget_others(self, names: set[str]) -> None:
        """Delete every file of parts that are not in ``names`` (left by a run with other inputs)."""
        kept = {os.path.basename(self._path(name, suffix)) for name in names for suffix in (".json", ".npz")}
        files: set[str] = set()
        for name in names:
            with open(self._path(name, ".json"), encoding="utf-8") as file:
                files.update(json.load(file)["files"])
        for folder, _, members in os.walk(self.new):
            for member in members:
                path = os.path.join(folder, member)
                if os.path.relpath(path, self.new) not in {*files, MARK}:
                    os.remove(path)
        for member in os.listdir(self.folder):
            if member not in kept:
                os.remove(os.path.join(self.folder, member))


def write_json(path: str, content: dict[str, Any]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, sort_keys=True, ensure_ascii=False)
        file.write("\n")
