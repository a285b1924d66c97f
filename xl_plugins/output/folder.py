"""A folder that is replaced as a whole, or not at all: the one place that removes folders under a user's name.

::

    .NAME.xl-lock              one command at a time
    .NAME.xl-0123456789abcdef/ working folder, unpredictable, made exclusively
      .xl_plugins.json         mark: command, destination
      new/                     the folder under construction, with a mark of its own
      old/                     for a moment: what it replaces, on a file system that cannot exchange two names
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..terminal import printable
from .atomic import sync_folder
from .exchange import exchange
from .lock import FolderLock, find_holder
from .marks import MARK, foreign_files, is_blank, list_files, read_mark, write_mark

NEW, OLD = "new", "old"


def check_replaceable(
    dest: str | os.PathLike[str], command: str, option: str, inputs: Iterable[str | os.PathLike[str] | None] = ()
) -> None:
    """UserError unless ``dest`` is absent, empty, or a folder that ``command`` made and nobody added to.

    Args:
        option: how the user named ``dest``, for messages.
        inputs: files and folders that the command reads, None among them ignored.
    """
    path = Path(dest)
    where = f"{option} {path}"
    if path.is_symlink():
        raise UserError(f"{where}: is a symbolic link, not replaced; name the folder itself or another one")
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise UserError(f"{where}: is a file, not replaced; choose another folder")
    real = path.resolve()
    for name in (*_places(), *(Path(name) for name in inputs if name is not None)):
        if real in (name.resolve(), *name.resolve().parents):
            what = "is" if real == name.resolve() else "contains"
            raise UserError(f"{where}: {what} {name}, not replaced; choose another folder")
    if not any(os.scandir(path)):
        return
    mark = read_mark(path)
    if mark is None or mark["command"] != command:
        maker = f"{command} did not make it" if mark is None else f"{printable(mark['command'])} made it"
        hint = " (or an earlier version, which left no mark)" if mark is None else ""
        raise UserError(f"{where}: {maker}{hint}, not replaced; choose another folder, or remove it yourself")
    if mark["files"] is None:
        raise UserError(f"{where}: is not complete, not replaced; choose another folder, or remove it yourself")
    if strange := list(islice(foreign_files(path), 3)):
        raise UserError(
            f"{where}: holds {printable(', '.join(strange))}, which {command} did not make; move it away, or choose"
            " another folder"
        )
    for lock in path.rglob(".*.xl-lock"):
        if holder := find_holder(lock):
            raise UserError(f"{where}: {holder} is writing in it; wait for it, or choose another folder")


def _places() -> list[Path]:
    """The working folder and the home folder, as far as there are any."""
    found = []
    for place in (Path.cwd, Path.home):
        with contextlib.suppress(OSError, RuntimeError):
            found.append(place())
    return found


class Staging:
    """Makes a folder beside ``dest`` and puts it in its place when it is complete.

    ::

        with Staging(dest, "xl-mini make", "DIR", overwrite) as staging:
            ... write below staging.new ...
            staging.commit()

    A block that ends without :meth:`commit`, by an error or an interrupt, leaves nothing, unless :attr:`keep` is set.
    What a killed process left is removed, or with ``resume`` taken up, by the next one.

    Args:
        dest: the folder to make.
        command: name in the marks.
        option: how the user named ``dest``.
        overwrite: replace a folder that :func:`check_replaceable` allows.
        inputs: what the command reads.
        resume: go on in the working folder of a killed process; :attr:`resumed` tells whether there was one.
    """

    work: Path

    def __init__(
        self, dest: str | os.PathLike[str], command: str, option: str, overwrite: bool = False,
        inputs: Iterable[str | os.PathLike[str] | None] = (), resume: bool = False,
    ) -> None:  # fmt: skip
        self.dest = Path(os.path.abspath(dest))
        self.command, self.option, self.overwrite, self.resume = command, option, overwrite, resume
        self.inputs = list(inputs)
        self.resumed = self.committed = False
        self.keep = False  # the working folder stays for the next run, however the block ends
        parent, name = self.dest.parent, self.dest.name
        if not name:
            raise UserError(f"{option} {dest}: cannot be made; name a folder below it")
        self.lock = FolderLock(parent / f".{name}.xl-lock", command, f"{option} {self.dest}")
        self._pattern = re.compile(re.escape(f".{name}.xl-") + "[0-9a-f]{16}")

    def check(self) -> None:
        """UserError unless the folder may be made; changes nothing."""
        if os.path.lexists(self.dest) and not self.overwrite and not self._is_empty():
            raise UserError(
                f"{self.option} {self.dest} exists; pass --overwrite to replace it or choose another folder"
            )
        check_replaceable(self.dest, self.command, self.option, self.inputs)

    def _is_empty(self) -> bool:
        return self.dest.is_dir() and not self.dest.is_symlink() and not any(os.scandir(self.dest))

    def __enter__(self) -> Staging:
        self.check()
        self.dest.parent.mkdir(parents=True, exist_ok=True)
        self.lock.acquire()
        try:
            self._recover()
            self.check()  # another one may have finished meanwhile
            self._take_work()
        except BaseException:
            self.lock.release()
            raise
        return self

    @property
    def new(self) -> Path:
        """The folder under construction."""
        return self.work / NEW

    def clean(self) -> None:
        """Finish or remove what a killed process left, where no other one is at work; takes nothing up."""
        parent = self.dest.parent
        if not parent.is_dir() or not any(self._pattern.fullmatch(name) for name in os.listdir(parent)):
            self.lock.clear()
            return
        with contextlib.suppress(UserError, PermissionError), self.lock:
            self._recover()

    def restart(self) -> None:
        """Throw away what was taken up."""
        _clear_work(self.work)
        self._begin()
        self.resumed = False

    def commit(self, **facts: Any) -> None:
        """Put the new folder in place of the old one; ``facts`` go into its mark."""
        self.check()
        write_mark(self.new, self.command, list_files(self.new), **facts)
        sync_folder(self.new)
        exchange(self.new, self.dest, self.work / OLD)
        sync_folder(self.dest.parent)
        self.committed = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            self._put_back(self.work)
            if self.committed or not self.keep:
                with contextlib.suppress(OSError):
                    _remove_work(self.work)
        finally:
            self.lock.release()

    def _take_work(self) -> None:
        left = self._left_behind() if self.resume else []
        if left:
            self.work, self.resumed = left[0], True
        else:
            self.work = self.dest.parent / f".{self.dest.name}.xl-{secrets.token_hex(8)}"
            os.mkdir(self.work)
        self._begin()

    def _begin(self) -> None:
        self.new.mkdir(exist_ok=True)
        write_mark(self.work, self.command, destination=self.dest.name, inode=self.new.stat().st_ino)
        write_mark(self.new, self.command)

    def _left_behind(self) -> list[Path]:
        """Working folders of killed processes: the lock is ours, so nobody works in them."""
        found = []
        for entry in os.scandir(self.dest.parent):
            if self._pattern.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                mark = read_mark(entry.path)
                if mark is not None and mark["command"] == self.command and mark.get("destination") == self.dest.name:
                    found.append(Path(entry.path))
                elif mark is None and is_blank(entry.path, NEW):
                    shutil.rmtree(entry.path)  # killed before it could write its mark
        return sorted(found)

    def _recover(self) -> None:
        """Finish or undo what a kill interrupted, and remove working folders that are not to be taken up."""
        kept = not self.resume
        for work in self._left_behind():
            self._put_back(work)
            if (work / OLD).is_dir():
                shutil.rmtree(work / OLD)
            if kept or not _is_unfinished(work):
                _remove_work(work)
            else:
                kept = True

    def _put_back(self, work: Path) -> None:
        """Undo the first of two renames that replace a folder where names cannot be exchanged."""
        old = work / OLD
        if old.is_dir() and not os.path.lexists(self.dest):
            os.rename(old, self.dest)


def _is_unfinished(work: Path) -> bool:
    """Whether the folder under construction is still there: exchanged already, what lies there is the old one."""
    mark = read_mark(work) or {}
    try:
        return (work / NEW).stat().st_ino == mark.get("inode")
    except OSError:
        return False


def _clear_work(work: Path) -> None:
    """Remove everything but the mark."""
    for entry in os.scandir(work):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        elif entry.name != MARK:
            os.unlink(entry.path)


def _remove_work(work: Path) -> None:
    """The mark goes last: killed in between, the next run still knows whose folder it is."""
    _clear_work(work)
    shutil.rmtree(work)
