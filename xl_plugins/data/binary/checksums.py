"""``checksums.json``: size and SHA-256 of every file that a command wrote into a data folder.

At every start all sizes and the digests of indices, texts and other small files are compared; ``xl-prepare --verify``
compares everything. Files that are not listed were added later or by hand, and are allowed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...output import MARK, atomic_file, printable
from .digest import file_digest

NAME = "checksums.json"
SMALL = 1 << 16  # bytes up to which data is read at every start
_DATA = (".bin", ".npy")  # what is only read as a whole by --verify
_AGAIN = "restore it, or prepare the data again"


def write_checksums(root: str | os.PathLike[str], left_out: str = "") -> None:
    """List all files below ``root``, those of the folder ``left_out`` and the mark not."""
    files = {}
    for path in sorted(Path(root).rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and path.name not in (NAME, MARK) and not (left_out and name.startswith(f"{left_out}/")):
            files[name] = {"size": path.stat().st_size, "sha256": file_digest(str(path))}
    _save(root, files)


def list_again(root: Path, path: Path) -> None:
    """Note a listed file that a command has replaced; a file that is not listed stays so."""
    files, name = read_checksums(root), path.relative_to(root).as_posix()
    if name in files:
        files[name] = {"size": path.stat().st_size, "sha256": file_digest(str(path))}
        _save(root, files)


def _save(root: str | os.PathLike[str], files: dict[str, dict[str, Any]]) -> None:
    with atomic_file(Path(root, NAME)) as file:
        json.dump({"files": files, "sha256": _of_list(files)}, file, indent=1, sort_keys=True)
        file.write("\n")


def read_checksums(root: Path) -> dict[str, dict[str, Any]]:
    """The listed files, by name relative to ``root``; empty where there is no list. UserError for a damaged list."""
    path = root / NAME
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        files = content["files"]
        if content["sha256"] != _of_list(files):
            raise ValueError("its own checksum is another one")
        return {name: {"size": int(entry["size"]), "sha256": str(entry["sha256"])} for name, entry in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: damaged ({printable(error)[:80]}); {_AGAIN}") from None


def check_files(root: Path, everything: bool = False) -> int:
    """UserError for the first listed file below ``root`` that is another one; returns how many are listed.

    Args:
        everything: read data files as well, which takes as long as reading the folder.
    """
    files = read_checksums(root)
    for name, entry in files.items():
        path = root / name
        try:
            found = path.stat()
        except OSError:
            raise UserError(f"{path}: missing, but {NAME} of {root} lists it; {_AGAIN}") from None
        if found.st_size != entry["size"]:
            raise UserError(f"{path}: {found.st_size} bytes, {NAME} of {root} says {entry['size']}; {_AGAIN}")
        if everything:
            same = file_digest(str(path)) == entry["sha256"]
        elif path.suffix in _DATA and found.st_size > SMALL:
            continue
        else:
            same = _known(str(path), found.st_size, found.st_mtime_ns, found.st_ctime_ns) == entry["sha256"]
        if not same:
            raise UserError(f"{path}: its content is not what {NAME} of {root} says; {_AGAIN}")
    return len(files)


def folders(root: Path) -> Iterator[Path]:
    """``root`` and the folders below it that have a list of their own (made by xl-augment)."""
    yield root
    yield from (path.parent for path in sorted(root.rglob(NAME)) if path.parent != root)


@lru_cache(maxsize=1 << 16)
def _known(path: str, size: int, modified: int, changed: int) -> str:
    """Digest of a file, which several parts of a command ask for."""
    return file_digest(path)


def _of_list(files: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode("ascii")).hexdigest()
