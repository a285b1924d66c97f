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

from .atomic import atomic_file

MARK = ".xl_plugins.json"
PACKAGE = "xl_plugins"


def _version() -> str:
    from .. import __version__  # the package may be in the middle of its import

    return __version__


def write_mark(folder: str | os.PathLike[str], command: str, files: Iterable[str] | None = None, **facts: Any) -> None:
    """Mark ``folder`` as made by ``command`` (``xl-prepare``); ``files``: its files, relative to it."""
    content = {
        "package": PACKAGE,
        "command": command,
        "version": _version(),
        "files": None if files is None else sorted(files),
        **facts,
    }
    with atomic_file(Path(folder, MARK)) as file:
        json.dump(content, file, indent=1, ensure_ascii=False, sort_keys=True)
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
    return content if isinstance(content, dict) and content.get("package") == PACKAGE else None


def add_files(folder: str | os.PathLike[str], command: str, files: Iterable[str]) -> None:
    """Note further files of this package in a folder's mark, which is made where there is none.

    A file that was there before and that no mark lists must not be given: it is not ours.
    """
    mark = read_mark(folder) or {"command": command, "files": []}
    facts = {key: value for key, value in mark.items() if key not in ("package", "command", "version", "files")}
    write_mark(folder, mark["command"], {*(mark.get("files") or []), *files}, **facts)


def list_files(folder: str | os.PathLike[str]) -> list[str]:
    """All files below ``folder``, relative to it, the mark left out; symbolic links count as files."""
    found = []
    for path, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(path, name))]
        found += [os.path.relpath(os.path.join(path, name), folder) for name in (*names, *links) if name != MARK]
    return sorted(found)


def foreign_files(folder: str | os.PathLike[str]) -> Iterator[str]:
    """Entries of a marked folder that no mark of this package lists, relative to it.

    Marked folders within count by their own marks; an unlisted symbolic link or empty folder of others counts too.
    """
    mark = read_mark(folder)
    listed = None if mark is None else mark.get("files")
    under_construction = mark is not None and listed is None
    own = {os.path.normpath(str(name)) for name in listed or ()}
    parents = {os.path.dirname(name) for name in own}
    while missing := {os.path.dirname(name) for name in parents} - parents:
        parents |= missing
    yield from _foreign(Path(folder), Path(), own, parents, under_construction)


def _foreign(root: Path, inner: Path, own: set[str], parents: set[str], trusted: bool) -> Iterator[str]:
    for entry in sorted(os.scandir(root / inner), key=lambda entry: entry.name):
        name = inner / entry.name
        if entry.is_dir(follow_symlinks=False):
            if read_mark(root / name) is not None:
                yield from (str(name / found) for found in foreign_files(root / name))
            elif trusted or str(name) in parents:
                yield from _foreign(root, name, own, parents, trusted)
            else:
                yield str(name)
        elif entry.name != MARK and not (trusted and not entry.is_symlink()) and str(name) not in own:
            yield str(name)
