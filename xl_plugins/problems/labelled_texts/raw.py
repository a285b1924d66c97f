"""Raw sentence pairs, encoded and truncated as the binarised data is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from ...data.tokenizer import PieceEncoder
from ...data.training.pairs import PairPart, PairTexts
from ...errors import UserError
from ...formats.examples.table import table_rows
from ...formats.recognise import Layout, recognise
from ...formats.tables import NAMED, Column, column_number
from ...formats.tsv import LineReader, split_fields
from ...processes import ALONE, Team
from ..predicting import Predictor, predict_values
from ..raw import Given, Held, Reader, chunks

FIELDS = ("text1", "text2", "source1", "source2")
COLUMNS = "two or four column numbers from 1, such as 1,2 or 1,2,3,4"


@dataclass(frozen=True)
class RawPair:
    """One pair or single text and where it stands (``file:line``); ``source`` is its translation into the source
    language."""

    where: str
    texts: tuple[str, ...]
    source: tuple[str, ...] | None


class PairReader(Reader[RawPair]):
    """Tab-separated rows or JSON lines.

    Args:
        columns: numbers from 1 of text1, text2 and perhaps source1, source2 in a tab-separated row; None expects
            exactly these columns and nothing else. Or field -> name or number from 0 of its column, in the order of
            :data:`FIELDS`, in a table of any kind.
        layout: how to read such a table; None: by its name, header and first lines.
    """

    source_fields = "source1, source2"
    keys: tuple[str, ...] = FIELDS[:2]

    def __init__(
        self,
        name: str,
        stream: BinaryIO | None,
        columns: Sequence[int] | Mapping[str, Column] | None,
        source: str,
        single: bool = False,
        layout: Layout | None = None,
    ) -> None:
        super().__init__(name, stream, source)
        self.table = columns if isinstance(columns, Mapping) else None
        self.columns = None if isinstance(columns, Mapping) else columns
        self.layout, self.single = layout, single
        self.only_text = self.columns is not None
        if single:
            self.keys, self.source_fields = FIELDS[:1], "source1"
        if self.table is not None and list(self.table) not in [
            [*self._fields()],
            [*self._fields()[: 1 if single else 2]],
        ]:
            raise UserError(f"--columns: expected {' and '.join(self.keys)}, and perhaps {self.source_fields}")
        if self.columns is not None and len(self.columns) not in ((1, 2) if single else (2, 4)):
            counts = "one or two column numbers from 1" if single else COLUMNS
            raise UserError(f"--columns {','.join(map(str, self.columns))}: expected {counts}")

    def _fields(self) -> tuple[str, ...]:
        return (FIELDS[0], FIELDS[2]) if self.single else FIELDS

    def __iter__(self) -> Iterator[RawPair]:
        return super().__iter__() if self.table is None else self._table_rows(self.table)

    def _table_rows(self, columns: Mapping[str, Column]) -> Iterator[RawPair]:
        """The rows of a table of which ``columns`` says where the fields are."""
        if self.stream is not None:
            raise UserError(f"{self.name}: --columns FIELD=COLUMN and --format read a file; name it as INPUT")
        wanted = list(columns.values())
        layout = self.layout or recognise(self.name, wanted)
        places: list[int] | None = None
        header = layout.kind in NAMED or any(isinstance(column, str) for column in wanted)
        for line, fields in table_rows(LineReader(self.name), layout.kind, layout.delimiter, wanted):
            where = f"{self.name}:{line}"
            if places is None:
                names = [name or "" for name in fields]
                places = [column_number(column, names, self.name) for column in wanted]
                width = len(fields)
                if header:
                    continue
            if len(fields) != width:
                raise UserError(f"{where}: {len(fields)} columns, expected {width} as in the first row")
            yield self._pair(where, [fields[place] or "" for place in places])

    def _pair(self, where: str, fields: Sequence[str]) -> RawPair:
        names = self._fields()
        needs = "text needs some" if self.single else "pair needs two texts"
        for field, value in zip(names, fields):
            if not value.strip():
                raise UserError(f"{where}: {field} is empty; every {needs}")
        half = len(names) // 2
        use = self.uses_source(where, len(fields) > half)
        return RawPair(where, tuple(fields[:half]), tuple(fields[half:]) if use else None)

    def from_text(self, where: str, text: str) -> RawPair:
        fields = split_fields(text)
        if self.columns is not None:
            if max(self.columns) > len(fields):
                raise UserError(f"{where}: {len(fields)} columns, but --columns asks for column {max(self.columns)}")
            return self._pair(where, [fields[number - 1] for number in self.columns])
        if len(fields) not in ((1, 2) if self.single else (2, 4)):
            expected = "text1 [TAB source1]" if self.single else "text1 TAB text2 [TAB source1 TAB source2]"
            raise UserError(f"{where}: {len(fields)} columns, expected {expected}; choose with --columns")
        return self._pair(where, fields)

    def from_json(self, where: str, record: dict[str, Any]) -> RawPair:
        if self.single:
            named = {FIELDS[0]: record.get("text"), FIELDS[2]: record.get("source")}
            record = {**{field: text for field, text in named.items() if text is not None}, **record}
        half = 1 if self.single else 2
        given = any(record.get(field) is not None for field in FIELDS[2:])
        wanted = FIELDS[:half] + (FIELDS[2 : 2 + half] if given else ())
        return self._pair(where, [" ".join(self.text_of(where, record, field).split("\n")) for field in wanted])


class RawTexts(PairTexts):
    """Encoded pairs held in memory, with the truncation of the binarised ones."""

    def __init__(
        self, pairs: Sequence[tuple[str, ...]], where: Sequence[str], encoder: PieceEncoder, max_length: int
    ) -> None:
        # nothing on disk: all that the base class opens is made here
        self.path, self.split = where[0], "test"
        self.frame = encoder.frame
        ids, sizes = encoder.encode([text for side in zip(*pairs) for text in side])
        columns = [
            Held(flat, lengths, tensors=True)
            for flat, lengths in zip(
                np.split(ids, np.cumsum(sizes)[len(pairs) - 1 :: len(pairs)]), np.split(sizes, len(pairs[0]))
            )
        ]
        made: Any = columns[0]
        self.first, self.second = made, columns[1] if len(columns) > 1 else None
        empty = self._measure(max_length)
        if len(empty):
            raise UserError(f"{where[int(empty[0])]}: a text has no visible character, the tokenizer gives no piece")


def predict_pairs(
    tuned: Predictor, encoder: PieceEncoder, pairs: Iterable[RawPair], batch_size: int, max_tokens: int | None = None,
    team: Team = ALONE,
) -> Iterator[np.ndarray]:  # fmt: skip
    """Class probabilities (C,) of each pair of this process, in order; at most ``batch_size`` pairs are read ahead."""
    task = tuned.task
    for chunk in chunks(pairs, batch_size, team):
        where, length = [pair.where for pair in chunk], task.cfg.max_length
        target = RawTexts([pair.texts for pair in chunk], where, encoder, length)
        part = PairPart(f"batch at {where[0]}, row", 0, target, np.zeros(len(chunk), dtype=np.int64))
        if task.needs_source:
            sources = [pair.source for pair in chunk if pair.source is not None]
            part.source = RawTexts(sources, where, encoder, length)
        dataset = task.problem.build_dataset([part], shuffle=False)
        yield from predict_values(tuned, dataset, batch_size, max_tokens)[0]


def records(tuned: Predictor, encoder: PieceEncoder, given: Given) -> Iterator[dict[str, Any]]:
    """Records that xl-predict prints, one for each pair."""
    single = tuned.task.data_bin.single_text
    pairs = PairReader(given.name, given.stream, given.columns, given.source, single, given.layout)
    for row in predict_pairs(tuned, encoder, pairs, given.batch_size, given.max_tokens, given.team):
        yield pair_record(tuned.task.problem.labels, row)


def pair_record(labels: Sequence[str], probabilities: np.ndarray) -> dict[str, Any]:
    """The label, and the probabilities of all labels."""
    return {
        "label": labels[int(probabilities.argmax())],
        "probabilities": {label: round(float(value), 6) for label, value in zip(labels, probabilities)},
    }
