"""The mark of a folder that a command made: who made it, and which files are the command's own.

A folder is removed or replaced only when its mark names this package and everything in it is listed. ``files`` is None
while the folder is under construction.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..version import __version__
from .atomic import atomic_file, is_temporary
from .lock import is_lock
from .names import PACKAGE

MARK = ".xl_plugins.json"
# what goes with a folder: the folders that these commands made and marked in it, as "xl-augment ..." in data folders
PARTS = {"xl-prepare": "xl-augment"}


def write_mark(folder: str | os.PathLike[str], command: str, files: Iterable[str] | None = None, **facts: Any) -> None:
    """Mark ``folder`` as made by ``command`` (``xl-prepare``); ``files``: its files, relative to it."""
    content = {
        "package": PACKAGE,
        "command": command,
        "version": __version__,
        "files": None if files is None else sorted(files),
        **facts,
    }
    with atomic_file(Path(folder, MARK)) as file:
        json.dump(content, file, indent=1, ensure_ascii=True, sort_keys=True)
        file.write("\n")


def read_mark(folder: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The mark of ``folder``; None where there is none of this package."""
    path = Path(folder, MARK)
    try:
        if path.is_symlink() or not path.is_file():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if (
        not isinstance(content, dict)
        or content.get("package") != PACKAGE
        or not isinstance(content.get("command"), str)
    ):
        return None
    files = content.get("files")
    if files is not None and not (isinstance(files, list) and all(isinstance(name, str) for name in files)):
        return None
    return content


def is_blank(folder: str | os.PathLike[str], inner: str = "") -> bool:
    """Whether nothing is in a folder but what a killed process may leave before its mark: an empty folder ``inner``."""
    return all(
        (is_temporary(entry.name) and entry.is_file(follow_symlinks=False))
        or (entry.name == inner and entry.is_dir(follow_symlinks=False) and not any(os.scandir(entry.path)))
        for entry in os.scandir(folder)
    )


def add_files(folder: str | os.PathLike[str], command: str, files: Iterable[str]) -> None:
    """Note further files of this package in a folder's mark, which is made where there is none.

    A file that was there before and that no mark lists must not be given: it is not ours.
    """
    mark = read_mark(folder) or {"command": command, "files": []}
    facts = {key: value for key, value in mark.items() if key not in ("package", "command", "version", "files")}
    write_mark(folder, mark["command"], {*(mark.get("files") or []), *files}, **facts)


def lists(mark: dict[str, Any] | None, name: str) -> bool:
    """Whether a folder's mark lists the file ``name``, relative to the folder."""
    return mark is not None and os.path.normpath(name) in map(os.path.normpath, mark.get("files") or ())


def list_files(folder: str | os.PathLike[str]) -> list[str]:
    """All files below ``folder``, relative to it, the mark left out; symbolic links count as files."""
    found = []
    for path, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(path, name))]
        found += [os.path.relpath(os.path.join(path, name), folder) for name in (*names, *links)]
    return sorted(name for name in found if name != MARK)


def foreign_files(folder: str | os.PathLike[str], part: str | None = None) -> Iterator[str]:
    """Entries of a marked folder that are not its command's own, relative to it.

    Its own are the listed files, the folders that hold them, and marked folders of its ``part``: see :data:`PARTS`.
    """
    mark = read_mark(folder)
    own = {os.path.normpath(name) for name in (mark or {}).get("files") or ()}
    parents = {os.path.dirname(name) for name in own}
    while missing := {os.path.dirname(name) for name in parents} - parents:
        parents |= missing
    part = part or PARTS.get((mark or {}).get("command", ""))
    yield from _foreign(Path(folder), Path(), own, parents, part)


def _is_marked(folder: Path, inner: Path, parents: set[str]) -> bool:
    """Whether a mark may lie there and is one: another file of that name is the user's."""
    return str(inner) in (".", *parents) and read_mark(folder) is not None


def _foreign(root: Path, inner: Path, own: set[str], parents: set[str], part: str | None) -> Iterator[str]:
    for entry in sorted(os.scandir(root / inner), key=lambda entry: entry.name):
        name = inner / entry.name
        if entry.is_dir(follow_symlinks=False):
            mark = read_mark(root / name)
            if mark is not None and part and mark["command"].split()[0] == part:
                if mark["files"] is not None:  # else under construction, left by a killed process
                    yield from (str(name / found) for found in foreign_files(root / name, part))
            elif str(name) in parents or (part and mark is None and any(os.scandir(root / name))):
                yield from _foreign(root, name, own, parents, part)
            else:
                yield str(name)
        elif str(name) not in own and not (entry.name == MARK and _is_marked(root / inner, inner, parents)):
            left = is_temporary(entry.name) or (entry.name.endswith(".xl-lock") and is_lock(root / name))
            if not left or not entry.is_file(follow_symlinks=False):
                yield str(name)
