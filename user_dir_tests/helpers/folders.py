"""Folders that are replaced as a whole, made by a stand-in for a command, and all that lies in them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from xl_plugins.errors import UserError
from xl_plugins.output import Staging

COMMAND = "xl-mini make"


def make(dest: Path, content: str = "new", overwrite: bool = False, **options: object) -> None:
    with Staging(dest, COMMAND, "DIR", overwrite, **options) as staging:  # type: ignore[arg-type]
        (staging.new / "inner").mkdir(exist_ok=True)
        (staging.new / "inner" / "file").write_text(content)
        staging.commit()


def tree(root: Path) -> dict[str, bytes | str | None]:
    """Everything below a folder: content of files, targets of links, None for folders."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        found[name] = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return found


def refused(dest: Path, *words: str, overwrite: bool = True, **options: object) -> None:
    before = tree(dest.parent)
    with pytest.raises(UserError) as error:
        make(dest, overwrite=overwrite, **options)
    for word in words:
        assert word in str(error.value)
    assert tree(dest.parent) == before


def leave_as_killed(dest: Path, command: str) -> None:
    """Put beside a folder what a process leaves that was killed between its last rename and its cleaning up."""
    with Staging(dest, command, "DIR", overwrite=True) as staging:
        left = {path: dest.parent / f"left-{path.name}" for path in (staging.work, Path(staging.lock.path))}
        shutil.copytree(staging.work, left[staging.work])
        shutil.copyfile(staging.lock.path, left[Path(staging.lock.path)])
    for path, copy in left.items():
        copy.rename(path)
