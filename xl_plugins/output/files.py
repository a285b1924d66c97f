"""Single files in folders that may be the user's: each is replaced only when it is ours."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..terminal import printable
from .atomic import atomic_file
from .lock import FolderLock
from .marks import MARK, add_files, lists, read_mark, write_mark


class FileOutput:
    """Files of one command, such as predictions, in folders whose marks list them; a ``with`` block.

    Files are replaced with ``overwrite``, and only those that a mark lists. Within the block other commands are kept
    out of the folders of :meth:`plan`; a block that ends by an error leaves no new folder and no new mark.

    Args:
        command: name in the marks.
        also: commands whose files may be replaced as well.
    """

    def __init__(self, command: str, overwrite: bool = False, also: Iterable[str] = ()) -> None:
        self.command, self.overwrite, self.also = command, overwrite, {command, *also}
        self._stack = ExitStack()
        self._locked: set[str] = set()

    def __enter__(self) -> FileOutput:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def plan(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """UserError unless all may be written; takes the locks of their folders, which are made."""
        paths = [os.fspath(path) for path in paths]
        self.check(paths)
        for folder in sorted({os.path.dirname(os.path.abspath(path)) for path in paths} - self._locked):
            self._stack.enter_context(_made(folder))
            self._stack.enter_context(FolderLock.within(folder, self.command, "output"))
            self._locked.add(folder)
        self.check(paths)  # another one may have written meanwhile

    def check(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """UserError unless all may be written; changes nothing, but for locks that killed processes left."""
        paths = [os.fspath(path) for path in paths]
        for folder in {os.path.dirname(os.path.abspath(path)) for path in paths} - self._locked:
            FolderLock.within(folder, self.command, "output").clear()
        for path in paths:
            folder = os.path.dirname(os.path.abspath(path))
            _check_folder(folder)
            mark = read_mark(folder)
            if mark is not None and mark["command"] not in self.also:
                raise UserError(f"{path}: {folder} was made by {printable(mark['command'])}; choose another output")
            check_file(path, self.overwrite, self.command, self._is_ours)

    def _is_ours(self, path: str) -> bool:
        """Whether the nearest mark lists the file, and is of a command whose files may be replaced.

        A folder behind a symbolic link counts where it really lies: a mark above the link does not speak of it.
        """
        place, name = os.path.split(os.path.abspath(path))
        inner = Path(os.path.realpath(place), name)
        for folder in inner.parents:
            mark = read_mark(folder)
            if mark is not None:
                return mark["command"] in self.also and lists(mark, os.path.relpath(inner, folder))
        return False

    @contextmanager
    def writing(self, paths: Sequence[str]) -> Iterator[None]:
        """Marks list ``paths``, planned before, while they are written; after an error as before."""
        self.plan(paths)
        before: dict[str, dict[str, Any] | None] = {}
        for folder in {os.path.dirname(os.path.abspath(path)) for path in paths}:
            names = [os.path.basename(path) for path in paths if os.path.dirname(os.path.abspath(path)) == folder]
            mark = read_mark(folder)
            before[folder] = mark
            add_files(folder, self.command, names)
        try:
            yield
        except BaseException:
            for folder, mark in before.items():
                _restore(folder, mark)
            raise

    def write(self, contents: Mapping[str, str]) -> None:
        """Write texts to files: all are on disk before the first one gets its name."""
        with self.writing(list(contents)):
            write_together(contents)


class NoOutput(FileOutput):
    """Stands in on a process that writes nothing, since another one does."""

    def check(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """Nothing is checked."""

    def plan(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """No lock is taken."""

    def write(self, contents: Mapping[str, str]) -> None:
        """Nothing is written."""


def check_file(path: str | os.PathLike[str], overwrite: bool, command: str, recognise: Callable[[str], bool]) -> None:
    """UserError unless ``path`` is absent, or with ``overwrite`` a plain file that ``recognise`` takes for ours."""
    path = os.fspath(path)
    try:
        state = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(state.st_mode):
        raise UserError(f"{path}: is a folder; choose another output")
    if not overwrite:
        raise UserError(f"{path} exists; pass --overwrite to replace it or choose another output")
    if stat.S_ISLNK(state.st_mode):
        raise UserError(f"{path}: is a symbolic link, not replaced; choose another output")
    if not stat.S_ISREG(state.st_mode):
        raise UserError(f"{path}: is no plain file, not replaced; choose another output")
    if state.st_size and not recognise(path):
        raise UserError(
            f"{path}: {command} did not make it (or an earlier version, which left no mark), not replaced; choose"
            " another output, or remove it yourself"
        )


def is_json(path: str, ours: Callable[[Any], bool]) -> bool:
    """Whether a file is JSON whose content ``ours`` knows."""
    try:
        return ours(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return False


def write_together(contents: Mapping[str, str]) -> None:
    """Write texts to files: all are on disk before the first one gets its name; folders are made.

    After an error (a full disk, an interrupt) no temporary file and no new folder is left.
    """
    with ExitStack() as folders:
        for path in contents:
            folders.enter_context(_made(os.path.dirname(os.path.abspath(path))))
        with ExitStack() as files:
            for path, text in contents.items():
                file = files.enter_context(atomic_file(path))
                file.write(text)
                file.flush()
                os.fsync(file.fileno())


def _check_folder(folder: str) -> None:
    """UserError if something else than a folder has the name of ``folder`` or of one above it."""
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        raise UserError(f"{folder}: is no folder; choose another output")


@contextmanager
def _made(folder: str) -> Iterator[None]:
    """Make a folder and its missing parents; those of them that stay empty vanish in the end."""
    made = []
    while not os.path.isdir(folder):
        made.append(folder)
        folder = os.path.dirname(folder)
    for name in reversed(made):
        try:
            os.mkdir(name)
        except FileExistsError:
            if not os.path.isdir(name):  # else another one made it meanwhile
                raise
    try:
        yield
    finally:
        for name in made:
            with suppress(OSError):
                os.rmdir(name)


def _restore(folder: str, mark: dict[str, Any] | None) -> None:
    """The mark as it was, and those files that came about nevertheless."""
    now = read_mark(folder)
    if now is None:
        return
    there = [name for name in now["files"] or () if os.path.lexists(os.path.join(folder, name))]
    if mark is None and not there:
        os.unlink(os.path.join(folder, MARK))
    else:
        write_mark(folder, now["command"], there)
