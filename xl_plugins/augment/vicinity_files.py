"""Virtual examples on disk, beside the text they were made of.

::

    data-bin/panx/de/vicinity/
      input0/train.{bin,idx}  [input1/...]  [words/...]    as the files of de; no labels
      parents.npy                                          int32, row of de that each example was made of
      manifest.json                                        how they came about
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..data.layout import DataBin
from ..data.manifest import write_json
from ..data.writer import IndexedWriter
from ..errors import UserError
from .vicinity_examples import Examples

NAME = "vicinity"
MANIFEST, PARENTS = "manifest.json", "parents.npy"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TAKEN = re.compile(r"input[0-9]*|label|words|raw|soft|counterparts|offsets|answers|spans|.*-view")


def check_name(name: str) -> None:
    """UserError unless it can be a folder beside the files of a language."""
    if not _NAME.fullmatch(name) or _TAKEN.fullmatch(name):
        raise UserError(f"--name {name}: expected the name of a new folder, such as vicinity-2")


def folder_of(data: DataBin, language: str, name: str = NAME) -> Path:
    """Where the virtual examples of a language lie."""
    return data.root / language / name


def read_manifest(data: DataBin, language: str, name: str = NAME) -> dict[str, Any] | None:
    """Content of the manifest; None where there is no such folder; UserError if it is damaged or of something else."""
    folder = folder_of(data, language, name)
    if not folder.exists():
        return None
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(manifest, dict) or manifest.get("kind") != "vicinity":
            raise ValueError("not of virtual examples")
        return manifest
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"{path}: {reason}; remove the folder and run xl-augment vicinity again") from None


def write_examples(
    folder: Path, fields: Iterable[str], types: int, blocks: Iterable[Examples], manifest: dict[str, Any]
) -> None:
    """Write the files; the folder appears when all are complete."""
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        _write(partial, list(fields), types, blocks)
        write_json(str(partial / MANIFEST), manifest)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _write(folder: Path, fields: list[str], types: int, blocks: Iterable[Examples]) -> None:
    writers = [_writer(folder, field, types) for field in fields]
    words = _writer(folder, "words", types, np.uint16) if len(fields) == 1 else None
    parents = []
    try:
        for block in blocks:
            parents.append(block.parents)
            for writer, (ids, sizes) in zip(writers, block.texts):
                writer.append(ids, sizes)
            if words is not None and block.words is not None:
                words.append(*block.words)
    except BaseException:
        for writer in [*writers, *filter(None, [words])]:
            writer.abandon()
        raise
    for writer in [*writers, *filter(None, [words])]:
        writer.close()
    np.save(folder / PARENTS, np.concatenate(parents).astype(np.int32))


def _writer(folder: Path, field: str, types: int, dtype: Any = None) -> IndexedWriter:
    os.makedirs(folder / field, exist_ok=True)
    return IndexedWriter(str(folder / field / "train"), types, dtype)
