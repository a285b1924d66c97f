"""Raw sentence pairs, encoded and truncated as the binarised data is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from ..data.pairs import SPECIALS_PER_PAIR, PairPart, PairTexts, truncated_lengths
from ..data.tokenizer import PieceEncoder
from ..errors import UserError
from ..xtreme.tsv import split_fields
from .checkpoint import FineTuned
from .predict import predict_values
from .raw import Held, Reader, chunks

FIELDS = ("text1", "text2", "source1", "source2")


@dataclass(frozen=True)
class RawPair:
    """One pair and where it stands (``file:line``); ``source`` is its translation into the source language."""

    where: str
    texts: tuple[str, str]
    source: tuple[str, str] | None


class PairReader(Reader[RawPair]):
    """Tab-separated rows or JSON lines.

    Args:
        columns: numbers from 1 of text1, text2 and perhaps source1, source2 in a tab-separated row; None expects
            exactly these columns and nothing else.
    """

    source_fields = "source1, source2"
    keys = FIELDS[:2]

    def __init__(self, name: str, stream: BinaryIO | None, columns: Sequence[int] | None, source: str) -> None:
        super().__init__(name, stream, source)
        self.columns = columns
        self.only_text = columns is not None

    def _pair(self, where: str, fields: Sequence[str]) -> RawPair:
        for field, value in zip(FIELDS, fields):
            if not value.strip():
                raise UserError(f"{where}: {field} is empty; every pair needs two texts")
        use = self.uses_source(where, len(fields) == 4)
        return RawPair(where, (fields[0], fields[1]), (fields[2], fields[3]) if use else None)

    def from_text(self, where: str, text: str) -> RawPair:
        fields = split_fields(text)
        if self.columns is not None:
            if max(self.columns) > len(fields):
                raise UserError(f"{where}: {len(fields)} columns, but --columns asks for column {max(self.columns)}")
            return self._pair(where, [fields[number - 1] for number in self.columns])
        if len(fields) not in (2, 4):
            raise UserError(
                f"{where}: {len(fields)} columns, expected text1 TAB text2 [TAB source1 TAB source2]; choose with"
                " --columns"
            )
        return self._pair(where, fields)

    def from_json(self, where: str, record: dict[str, Any]) -> RawPair:
        wanted = FIELDS if any(record.get(field) is not None for field in FIELDS[2:]) else FIELDS[:2]
        return self._pair(where, [" ".join(self.text_of(where, record, field).split("\n")) for field in wanted])


class RawTexts(PairTexts):
    """Encoded pairs held in memory, with the truncation of the binarised ones."""

    def __init__(
        self, pairs: Sequence[tuple[str, str]], where: Sequence[str], encoder: PieceEncoder, max_length: int
    ) -> None:
        # nothing on disk: all that the base class opens is made here
        self.path, self.split = where[0], "test"
        self.bos, self.eos = encoder.dictionary.bos(), encoder.dictionary.eos()
        ids, sizes = encoder.encode([text for side in zip(*pairs) for text in side])
        rows = Held(ids, sizes, tensors=True)
        self.first = [rows[i] for i in range(len(pairs))]
        self.second = [rows[i] for i in range(len(pairs), len(rows))]
        lengths = (sizes - 1).astype(np.int32)
        first, second = lengths[: len(pairs)], lengths[len(pairs) :]
        empty = np.flatnonzero((first < 1) | (second < 1))
        if len(empty):
            raise UserError(f"{where[int(empty[0])]}: a text has no visible character, the tokenizer gives no piece")
        self.keep_first, self.keep_second = truncated_lengths(first, second, max_length)
        self.lengths = (self.keep_first + self.keep_second + SPECIALS_PER_PAIR).astype(np.int32)


def predict_pairs(
    tuned: FineTuned, encoder: PieceEncoder, pairs: Iterable[RawPair], batch_size: int, max_tokens: int | None = None
) -> Iterator[np.ndarray]:
    """Class probabilities (C,) of each pair, in order; at most ``batch_size`` pairs are read ahead."""
    task = tuned.task
    for chunk in chunks(pairs, batch_size):
        where, length = [pair.where for pair in chunk], task.cfg.max_length
        target = RawTexts([pair.texts for pair in chunk], where, encoder, length)
        part = PairPart(f"batch at {where[0]}, row", 0, target, np.zeros(len(chunk), dtype=np.int64))
        if task.needs_source:
            sources = [pair.source for pair in chunk if pair.source is not None]
            part.source = RawTexts(sources, where, encoder, length)
        dataset = task.problem.build_dataset([part], shuffle=False)
        yield from predict_values(tuned, dataset, batch_size, max_tokens)[0]


def pair_record(labels: Sequence[str], probabilities: np.ndarray) -> dict[str, Any]:
    """The label, and the probabilities of all labels."""
    return {
        "label": labels[int(probabilities.argmax())],
        "probabilities": {label: round(float(value), 6) for label, value in zip(labels, probabilities)},
    }
