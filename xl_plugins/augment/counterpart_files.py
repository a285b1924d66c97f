"""Counterparts on disk, beside the text they belong to.

::

    data-bin/xnli/en/counterparts/fr/
      input0/train.{bin,idx}  [input1/...]     row by row as long as en/input0/train
      manifest.json                            how they came about
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fairseq.data import Dictionary

from ..data.checksums import write_checksums
from ..data.layout import DataBin
from ..data.manifest import write_json
from ..data.writer import IndexedWriter, gather
from ..errors import UserError
from .counterparts import Changes, TrainingTexts

FOLDER = "counterparts"
MANIFEST = "manifest.json"


def language_folder(data: DataBin, language: str) -> Path:
    """Where the counterparts in a language lie."""
    return data.root / data.source_language / FOLDER / language


def prefix(data: DataBin, language: str, field: str) -> str:
    """Path without suffix of one file of counterparts."""
    return str(language_folder(data, language) / field / "train")


def read_manifest(data: DataBin, language: str) -> dict[str, Any] | None:
    """Content of a language's manifest; None where there are no counterparts; UserError if it is damaged."""
    path = language_folder(data, language) / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(manifest, dict):
            raise ValueError("no object")
        return manifest
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not JSON ({error}); make the counterparts again with --overwrite") from None


def write_counterparts(
    data: DataBin, texts: TrainingTexts, languages: Mapping[str, tuple[Iterable[Changes], dict[str, Any]]]
) -> None:
    """Write the counterparts of some languages; their folders appear when all are complete: the finished blocks of a
    job serve these languages together.

    Args:
        languages: changes of every block of ``texts`` in order, at flat positions of the block; and the manifest.
    """
    folders = [language_folder(data, language) for language in languages]
    partial = [folder.with_name(f".{folder.name}.partial") for folder in folders]
    try:
        for folder, (changes, manifest) in zip(partial, languages.values()):
            shutil.rmtree(folder, ignore_errors=True)
            _write(folder, len(data.dictionary), texts, changes, manifest)
    except BaseException:
        for folder in partial:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    for whole, folder in zip(partial, folders):
        shutil.rmtree(folder, ignore_errors=True)
        whole.rename(folder)


def _write(
    folder: Path, types: int, texts: TrainingTexts, changes: Iterable[Changes], manifest: dict[str, Any]
) -> None:
    folder.mkdir(parents=True)
    writer = IndexedWriter(str(folder / "texts"), types, texts.texts.ids.dtype.type)
    try:
        for ids, sizes in _substituted(texts, changes):
            writer.append(ids, sizes)
    except BaseException:
        writer.abandon()
        raise
    writer.close()
    for field, rows in zip(texts.fields, texts.rows):
        (folder / field).mkdir()
        gather(str(folder / "texts"), rows, str(folder / field / "train"), types, dtype=writer.dtype)
    for suffix in (".bin", ".idx"):
        os.remove(folder / f"texts{suffix}")
    write_json(str(folder / MANIFEST), manifest)
    write_checksums(folder)


def _substituted(texts: TrainingTexts, changes: Iterable[Changes]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Ids and sizes of every block, changed."""
    own = texts.texts
    for number, (places, ids) in enumerate(changes):
        rows = texts.block(number)
        sizes = own.sizes[rows]
        start = int(own.starts[rows[0]])
        flat = own.ids[start : start + int(sizes.sum())].copy()
        flat[places] = ids
        yield flat, sizes


def write_pieces(data: DataBin, languages: Iterable[str], texts: TrainingTexts, folder: str) -> list[str]:
    """``train.input0.orig``, ``train.input0.fr``, ...: the pieces of each row as a line, to be read by people."""
    os.makedirs(folder, exist_ok=True)
    written = []
    for field in texts.fields:
        source = data.open_text(data.source_language, field, "train")
        for name in ("orig", *languages):
            rows = source if name == "orig" else open_counterparts(data, name, field)
            path = os.path.join(folder, f"train.{field}.{name}")
            _write_lines(path, rows, data.dictionary)
            written.append(path)
    return written


def open_counterparts(data: DataBin, language: str, field: str) -> Any:
    """Memory-mapped ids of a language's counterparts, checked against the dictionary; UserError where missing."""
    return data.open_text(data.source_language, os.path.join(FOLDER, language, field), "train")


def _write_lines(path: str, rows: Any, dictionary: Dictionary) -> None:
    partial = f"{path}.partial"
    try:
        with open(partial, "w", encoding="utf-8", newline="\n") as file:
            for row in range(len(rows)):
                file.write(" ".join(dictionary.symbols[piece] for piece in rows[row][:-1].tolist()) + "\n")
    except BaseException:
        if os.path.exists(partial):
            os.remove(partial)
        raise
    os.replace(partial, path)
