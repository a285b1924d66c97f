"""Which files an interrupted command had finished, so that the same command goes on instead of refusing its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from .atomic import atomic_file, clear_stale
from .names import PACKAGE


class Unfinished:
    """A note in a folder while a command writes several files there; a ``with`` block.

    The note goes when the block ends well, or by an error before any file is finished. It stays after a kill, and after
    an error that leaves finished files; :attr:`resumed` tells that the same command left one.

    Args:
        path: of the note.
        command: who writes it.
        mark: gives a fingerprint of everything that decides the files; a note with another one is of another job. It is
            not asked before it is needed.
    """

    def __init__(self, path: str | os.PathLike[str], command: str, mark: Callable[[], str]) -> None:
        self.path, self.command, self.mark = Path(path), command, mark
        content = self._load()
        self.resumed = content is not None and content["fingerprint"] == mark()
        self.done: list[str] = content["done"] if content is not None and self.resumed else []

    def has(self, file: str | os.PathLike[str]) -> bool:
        """Whether a file is finished."""
        return self._name(file) in self.done and os.path.isfile(file)

    def add(self, file: str | os.PathLike[str]) -> None:
        """Note a finished file."""
        self.done.append(self._name(file))
        self._write()

    def __enter__(self) -> Unfinished:
        self._write()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or not self.done:
            with suppress(FileNotFoundError):
                self.path.unlink()

    def _name(self, file: str | os.PathLike[str]) -> str:
        return os.path.relpath(file, self.path.parent)

    def _write(self) -> None:
        content = {"package": PACKAGE, "command": self.command, "fingerprint": self.mark(), "done": self.done}
        with atomic_file(self.path) as file:
            json.dump(content, file, indent=1)
            file.write("\n")

    def _load(self) -> dict | None:
        clear_stale(self.path)
        try:
            content = None if self.path.is_symlink() else json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(content, dict) or (content.get("package"), content.get("command")) != (PACKAGE, self.command):
            return None
        done = content.get("done")
        named = isinstance(done, list) and all(isinstance(name, str) for name in done)
        return content if named and isinstance(content.get("fingerprint"), str) else None
