"""Which pieces of a tokenizer given data can contain."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ..data.binary.rows import Rows
from ..data.tokenizer import PieceModel, load_tokenizer
from ..data.wordpiece import WordPieceModel
from ..errors import UserError
from .texts import binarised_fields, find_sources, read_texts

_BATCH = 20_000  # texts
_MARK = "\u2581"  # in the place of a blank


class Found(NamedTuple):
    """pieces: those of the data; texts: how many were cut; skipped: files in the given folders that are no text."""

    pieces: set[str]
    texts: int
    skipped: list[str]


def find_pieces(paths: Iterable[str], spm: str, sampling: bool = False) -> Found:
    """Pieces of all raw texts, and of all ids in binarised folders, at or below ``paths``.

    Args:
        sampling: of raw texts all pieces that can come about, not those of the best segmentation only.

    Raises:
        UserError: no such path, a file that was named itself is no text, or there is no text at all.
    """
    given = list(paths)
    folders, files = find_sources(given)
    model = load_tokenizer(spm)
    if sampling and isinstance(model, WordPieceModel):
        raise UserError(f"--sampling: {spm} is WordPiece, which has one segmentation of a word; leave it out")
    pieces = _binarised(folders)
    texts, skipped = 0, []
    collect = _Possible(model) if sampling else _Best(model)
    for path in tqdm(files, unit="file", desc="reading", disable=None):
        try:
            for batch in _batches(read_texts(path)):
                texts += len(batch)
                collect(batch)
        except UserError:
            if str(path) in given:
                raise
            skipped.append(str(path))
    pieces |= collect.pieces
    if not pieces:
        raise UserError(f"--data {' '.join(given)}: holds no text; name raw files, or folders made by xl-prepare")
    return Found(pieces, texts, skipped)


def _binarised(folders: Iterable[Path]) -> set[str]:
    found: set[str] = set()
    for folder in folders:
        for prefix, data in binarised_fields(folder):
            ids = np.unique(Rows(prefix).flat)
            symbols = data.dictionary.symbols
            if len(ids) and not 0 <= ids[0] <= ids[-1] < len(symbols):
                raise UserError(f"{prefix}.bin: ids up to {ids[-1]}, but {folder}/dict.txt has {len(symbols)}")
            found.update(symbols[number] for number in ids)
    return found


def _batches(texts: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(texts, _BATCH)):
        yield batch


class _Best:
    """Collects the pieces of each text's best segmentation."""

    def __init__(self, model: PieceModel) -> None:
        self.model = model
        self._used = np.zeros(model.GetPieceSize(), dtype=bool)

    def __call__(self, texts: list[str]) -> None:
        ids = self.model.encode(texts, out_type=int, num_threads=os.cpu_count() or 1)
        self._used[np.fromiter(chain.from_iterable(ids), dtype=np.int64)] = True

    @property
    def pieces(self) -> set[str]:
        return {self.model.IdToPiece(int(number)) for number in np.flatnonzero(self._used)}


class _Possible:
    """Collects all pieces that are part of a word of the texts."""

    def __init__(self, model: PieceModel) -> None:
        self.model = model
        self.pieces: set[str] = set()
        self._all = {model.IdToPiece(number) for number in range(model.GetPieceSize())}
        self._longest = max(map(len, self._all))
        self._seen: set[str] = set()

    def __call__(self, texts: list[str]) -> None:
        # the pieces of a text put together are the text as the tokenizer normalised it
        joined = ("".join(pieces) for pieces in self.model.encode(texts, out_type=str, num_threads=os.cpu_count() or 1))
        words = {_MARK + word for text in joined for word in text.split(_MARK) if word} - self._seen
        self._seen |= words
        for word in words:
            for start in range(len(word)):
                for end in range(start + 1, min(len(word), start + self._longest) + 1):
                    if word[start:end] in self._all:
                        self.pieces.add(word[start:end])
