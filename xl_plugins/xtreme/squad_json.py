"""Question answering files in SQuAD's JSON layout, read paragraph by paragraph in little memory.

``{"data": [{"title": ..., "paragraphs": [{"context": ..., "qas": [{"id", "question", "answers": [{"text",
"answer_start"}], "is_impossible"}]}]}]}``; SQuAD 1.1 and 2, XQuAD, MLQA and TyDiQA-GoldP in XTREME's conversion.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from dataclasses import dataclass
from typing import Any, ClassVar, Iterator, NamedTuple, TextIO

from xl_plugins.errors import UserError
from xl_plugins.xtreme.plan import Plan

_CHUNK = 1 << 20  # characters read at once
_WHITE = " \t\r\n"


@dataclass
class QaPlan(Plan):
    """``metric``: squad or mlqa, the normalisation of answers. ``characters``: one piece per character."""

    problem: ClassVar[str] = "qa"
    metric: str = "squad"
    characters: bool = False


class Question(NamedTuple):
    """``answers``: text and first character; empty without gold. ``impossible``: marked as unanswerable."""

    key: str
    text: str
    answers: list[tuple[str, int]]
    impossible: bool


class Paragraph(NamedTuple):
    context: str
    questions: list[Question]


class JsonReader:
    """Values of a JSON text one after the other; UserError names the line of what is no JSON."""

    def __init__(self, path: str, stream: TextIO) -> None:
        self.path, self._stream = path, stream
        self._text, self._at, self._line, self._ended = "", 0, 1, False
        self._decode = json.JSONDecoder().raw_decode

    def _more(self) -> None:
        """Drop what is read and add as much as is left, at least a chunk: long values are tried few times."""
        self._line += self._text.count("\n", 0, self._at)
        rest = self._text[self._at :]
        added = self._stream.read(max(_CHUNK, len(rest)))
        self._text, self._at, self._ended = rest + added, 0, not added

    def peek(self) -> str:
        """Next character that is no white space, '' at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _WHITE:
                self._at += 1
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._more()

    def expect(self, wanted: str) -> str:
        """Read one character out of ``wanted``."""
        found = self.peek()
        if not found or found not in wanted:
            names = " or ".join(f"'{c}'" for c in wanted)
            raise self.error(f"expected {names}, found {repr(found) if found else 'the end of the file'}", self._at)
        self._at += 1
        return found

    def value(self) -> Any:
        """Read one value of any kind."""
        self.peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
                if end < len(self._text) or self._ended:
                    self._at = end
                    return value
            except json.JSONDecodeError as error:
                if self._ended:
                    raise self.error(error.msg, error.pos) from None
            self._more()

    def error(self, reason: str, place: int) -> UserError:
        line = self._line + self._text.count("\n", 0, place)
        return UserError(f"{self.path}:{line}: not JSON of SQuAD's layout ({reason}); is the file complete?")


def _members(reader: JsonReader, key: str) -> Iterator[None]:
    """Walk the object that comes next; at every member of its list ``key`` the caller is to read the member."""
    reader.expect("{")
    found = False
    while reader.peek() == '"':
        if reader.value() != key:
            reader.expect(":")
            reader.value()
        else:
            found = True
            reader.expect(":")
            reader.expect("[")
            while reader.peek() != "]":
                yield
                if reader.peek() != "]":
                    reader.expect(",")
            reader.expect("]")
        if reader.peek() == ",":
            reader.expect(",")
    reader.expect("}")
    if not found:
        raise reader.error(f"an object without the list '{key}'", 0)


@dataclass(frozen=True)
class QaFile:
    """Articles ``start:end`` (from 0) of one file."""

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

    def paragraphs(self, told: Any = None) -> Iterator[Paragraph]:
        """Stream the paragraphs that have questions; ``told`` is called with the bytes read so far."""
        with open(self.path, "rb") as file:
            magic = file.read(2)
            file.seek(0)
            raw: Any = gzip.GzipFile(fileobj=file) if magic == b"\x1f\x8b" else file
            reader = JsonReader(self.path, io.TextIOWrapper(raw, encoding="utf-8-sig"))
            try:
                for paragraph in self._range(reader):
                    yield paragraph
                    if told:
                        told(file.tell())
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{self.path}: not UTF-8 (byte 0x{error.object[error.start]:02x}); convert it"
                ) from None
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise UserError(f"{self.path}: damaged gzip file ({error}); download or compress it again") from None

    def _range(self, reader: JsonReader) -> Iterator[Paragraph]:
        count = 0
        for _ in _members(reader, "data"):
            count += 1
            if self.end is not None and count > self.end:
                return
            for row, _ in enumerate(_members(reader, "paragraphs"), 1):
                paragraph = reader.value()
                where = f"{self.path}: article {count}, paragraph {row}"
                if count > self.start:
                    questions = [self._question(entry, where) for entry in _get(paragraph, "qas", list, where)]
                    if questions:
                        yield Paragraph(_text(paragraph, "context", where), questions)
        if count <= self.start or (self.end is not None and count < self.end):
            raise UserError(
                f"{self.path}: articles [{self.start}:{'' if self.end is None else self.end}] asked for, the file has "
                f"only {count}; correct the range"
            )

    def _question(self, entry: Any, where: str) -> Question:
        key = _get(entry, "id", (str, int), where)
        where = f"{self.path}: question {key}"
        answers = []
        for answer in entry.get("answers") or ():
            start = _get(answer, "answer_start", int, where) if "answer_start" in answer else -1
            answers.append((_get(answer, "text", str, where), start))
        answers = [(text, start) for text, start in answers if text.strip()]  # XTREME empties the answers of test sets
        return Question(str(key), _text(entry, "question", where), answers, bool(entry.get("is_impossible")))


def _get(entry: Any, key: str, kind: Any, where: str) -> Any:
    if not isinstance(entry, dict) or not isinstance(entry.get(key), kind):
        raise UserError(f"{where}: '{key}' is missing or of the wrong kind; expected JSON in SQuAD's layout")
    return entry[key]


def _text(entry: Any, key: str, where: str) -> str:
    text: str = _get(entry, key, str, where)
    if not text.strip():
        raise UserError(f"{where}: the {key} is empty; fill it or remove the question from all files")
    return text
