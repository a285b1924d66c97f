"""Counterparts on disk, beside the text they belong to.

::

    data-bin/xnli/en/counterparts/fr/
      input0/train.{bin,idx}  [input1/...]     row by row as long as en/input0/train
      manifest.json                            how they came about
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ...data.binary.checksums import write_checksums
from ...data.binary.layout import DataBin
from ...data.binary.manifest import write_json
from ...data.binary.writer import IndexedWriter, gather
from ...errors import UserError
from ...output import FileOutput, Staging, atomic_file
from .finder import Changes, TrainingTexts

COMMAND = "xl-augment counterparts"
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
    with ExitStack() as stack:
        stagings = [
            stack.enter_context(Staging(language_folder(data, language), COMMAND, "output", overwrite=True))
            for language in languages
        ]
        for staging, (changes, manifest) in zip(stagings, languages.values()):
            _write(staging.new, len(data.dictionary), texts, changes, manifest)
        for staging in stagings:
            staging.commit()


def _write(
    folder: Path, types: int, texts: TrainingTexts, changes: Iterable[Changes], manifest: dict[str, Any]
) -> None:
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
    """``train.input0.orig``, ``train.input0.fr``, ...: the pieces of each row as a line, to be read by people. Those
    that were written before are replaced."""
    files = piece_files(languages, texts, folder)
    with FileOutput(COMMAND, overwrite=True) as output, output.writing(list(files)):
        for path, (field, name) in files.items():
            if name == "orig":
                rows = data.open_text(data.source_language, field, "train")
            else:
                rows = open_counterparts(data, name, field)
            with atomic_file(path) as file:
                for row in range(len(rows)):
                    file.write(" ".join(data.dictionary.symbols[piece] for piece in rows[row][:-1].tolist()) + "\n")
    return list(files)


def piece_files(languages: Iterable[str], texts: TrainingTexts, folder: str) -> dict[str, tuple[str, str]]:
    """Path: field and language of each file of pieces; ``orig`` is the text itself."""
    names = ["orig", *languages]
    return {
        os.path.join(folder, f"train.{field}.{name}"): (field, name) for field in texts.fields for name in names
    }  # fmt: skip


def check_pieces(languages: Iterable[str], texts: TrainingTexts, folder: str) -> None:
    """UserError unless the files of pieces may be written."""
    FileOutput(COMMAND, overwrite=True).check(piece_files(languages, texts, folder))


def open_counterparts(data: DataBin, language: str, field: str) -> Any:
    """Memory-mapped ids of a language's counterparts, checked against the dictionary; UserError where missing."""
    return data.open_text(data.source_language, os.path.join(FOLDER, language, field), "train")
