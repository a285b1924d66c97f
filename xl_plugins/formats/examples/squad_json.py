"""Question answering files read paragraph by paragraph in little memory: SQuAD 1.1 and 2, XQuAD, MLQA and TyDiQA-GoldP
in XTREME's conversion, in SQuAD's layout or the hub's (``squad_rows``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, BinaryIO, ClassVar, NamedTuple

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Plan
from xl_plugins.formats.examples.squad_rows import EXPECTED, Row, describe, get, read_entries, table_entries
from xl_plugins.formats.json_stream import JsonReader
from xl_plugins.formats.tables import parquet_records
from xl_plugins.formats.text import TextStream
from xl_plugins.output import printable
from xl_plugins.problems import QA


@dataclass
class QaPlan(Plan):
    """``metric``: squad or mlqa, the normalisation of answers. ``characters``: one piece per character.
    ``unanswerable``: questions without an answer are kept (SQuAD 2)."""

    problem: ClassVar[str] = QA.name
    metric: str = "squad"
    characters: bool = False
    unanswerable: bool = False


class Question(NamedTuple):
    """``answers``: text and first character (-1: not given); empty without gold. ``impossible``: marked as
    unanswerable. ``listed``: the file says what the answers are, if only that there are none."""

    key: str
    text: str
    answers: list[tuple[str, int]]
    impossible: bool
    listed: bool = True


class Paragraph(NamedTuple):
    context: str
    questions: list[Question]


@dataclass(frozen=True)
class QaFile:
    """Articles ``start:end`` (from 0) of one file; of a file without articles, questions."""

    path: str
    start: int = 0
    end: int | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def describe(self) -> tuple[Any, ...]:
        return self.start, self.end

    def peek(self) -> Paragraph:
        """The first paragraph."""
        for paragraph in self.paragraphs():
            return paragraph
        raise UserError(f"{self.path}: no question; fill the file or correct the range of articles")

    def has_gold(self, marks: bool) -> bool:
        """Whether any question has an answer or, with ``marks``, is marked as unanswerable; read up to the first."""
        return any(q.answers or (marks and q.impossible) for p in self.paragraphs() for q in p.questions)

    def paragraphs(self, told: Any = None) -> Iterator[Paragraph]:
        """Stream the paragraphs that have questions; ``told`` is called with the bytes read so far."""
        with _open(self.path) as (file, entries):
            for _, group in groupby(self._range(entries), lambda found: found[0]):
                rows = [row for _, row in group]
                context = _text(rows[0].record, "context", rows[0].where)
                yield Paragraph(context, [_question(row, self.path) for row in rows])
                if told:
                    told(file.tell())

    def _range(self, entries: Iterator[tuple[bool, list[Row]]]) -> Iterator[tuple[Any, Row]]:
        """Questions of the articles in the range, and what those of one paragraph share."""
        count, what = 0, "articles"
        for article, rows in entries:
            count += 1
            what = "articles" if article else "questions"
            if self.end is not None and count > self.end:
                return
            for row in rows if count > self.start else ():
                yield ((count, row.paragraph) if article else row.record.get("context")), row
        if not count:
            raise UserError(f"{self.path}: no question; expected {EXPECTED}")
        if count <= self.start or (self.end is not None and count < self.end):
            raise UserError(
                f"{self.path}: {what} [{self.start}:{'' if self.end is None else self.end}] asked for, the file has "
                f"only {count}; correct the range"
            )


@contextmanager
def _open(path: str) -> Iterator[tuple[BinaryIO, Iterator[tuple[bool, list[Row]]]]]:
    """The file and its entries."""
    with open(path, "rb") as file:
        if file.peek(4)[:4] == b"PAR1":
            yield file, table_entries(path, parquet_records(path))
            return
        yield file, read_entries(JsonReader(path, TextStream(file, path), EXPECTED))


def read_gold(path: str) -> list[Question]:
    """All questions of a file without their texts, which scoring does not need."""
    with _open(path) as (_, entries):
        found = [_question(row, path, texts=False) for _, rows in entries for row in rows]
    if not found:
        raise UserError(f"{path}: no question; expected {EXPECTED}")
    return found


def _question(row: Row, path: str, texts: bool = True) -> Question:
    key = str(get(row.record, "id", (str, int), row.where))
    where = f"{path}: question {printable(key)}"
    impossible = row.record.get("is_impossible")
    if not isinstance(impossible, bool) and impossible is not None:
        raise UserError(f"{where}: 'is_impossible' is {describe(impossible)}, expected true or false")
    found = gold_answers(row.record, where)
    answers = [(text, start) for text, start in found or () if text.strip()]  # XTREME empties those of test sets
    listed = found is not None and len(answers) == len(found)
    return Question(key, _text(row.record, "question", where) if texts else "", answers, bool(impossible), listed)


def gold_answers(record: dict[str, Any], where: str) -> list[tuple[str, int]] | None:
    """Text and first character of every answer, SQuAD's list of objects or the hub's object of lists; None where the
    file does not say."""
    given = record.get("answers")
    if given is None:
        return None
    if isinstance(given, dict):
        texts, starts = (given.get(name) for name in ("text", "answer_start"))
        texts = texts if isinstance(texts, list) else [texts]
        starts = [None] * len(texts) if starts is None else starts if isinstance(starts, list) else [starts]
        if len(texts) != len(starts):
            raise UserError(f"{where}: answers has {len(texts)} text but {len(starts)} answer_start")
        given = [{"text": text, "answer_start": start} for text, start in zip(texts, starts)]
    if not isinstance(given, list):
        raise UserError(f"{where}: 'answers' is {describe(given)}, expected a list of text and answer_start")
    found = []
    for answer in given:
        text = get(answer, "text", str, where)
        start = answer.get("answer_start")
        found.append((text, -1 if start is None else get(answer, "answer_start", int, where)))
    return found


def _text(record: dict[str, Any], key: str, where: str) -> str:
    text: str = get(record, key, str, where)
    if not text.strip():
        raise UserError(f"{where}: the {key} is empty; fill it or remove the question from all files")
    return text
