"""Texts that were made of those of a language, on disk beside them: what co-training reads as a pool.

::

    data-bin/panx/de/vicinity/
      input0/train.{bin,idx}  [input1/...]  [words/...]    as the files of de; no labels
      parents.npy                                          int32, row of de that each text was made of
      manifest.json                                        how they came about
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fairseq.data.indexed_dataset import dataset_exists

from ...data.binary.checksums import write_checksums
from ...data.binary.layout import DataBin
from ...data.binary.manifest import write_json
from ...data.binary.writer import IndexedWriter
from ...errors import UserError
from ...output import Staging, check_replaceable
from .texts import WORDS

MANIFEST, PARENTS = "manifest.json", "parents.npy"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TAKEN = re.compile(r"input[0-9]*|label|words|raw|soft|counterparts|offsets|answers|spans|.*-view")


@dataclass
class Examples:
    """Generated examples. ``parents`` (M,): row that each was made of; ``texts``: per field flat ids with ``</s>`` and
    sizes (M,); ``words``: flat pieces per word and words (M,), of tagging."""

    parents: np.ndarray
    texts: list[tuple[np.ndarray, np.ndarray]]
    words: tuple[np.ndarray, np.ndarray] | None


@dataclass(frozen=True)
class Kind:
    """The kind of a folder's texts. name: of the command and in manifests; what: the texts; of: what decides them."""

    name: str
    what: str
    of: str

    @property
    def command(self) -> str:
        """As the user types it."""
        return f"xl-augment {self.name}"

    def check_name(self, name: str) -> None:
        """UserError unless it can be a folder beside the files of a language."""
        if not _NAME.fullmatch(name) or _TAKEN.fullmatch(name):
            raise UserError(f"--name {name}: expected the name of a new folder, such as {self.name}-2")

    def folder(self, data: DataBin, language: str, name: str = "") -> Path:
        """Where they lie."""
        return data.root / language / (name or self.name)

    def read_manifest(self, folder: Path) -> dict[str, Any] | None:
        """Content of the manifest; None where there is no such folder; UserError if it is damaged or of other texts."""
        if not folder.exists():
            return None
        path = folder / MANIFEST
        try:
            if path.exists() and not path.is_file():
                raise ValueError("no plain file")  # reading a pipe would wait for ever
            manifest = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(manifest, dict) or "kind" not in manifest:
                raise ValueError(f"not of {self.what}")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UserError(f"{path}: {reason}; remove the folder and run xl-augment {self.name} again") from None
        if manifest["kind"] != self.name:
            raise UserError(f"{folder}: holds texts of xl-augment {manifest['kind']}; give another --name")
        return manifest

    def pending(self, folder: Path, mark: str, files: Sequence[str], overwrite: bool = False) -> bool:
        """Whether the texts are to be made; UserError if others, or other files, are in their place.

        Args:
            mark: fingerprint of all that decides the texts; files: of an example, see :class:`LanguageTexts`.
        """
        Staging(folder, self.command, "output").clean()
        manifest = self.read_manifest(folder)
        if manifest is None:
            check_replaceable(folder, self.command, "output")  # a link to nowhere
            return True
        if manifest.get("fingerprint") != mark:
            if not overwrite:
                raise UserError(
                    f"{folder}: {self.what} made with other {self.of}; pass --overwrite to replace them, or another"
                    " --name to keep both"
                )
            check_replaceable(folder, self.command, "output")
            return True
        whole = all(dataset_exists(str(folder / name / "train"), "mmap") for name in files)
        if whole and (folder / PARENTS).is_file():
            return False
        check_replaceable(folder, self.command, "output")
        return True


def write_examples(
    folder: Path, command: str, files: Sequence[str], types: int, blocks: Iterable[Examples],
    manifest: dict[str, Any],
) -> None:  # fmt: skip
    """Write the files; the folder appears when all are complete, in place of one that ``command`` made."""
    with Staging(folder, command, "output", overwrite=True) as staging:
        _write(staging.new, files, types, blocks)
        write_json(str(staging.new / MANIFEST), manifest)
        write_checksums(staging.new)
        staging.commit()


def _write(folder: Path, files: Sequence[str], types: int, blocks: Iterable[Examples]) -> None:
    writers = [_writer(folder, name, types) for name in files if name != WORDS]
    words = _writer(folder, WORDS, types, np.uint16) if WORDS in files else None
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
