"""Raw sentence pairs from a file or a stream: reading rows, and encoding them as the binarised data is encoded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import torch

from ..data.pairs import SPECIALS_PER_PAIR, PairPart, PairTexts, truncated_lengths
from ..data.tokenizer import PieceEncoder
from ..errors import UserError
from ..xtreme.tsv import LineReader, split_fields
from .checkpoint import FineTuned
from .predict import predict_dataset

FIELDS = ("text1", "text2", "source1", "source2")


@dataclass(frozen=True)
class RawPair:
    """One pair and where it stands (``file:line``); ``source`` is its translation into the source language."""

    where: str
    texts: tuple[str, str]
    source: tuple[str, str] | None


class PairReader:
    """Rows of a file or stream, tab separated or JSON lines (told apart by the first character).

    Args:
        name: for messages; a path, or what to call the stream.
        stream: bytes to read; None opens the file ``name``, plain or gzip.
        columns: numbers from 1 of text1, text2 and perhaps source1, source2 in a tab-separated row; None expects
            exactly these columns and nothing else.
        source: ``needed``, ``allowed`` (and read past) or ``refused``.
    """

    def __init__(self, name: str, stream: BinaryIO | None, columns: Sequence[int] | None, source: str) -> None:
        self.name, self.stream, self.columns, self.source = name, stream, columns, source

    def __iter__(self) -> Iterator[RawPair]:
        reader = LineReader(self.name)
        lines = reader if self.stream is None else reader._lines(self.stream)
        as_json: bool | None = None
        for number, text in lines:
            where = f"{self.name}:{number}"
            if as_json is None:
                as_json = self.columns is None and text.lstrip().startswith("{")
            fields = self._from_json(where, text) if as_json else self._from_tsv(where, text)
            for field, value in zip(FIELDS, fields):
                if not value.strip():
                    raise UserError(f"{where}: {field} is empty; every pair needs two texts")
            source = self._source(where, fields)
            yield RawPair(where, (fields[0], fields[1]), source)

    def _source(self, where: str, fields: Sequence[str]) -> tuple[str, str] | None:
        given = len(fields) == 4
        if given and self.source == "refused":
            raise UserError(f"{where}: a translation is given, but the checkpoint reads the text alone; leave it out")
        if not given and self.source == "needed":
            raise UserError(
                f"{where}: no translation into the source language (source1, source2), which mixup inference pairs with"
                " the text; add it (a text in the source language is its own translation) or pass --no-mixup-inference"
            )
        return (fields[2], fields[3]) if given and self.source == "needed" else None

    def _from_tsv(self, where: str, text: str) -> list[str]:
        fields = split_fields(text)
        if self.columns is not None:
            if max(self.columns) > len(fields):
                raise UserError(f"{where}: {len(fields)} columns, but --columns asks for column {max(self.columns)}")
            return [fields[number - 1] for number in self.columns]
        if len(fields) not in (2, 4):
            raise UserError(
                f"{where}: {len(fields)} columns, expected text1 TAB text2 [TAB source1 TAB source2]; choose with"
                " --columns"
            )
        return fields

    def _from_json(self, where: str, text: str) -> list[str]:
        try:
            record = json.loads(text)
        except ValueError as error:
            raise UserError(f"{where}: not JSON ({error}); expected one object per line") from None
        if not isinstance(record, dict):
            raise UserError(f"{where}: a JSON {type(record).__name__}, expected an object with text1 and text2")
        wanted = FIELDS if any(record.get(field) is not None for field in FIELDS[2:]) else FIELDS[:2]
        for field in wanted:
            if not isinstance(record.get(field), str):
                raise UserError(f"{where}: key '{field}' is missing or no text")
        return [" ".join(record[field].split("\n")) for field in wanted]


class RawTexts(PairTexts):
    """Encoded pairs held in memory, with the truncation of the binarised ones."""

    def __init__(
        self, pairs: Sequence[tuple[str, str]], where: Sequence[str], encoder: PieceEncoder, max_length: int
    ) -> None:
        # nothing on disk: all that the base class opens is made here
        self.path = where[0]
        self.bos, self.eos = encoder.dictionary.bos(), encoder.dictionary.eos()
        ids, sizes = encoder.encode([text for side in zip(*pairs) for text in side])
        rows = torch.from_numpy(ids).split(sizes.tolist())
        self.first, self.second = rows[: len(pairs)], rows[len(pairs) :]
        lengths = (sizes - 1).astype(np.int32)
        first, second = lengths[: len(pairs)], lengths[len(pairs) :]
        empty = np.flatnonzero((first < 1) | (second < 1))
        if len(empty):
            raise UserError(f"{where[int(empty[0])]}: a text has no visible character, the tokenizer gives no piece")
        self.keep_first, self.keep_second = truncated_lengths(first, second, max_length)
        self.lengths = (self.keep_first + self.keep_second + SPECIALS_PER_PAIR).astype(np.int32)


def _chunks(pairs: Iterable[RawPair], size: int) -> Iterator[list[RawPair]]:
    """Lists of ``size`` pairs; the good ones before a bad line come first, then its error."""
    chunk: list[RawPair] = []
    mistake = None
    try:
        for pair in pairs:
            chunk.append(pair)
            if len(chunk) == size:
                yield chunk
                chunk = []
    except UserError as error:
        mistake = error
    if chunk:
        yield chunk
    if mistake is not None:
        raise mistake


def predict_pairs(
    tuned: FineTuned, encoder: PieceEncoder, pairs: Iterable[RawPair], batch_size: int, max_tokens: int | None = None
) -> Iterator[np.ndarray]:
    """Class probabilities (C,) of each pair, in order; at most ``batch_size`` pairs are read ahead."""
    task = tuned.task
    for chunk in _chunks(pairs, batch_size):
        where, length = [pair.where for pair in chunk], task.cfg.max_length
        target = RawTexts([pair.texts for pair in chunk], where, encoder, length)
        part = PairPart(f"batch at {where[0]}, row", 0, target, np.zeros(len(chunk), dtype=np.int64))
        if task.needs_source:
            sources = [pair.source for pair in chunk if pair.source is not None]
            part.source = RawTexts(sources, where, encoder, length)
        dataset: Any = task.problem.build_dataset([part], shuffle=False)
        yield from predict_dataset(tuned, dataset, batch_size, max_tokens)
