"""Raw examples from a file or a stream, one per line; what all problems share of reading and predicting them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

import numpy as np
import torch

from ..errors import UserError
from ..formats.json_text import parse_json_line
from ..formats.tsv import LineReader
from ..processes import ALONE, Team
from .predicting import Predictor

_OBJECT = re.compile(r"\s*\{\s*(?:[\"}]|$)")  # the beginning of a JSON object, not a text that begins with {
SOURCE_RULES = ("needed", "allowed", "refused")


@dataclass(frozen=True)
class Given:
    """Raw input of xl-predict, and how to read it; a problem reads those of the options that are its own.

    Args:
        name, stream, source: see :class:`Reader`.
        batch_size: examples that are read and predicted at once; max_tokens: most positions of a batch.
        columns, layout: where texts are in a table, and the table's kind.
        probabilities: whether the probabilities of all labels are wanted.
        spans: whether spans of tags are wanted.
        segment: how a sentence is cut into words, a key of ``SEGMENTS``; None: at blanks.
        context_pieces: how contexts are cut, ``subword`` or ``character``; None as the data was.
        tell: takes notes on the input as a whole, at its end.
        team: processes that share the input, ``batch_size`` examples in turn.
    """

    name: str
    stream: BinaryIO | None
    source: str
    batch_size: int
    max_tokens: int | None = None
    columns: Any = None
    layout: Any = None
    probabilities: bool = False
    context_pieces: str | None = None
    spans: bool = False
    segment: str | None = None
    tell: Callable[[str], object] = print
    team: Team = ALONE


class Example(Protocol):
    """A raw example; ``where`` is ``file:line``."""

    @property
    def where(self) -> str: ...


E = TypeVar("E", bound=Example)
T = TypeVar("T")


def source_rule(tuned: Predictor) -> str:
    """Whether a checkpoint reads texts translated into the source language: ``needed``, ``allowed`` (and read past:
    without mixup inference) or ``refused``."""
    if tuned.task.needs_source:
        return "needed"
    return "refused" if tuned.task.inference()["mode"] == "plain" else "allowed"


class Reader(ABC, Generic[E]):
    """Examples of a file or stream, as text lines or JSON lines (told apart by the first character).

    Args:
        name: for messages; a path, or what to call the stream.
        stream: bytes to read; None opens the file ``name``, plain or compressed.
        source: one of :data:`SOURCE_RULES`.
    """

    source_fields = ""  # names of the fields that hold the translation, for messages
    only_text = False
    white_is_blank = False  # whether a line of white space alone is a blank line

    def __init__(self, name: str, stream: BinaryIO | None, source: str) -> None:
        self.name, self.stream, self.source = name, stream, source

    def __iter__(self) -> Iterator[E]:
        reader = LineReader(self.name)
        lines = reader if self.stream is None else reader._lines(self.stream)
        as_json: bool | None = None
        for number, text in self._filled(lines) if self.white_is_blank else lines:
            where = f"{self.name}:{number}"
            if as_json is None:
                as_json = not self.only_text and _OBJECT.match(text) is not None
            yield self.from_json(where, self._record(where, text)) if as_json else self.from_text(where, text)

    def _filled(self, lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """The lines without white ones at the end; UserError for one between others."""
        blank = 0
        for number, text in lines:
            if not text.strip():
                blank = blank or number
                continue
            if blank:
                raise UserError(
                    f"{self.name}:{blank}: blank line between sentences; delete it (output line i is of input line i)"
                )
            yield number, text

    @abstractmethod
    def from_text(self, where: str, text: str) -> E:
        """The example of a line that is not JSON."""

    @abstractmethod
    def from_json(self, where: str, record: dict[str, Any]) -> E:
        """The example of a JSON object."""

    def _record(self, where: str, text: str) -> dict[str, Any]:
        return parse_json_line(text, where, f"an object with {' and '.join(self.keys)} per line")

    keys: tuple[str, ...] = ()  # fields that every JSON object needs

    def text_of(self, where: str, record: dict[str, Any], field: str) -> str:
        """A text field of a JSON object."""
        if not isinstance(record.get(field), str):
            raise UserError(f"{where}: key '{field}' is missing or no text")
        return record[field]

    def uses_source(self, where: str, given: bool) -> bool:
        """Whether the example's translation is to be kept; UserError when it breaks the rule."""
        if given and self.source == "refused":
            raise UserError(f"{where}: a translation is given, but the checkpoint reads the text alone; leave it out")
        if not given and self.source == "needed":
            raise UserError(
                f"{where}: no translation into the source language ({self.source_fields}), which mixup inference pairs"
                " with the text; add it (a text in the source language is its own translation) or pass"
                " --no-mixup-inference"
            )
        return given and self.source == "needed"


def named_texts(names: Sequence[str], example: Any, counts: Sequence[int]) -> dict[str, str] | None:
    """A text, or several, as the fields of a JSON record; None unless there are as many as one of ``counts``."""
    values = [example] if isinstance(example, str) else list(example)
    if len(values) not in counts or not all(isinstance(value, str) for value in values):
        return None
    return dict(zip(names, values))


def chunks(examples: Iterable[T], size: int, team: Team = ALONE) -> Iterator[list[T]]:
    """This process's lists of ``size`` examples; the good ones before a bad line come first, then its error."""
    chunk: list[T] = []
    number = 0
    mistake = None
    try:
        for example in examples:
            chunk.append(example)
            if len(chunk) == size:
                if number % team.size == team.rank:
                    yield chunk
                number, chunk = number + 1, []
    except UserError as error:
        mistake = error
    if chunk and number % team.size == team.rank:
        yield chunk
    if mistake is not None:
        raise mistake


class Held:
    """Ragged rows of integers in memory, read like :class:`~xl_plugins.data.binary.rows.Rows`; ``rows[i]`` as a tensor
    where ``tensors`` is set."""

    def __init__(self, flat: np.ndarray, sizes: np.ndarray, tensors: bool = False) -> None:
        self.flat, self.row_sizes, self.tensors = flat, np.asarray(sizes, np.int64), tensors
        self.starts = np.concatenate([[0], np.cumsum(self.row_sizes)])

    @property
    def sizes(self) -> np.ndarray:
        return self.row_sizes

    def __len__(self) -> int:
        return len(self.row_sizes)

    def __getitem__(self, row: int) -> Any:
        found = self.flat[self.starts[row] : self.starts[row + 1]]
        return torch.from_numpy(found) if self.tensors else found
