"""One sentence per line, with or without an id before it: the two sides of sentence retrieval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Iterator, NamedTuple

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Plan
from xl_plugins.formats.tsv import LineReader
from xl_plugins.problems import RETRIEVAL


@dataclass
class RetrievalPlan(Plan):
    """Sentences of a language and, as their translations, the sentences of the source language to be found."""

    problem: ClassVar[str] = RETRIEVAL.name


class Line(NamedTuple):
    number: int
    key: str | None
    text: str


@dataclass(frozen=True)
class LineFile:
    """``keyed``: a line is ``id TAB sentence``. Of translations: ``gold`` is a file of ``id TAB id`` pairs;
    ``aligned``: row i matches row i of the own sentences; ``sort``: sentences are written in alphabetical order."""

    path: str
    keyed: bool = False
    gold: str | None = None
    aligned: bool = False
    sort: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path, self.gold) if self.gold else (self.path,)

    def describe(self) -> tuple[Any, ...]:
        return self.keyed, bool(self.gold), self.aligned, self.sort

    def reader(self) -> LineReader:
        return LineReader(self.path)

    def peek(self) -> Line:
        """The first line."""
        return next(self.lines())

    def lines(self, reader: LineReader | None = None) -> Iterator[Line]:
        """Stream the lines; UserError for one without text or id and for an empty file."""
        number = 0
        for number, text in reader or self.reader():
            key: str | None = None
            if self.keyed:
                key, tab, text = text.partition("\t")
                if not tab or not key:
                    raise UserError(f"{self.path}:{number}: expected 'id TAB sentence', separated by a tab")
            if not text.strip():
                raise UserError(f"{self.path}:{number}: the sentence is empty; remove the line on both sides")
            yield Line(number, key, text)
        if not number:
            raise UserError(f"{self.path}: the file is empty; expected one sentence per line")

    def pairs(self) -> Iterator[tuple[int, str, str]]:
        """Line and ids of the gold pairs."""
        assert self.gold is not None
        for number, text in LineReader(self.gold):
            first, tab, second = text.partition("\t")
            if not tab:
                raise UserError(f"{self.gold}:{number}: expected 'id TAB id', separated by a tab")
            yield number, first, second.strip()
