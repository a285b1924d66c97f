"""Sentences that are split into words, with or without a tag per word, in the formats that taggers use."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Iterator, NamedTuple

from xl_plugins.errors import UserError
from xl_plugins.xtreme import conllu_format
from xl_plugins.xtreme.plan import Plan
from xl_plugins.xtreme.tsv import LineReader

NON_JOINER = "\u200c"
_BLANKS = re.compile("[ \t]+")


@dataclass
class TaggingPlan(Plan):
    """Tagged sentences; a test file with one tag throughout counts as unlabelled, as XTREME's loader would fill it."""

    problem: ClassVar[str] = "tagging"


class Sentence(NamedTuple):
    """``lines``: line of every word. ``tags`` is None without tags, ``text`` the running text where the file has it.

    ``check``: checksum of the partner's text in a file of translations, else None.
    """

    line: int
    words: list[str]
    tags: list[str] | None
    lines: list[int]
    text: str | None = None
    check: int | None = None


def text_checksum(text: str) -> int:
    """CRC-32 of a text without white space and zero-width non-joiners, so that split words equal the running text."""
    return zlib.crc32("".join(text.split()).replace(NON_JOINER, "").encode("utf-8"))


@dataclass(frozen=True)
class SentenceFile:
    """Sentences ``start:end`` (from 0) of one file.

    ``kind``: ``tokens`` (a word per line, blank line between sentences), ``conllu``, ``text`` (a sentence per line,
    words between blanks) or ``parallel`` (``sentence TAB translation`` per line). For ``tokens``: ``word`` and ``tag``
    are column numbers (negative ones count from the end; ``tag`` None: there are none; ``optional``: a line may end
    before the tag), ``separator`` ``"\\t"`` or None for white space, ``comment`` a prefix of lines to skip, and
    ``prefix`` is cut off every word if all words of the first sentence have it. ``clean`` removes blanks and zero-width
    non-joiners inside words, as XTREME does in treebanks. ``soft`` is a file of soft labels that goes with it.
    """

    path: str
    kind: str = "tokens"
    word: int = 0
    tag: int | None = 1
    optional: bool = True
    separator: str | None = "\t"
    comment: str | None = None
    prefix: str = ""
    clean: bool = True
    start: int = 0
    end: int | None = None
    soft: str | None = None
    column: str = "upos"

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path, self.soft) if self.soft else (self.path,)

    def describe(self) -> tuple[Any, ...]:
        options = (self.word, self.tag, self.optional, self.separator, self.comment, self.prefix, self.clean)
        return (self.kind, options, self.start, self.end, bool(self.soft), self.column)

    def reader(self) -> LineReader:
        return LineReader(self.path, blank=True)

    def peek(self) -> Sentence:
        """The first sentence."""
        for sentence in self.sentences():
            return sentence
        raise UserError(f"{self.path}: no sentence")  # sentences() says it better

    def sentences(self, reader: LineReader | None = None) -> Iterator[Sentence]:
        """Stream the sentences of the range; a range beyond the file and a file without sentences are errors."""
        reader = reader or self.reader()
        parts = {
            "tokens": self._tokens,
            "conllu": self._conllu,
            "text": self._texts,
            "parallel": self._parallel,
        }[self.kind](reader)
        count = 0
        for count, sentence in enumerate(parts, 1):
            if count <= self.start:
                continue
            if self.end is not None and count > self.end:
                return
            yield sentence
        if not count:
            raise UserError(f"{self.path}: the file has no sentence")
        if count <= self.start or (self.end is not None and count < self.end):
            raise UserError(
                f"{self.path}: sentences [{self.start}:{'' if self.end is None else self.end}] asked for, the file has "
                f"only {count}; correct the range"
            )

    def _tokens(self, reader: LineReader) -> Iterator[Sentence]:
        words: list[str] = []
        tags: list[str] = []
        lines: list[int] = []
        prefix: str | None = None
        for line, text in _ended(reader):
            if text and not (self.comment and not words and text.startswith(self.comment)):
                fields = text.split("\t") if self.separator else _BLANKS.split(text.strip())
                if fields[0].startswith("-DOCSTART-"):
                    continue
                words.append(self._field(fields, self.word, line, "word"))
                if self.tag is not None and not (self.optional and len(fields) == 1):
                    tags.append(self._field(fields, self.tag, line, "tag").strip())
                lines.append(line)
                continue
            if not words:
                continue
            if prefix is None:
                prefix = self.prefix if self.prefix and all(word.startswith(self.prefix) for word in words) else ""
            if prefix:
                words = [word.removeprefix(prefix) for word in words]
            yield self._make(words, tags, lines)
            words, tags, lines = [], [], []

    def _field(self, fields: list[str], column: int, line: int, what: str) -> str:
        try:
            return fields[column]
        except IndexError:
            raise UserError(
                f"{self.path}:{line}: no column {column} for the {what}, the line has {len(fields)}; columns are "
                f"separated by {'tabs' if self.separator else 'white space'}, sentences by blank lines"
            ) from None

    def _make(self, words: list[str], tags: list[str], lines: list[int], text: str | None = None) -> Sentence:
        if self.clean:
            words = [word.replace(" ", "").replace(NON_JOINER, "") for word in words]
        elif not all(word == word.strip(" ") for word in words):
            words = [word.strip(" ") for word in words]
        if not all(words):
            raise UserError(f"{self.path}:{lines[words.index('')]}: empty word; remove the line or write the word")
        if tags and (len(tags) != len(words) or not all(tags)):
            raise UserError(
                f"{self.path}:{lines[0]}: {len([tag for tag in tags if tag])} tags for the {len(words)} words of this "
                "sentence; tag all words of the file or none"
            )
        return Sentence(lines[0], words, tags or None, lines, text)

    def _conllu(self, reader: LineReader) -> Iterator[Sentence]:
        for found in conllu_format.sentences(self.path, _ended(reader), self.column):
            yield self._make(found.words, found.tags if self.tag is not None else [], found.lines, found.text)

    def _texts(self, reader: LineReader) -> Iterator[Sentence]:
        for line, text in _rows(reader):
            words = text.split()
            if not words:
                raise UserError(f"{self.path}:{line}: empty text; every line must hold one sentence")
            yield self._make(words, [], [line] * len(words), text)

    def _parallel(self, reader: LineReader) -> Iterator[Sentence]:
        for line, text in _rows(reader):
            fields = text.split("\t")
            if len(fields) != 2 or not fields[1].strip():
                raise UserError(f"{self.path}:{line}: expected 'sentence TAB its translation', both not empty")
            words = fields[1].split()
            made = self._make(words, [], [line] * len(words), fields[1])
            yield made._replace(check=text_checksum(fields[0]))


def _ended(reader: LineReader) -> Iterator[tuple[int, str]]:
    """The lines, and a blank one behind the last sentence."""
    line = 0
    for line, text in reader:
        yield line, text
    yield line + 1, ""


def _rows(reader: LineReader) -> Iterator[tuple[int, str]]:
    """One sentence per line: blank lines at the end do not count, others are mistakes."""
    reader.blank = False
    return iter(reader)


def guess_kind(path: str, labels: tuple[str, ...], view: bool) -> str:
    """Format of a file by its name and first lines; two columns are ``parallel`` unless the second holds a label."""
    stem = path.removesuffix(".gz")
    if stem.endswith((".conllu", ".txt")):
        return "conllu" if stem.endswith(".conllu") else "text"
    lines = [text for _, text in islice(LineReader(path, blank=True), 1000)]
    rows = [text.split("\t") for text in lines if text]
    if view and rows and all(len(row) == 2 for row in rows) and not all(row[1].strip() in labels for row in rows):
        return "parallel"
    if any(len(row) >= 10 and row[0].split("-")[0].isdigit() for row in rows):
        return "conllu"
    return "tokens"
