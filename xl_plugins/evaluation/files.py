"""Output files that appear complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from ..errors import UserError


def refuse_existing(paths: Iterable[str], overwrite: bool) -> None:
    """UserError when one of ``paths`` exists, unless it may be replaced."""
    for path in paths:
        if os.path.isdir(path):
            raise UserError(f"{path}: is a folder; choose another output")
        if os.path.lexists(path) and not overwrite:
            raise UserError(f"{path} exists; pass --overwrite to replace it or choose another output")


def write_files(contents: Mapping[str, str]) -> None:
    """Write all files under temporary names and rename them when every one is on disk; folders are made.

    After an error (a full disk, an interrupt) no temporary file and no new folder is left.
    """
    temporary = {path: f"{path}.{os.getpid()}.tmp" for path in contents}
    made: list[str] = []
    try:
        for path, text in contents.items():
            _make_folders(os.path.dirname(os.path.abspath(path)), made)
            with open(temporary[path], "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
    except BaseException:
        for name in temporary.values():
            if os.path.lexists(name):
                os.remove(name)
        for folder in reversed(made):
            os.rmdir(folder)
        raise
    for path, name in temporary.items():
        os.replace(name, path)


def _make_folders(folder: str, made: list[str]) -> None:
    """Create ``folder`` and its missing parents, adding the new ones to ``made``."""
    if not os.path.isdir(folder):
        _make_folders(os.path.dirname(folder), made)
        os.mkdir(folder)
        made.append(folder)
