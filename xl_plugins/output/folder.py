"""A folder that is replaced as a whole, or not at all: the one place that removes folders under a user's name.

::

    .NAME.xl-lock              one command at a time
    .NAME.xl-0123456789abcdef/ working folder, unpredictable, made exclusively
      .xl_plugins.json         mark: command, destination
      new/                     the folder under construction, with a mark of its own
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
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
from .lock import FolderLock
from .marks import foreign_files, list_files, read_mark, write_mark

NEW = "new"


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
    for name in (Path.cwd(), Path.home(), *(Path(name) for name in inputs if name is not None)):
        if real in (name.resolve(), *name.resolve().parents):
            raise UserError(f"{where}: contains {name}, not replaced; choose another folder")
    if not any(os.scandir(path)):
        return
    mark = read_mark(path)
    if mark is None or mark.get("command") != command:
        maker = f"{command} did not make it" if mark is None else f"{printable(mark.get('command'))} made it"
        raise UserError(f"{where}: {maker}, not replaced; choose another folder, or remove it yourself")
    if strange := list(islice(foreign_files(path), 3)):
        raise UserError(
            f"{where}: holds {printable(', '.join(strange))}, which {command} did not make; move it away, or choose"
            " another folder"
        )


class Staging:
    """Makes a folder beside ``dest`` and puts it in its place when it is complete.

    ::

        with Staging(dest, "xl-mini make", "DIR", overwrite) as staging:
            ... write below staging.new ...
            staging.commit()

    A block that ends without :meth:`commit`, by an error or an interrupt, leaves nothing. What a killed process left
    is removed, or with ``resume`` taken up, by the next one.

    Args:
        dest: the folder to make.
        command: name in the marks.
        option: how the user named ``dest``.
        overwrite: replace a folder that :func:`check_replaceable` allows.
        inputs: what the command reads.
        resume: go on in the working folder of a killed process.
    """

    def __init__(
        self, dest: str | os.PathLike[str], command: str, option: str, overwrite: bool = False,
        inputs: Iterable[str | os.PathLike[str] | None] = (), resume: bool = False,
    ) -> None:  # fmt: skip
        self.dest = Path(os.path.abspath(dest))
        self.command, self.option, self.overwrite, self.resume = command, option, overwrite, resume
        self.inputs = list(inputs)
        self.resumed = False
        parent, name = self.dest.parent, self.dest.name
        if not name:
            raise UserError(f"{option} {dest}: cannot be made; name a folder below it")
        self._lock = FolderLock(parent / f".{name}.xl-lock", command, f"{option} {self.dest}")
        self._pattern = re.compile(re.escape(f".{name}.xl-") + "[0-9a-f]{16}")
        self.committed = False

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
        self._lock.acquire()
        try:
            self._recover()
            self.check()  # another one may have finished meanwhile
            self._take_work()
        except BaseException:
            self._lock.release()
            raise
        return self

    @property
    def new(self) -> Path:
        """The folder under construction."""
        return self.work / NEW

    def commit(self, **facts: Any) -> None:
        """Put the new folder in place of the old one; ``facts`` go into its mark."""
        self.check()
        write_mark(self.new, self.command, list_files(self.new), **facts)
        sync_folder(self.new)
        _exchange(self.new, self.dest)
        sync_folder(self.dest.parent)
        self.committed = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            shutil.rmtree(self.work, ignore_errors=True)
        finally:
            self._lock.release()

    def _take_work(self) -> None:
        left = self._left_behind() if self.resume else []
        if left:
            self.work, self.resumed = left[0], True
        else:
            self.work = self.dest.parent / f".{self.dest.name}.xl-{secrets.token_hex(8)}"
            os.mkdir(self.work)
            write_mark(self.work, self.command, destination=self.dest.name)
        self.new.mkdir(exist_ok=True)
        if read_mark(self.new) is None:
            write_mark(self.new, self.command)

    def _left_behind(self) -> list[Path]:
        """Working folders of killed processes: the lock is ours, so nobody works in them."""
        found = []
        for entry in os.scandir(self.dest.parent):
            if self._pattern.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                mark = read_mark(entry.path)
                if mark is not None and mark.get("command") == self.command:
                    found.append(Path(entry.path))
                elif mark is None and not any(os.scandir(entry.path)):
                    os.rmdir(entry.path)  # killed before it could write its mark
        return sorted(found)

    def _recover(self) -> None:
        """Finish or undo what a kill interrupted, and remove working folders that are not to be taken up."""
        left = self._left_behind()
        for work in left:
            old = work / "old"
            if old.is_dir() and not os.path.lexists(self.dest):
                os.rename(old, self.dest)  # killed between two renames, on a file system that cannot exchange
        for work in left if not self.resume else left[1:]:
            shutil.rmtree(work)
        if self.resume and left and _is_complete(left[0] / NEW):
            shutil.rmtree(left[0])  # exchanged already: what lies there is the old folder


def _is_complete(folder: Path) -> bool:
    mark = read_mark(folder)
    return mark is not None and mark.get("files") is not None


def _exchange(new: Path, dest: Path) -> None:
    """Give ``new`` the name ``dest``; what was there lies at ``new`` or beside it afterwards."""
    if not os.path.lexists(dest):
        os.rename(new, dest)
        return
    if not any(os.scandir(dest)):
        os.rename(new, dest)  # onto an empty folder: atomic
        return
    try:
        _renameat2(new, dest)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM):
            raise
        os.rename(dest, new.parent / "old")
        os.rename(new, dest)


def _renameat2(left: Path, right: Path) -> None:
    """Exchange two names in one step (Linux)."""
    at_fdcwd, exchange = -100, 2
    with contextlib.suppress(AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.renameat2(at_fdcwd, os.fsencode(left), at_fdcwd, os.fsencode(right), exchange) == 0:
            return
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(right))
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(right))
