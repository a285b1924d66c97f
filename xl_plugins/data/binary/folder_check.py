"""Whether a data folder is still what its ``meta.json`` and ``checksums.json`` say, at every start."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import UserError
from ...output import printable
from ...problems import PROBLEMS
from .checksums import NAME, check_files, folders
from .digest import file_digest
from .meta import DICT, TOKENIZERS

_HEADER = struct.Struct("<9sQBQ")  # of fairseq's memory-mapped index: magic, version, type, rows
_AGAIN = "restore it, or prepare the data again"
_TEXTS = {DICT: "dictionary_sha256", **dict.fromkeys(TOKENIZERS, "tokenizer_sha256")}


def check_folder(root: Path, meta: Mapping[str, Any]) -> None:
    """UserError in one line for what differs; folders without either file were made by hand and are not compared."""
    _check_meta(root, meta)
    check_files(root)


def verify(root: Path, meta: Mapping[str, Any]) -> int:
    """:func:`check_folder` with every byte of all lists, those of xl-augment's folders too; returns files read."""
    if not (root / NAME).is_file():
        raise UserError(
            f"{root}: has no {NAME} (made by hand, or by an older xl-prepare); prepare the data again to have one"
        )
    _check_meta(root, meta)
    return sum(check_files(folder, everything=True) for folder in folders(root))


def _check_meta(root: Path, meta: Mapping[str, Any]) -> None:
    for name, entry in _TEXTS.items():
        path = root / name
        if entry in meta and path.is_file() and file_digest(str(path)) != meta[entry]:
            raise UserError(f"{path}: not the file that meta.json was written with ({entry}); {_AGAIN}")
    labels = root / "label" / "dict.txt"
    if meta.get("labels") and labels.is_file():
        found = [line.rsplit(" ", 1)[0] for line in labels.read_text(encoding="utf-8", errors="replace").splitlines()]
        if found != meta["labels"]:
            there, here = (printable(", ".join(map(str, each))) for each in (meta["labels"], found))
            raise UserError(f"{labels}: labels {here}, but meta.json says {there}; {_AGAIN}")
    _check_languages(root, meta)


def _check_languages(root: Path, meta: Mapping[str, Any]) -> None:
    splits, facts = meta.get("splits", {}), PROBLEMS.get(meta.get("problem", ""))
    for language, counts in splits.items():
        for split, rows in counts.items():
            path = root / language / "input0" / f"{split}.idx"
            if not path.is_file():
                raise UserError(f"{path}: missing, but meta.json lists {split} data of '{language}'; {_AGAIN}")
            found = _rows(path)
            if facts is not None and facts.by_row and found is not None and found != rows:
                raise UserError(f"{path}: {found} rows, but meta.json says {rows}; {_AGAIN}")
    if not splits:
        return
    known = {*splits, *meta.get("languages", []), *meta.get("views", {}), *meta.get("pools", [])}
    for path in sorted(root.glob("*/input0")):
        if path.parent.name not in known and not any((path.parent / own).exists() for own in ("manifest.json", NAME)):
            raise UserError(
                f"{path.parent}: a language that meta.json does not list; remove the folder, or prepare the data with"
                " this language"
            )


def _rows(path: Path) -> int | None:
    """Rows by an index's header; None for another file, which is refused when it is read."""
    with open(path, "rb") as file:
        header = file.read(_HEADER.size)
    return _HEADER.unpack(header)[3] if len(header) == _HEADER.size and header.startswith(b"MMIDIDX") else None


def check_index(path: str, sizes: np.ndarray, pointers: np.ndarray, width: int) -> None:
    """UserError unless the rows of an index follow each other and the file ends with them; any others give other text.

    Args:
        sizes, pointers: elements and first byte of every row; width: bytes of an element.
    """
    counts = np.asarray(sizes, dtype=np.int64)
    length = _HEADER.size + len(counts) * (sizes.itemsize + pointers.itemsize)
    whole = Path(path).stat().st_size == length and not (counts < 0).any()
    if not whole or not np.array_equal(pointers, (np.cumsum(counts) - counts) * width):
        raise UserError(f"{path}: damaged (rows do not follow each other); prepare the data again")
