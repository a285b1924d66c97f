"""Sentences that are split into words, with or without a tag per word, in the formats that taggers use."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Iterator, NamedTuple

from xl_plugins.errors import UserError
from xl_plugins.formats.examples import conllu_format, token_tables
from xl_plugins.formats.examples.columns import Column, ColumnReader, Columns, Token
from xl_plugins.formats.examples.plan import Plan
from xl_plugins.formats.examples.words import NON_JOINER, Notes, split_words, tidy
from xl_plugins.formats.tsv import LineReader
from xl_plugins.output import printable
from xl_plugins.problems import TAGGING


@dataclass
class TaggingPlan(Plan):
    """Tagged sentences; XTREME's test files with one tag throughout count as unlabelled: its loader fills them so.

    ``xtreme_words``: words are cleaned as XTREME does, in prediction too.
    """

    problem: ClassVar[str] = TAGGING.name
    xtreme_words: bool = False


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
    words between blanks), ``parallel`` (``sentence TAB translation`` per line) or one of the tables of
    :mod:`~.token_tables`. ``word``, ``tag``, ``separator``, ``comment`` and ``header`` are as in
    :class:`~.columns.Columns`; ``tagged`` False: tags are not read. ``sentence``: column with the sentences' numbers
    in a table. ``names``: labels that numbers in place of tags stand for. ``prefix`` is cut off the
    words if all words of the first sentences have it. ``clean`` removes blanks and zero-width non-joiners inside words,
    as XTREME does in treebanks. ``soft`` is a file of soft labels that goes with it.
    """

    path: str
    kind: str = "tokens"
    word: Column = 0
    tag: Column = 1
    tagged: bool = True
    separator: str = "tab"
    comment: str | None = None
    header: str = "keep"
    sentence: str | None = None
    names: tuple[str, ...] = ()
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
        options = (
            self.word, self.tag, self.tagged, self.separator, self.comment, self.header, self.sentence, self.names,
            self.prefix, self.clean,
        )  # fmt: skip
        return (self.kind, options, self.start, self.end, bool(self.soft), self.column)

    def reader(self) -> LineReader:
        return LineReader(self.path, blank=True)

    def peek(self) -> Sentence:
        """The first sentence."""
        for sentence in self.sentences():
            return sentence
        raise UserError(f"{self.path}: no sentence")  # sentences() says it better

    def sentences(self, reader: LineReader | None = None, notes: Notes | None = None) -> Iterator[Sentence]:
        """Stream the sentences of the range; a range beyond the file and a file without sentences are errors.

        ``notes`` gets what was changed in words, skipped, or decided by itself.
        """
        reader, notes = reader or self.reader(), Notes() if notes is None else notes
        parts = {"conllu": self._conllu, "text": self._texts, "parallel": self._parallel}.get(self.kind, self._tokens)
        count = 0
        for count, sentence in enumerate(parts(reader, notes), 1):
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

    def _tokens(self, reader: LineReader, notes: Notes) -> Iterator[Sentence]:
        columns = Columns(self.word, self.tag, self.separator, self.comment, self.header)
        if self.kind == "tokens":
            tokens = ColumnReader(self.path, columns, notes).tokens(_ended(reader))
        else:
            tokens = token_tables.tokens(self.kind, reader, columns, self.sentence, notes)
        gathered = _gather(tokens)
        sample = list(islice(gathered, 100)) if self.prefix else []
        prefix = self.prefix if all(t.word.startswith(self.prefix) for s in sample for t in s if t.word) else ""
        for part in sample:
            yield self._sentence(part, prefix, notes)
        for part in gathered:
            yield self._sentence(part, prefix, notes)

    def _sentence(self, tokens: list[Token], prefix: str, notes: Notes) -> Sentence:
        words = [token.word or "" for token in tokens]
        lines = [token.line for token in tokens]
        if prefix:
            for number, word in enumerate(words):
                if word.startswith(prefix):
                    notes.add(f"word: the language's prefix '{prefix}' removed", lines[number], word)
            words = [word.removeprefix(prefix) for word in words]
        tags = [token.tag for token in tokens if token.tag is not None] if self.tagged else []
        return self._make(words, [self._named(tag, line) for tag, line in zip(tags, lines)], lines, notes)

    def _named(self, tag: str, line: int) -> str:
        """The tag, or the label that its number stands for."""
        if tag in self.names or not tag.isdecimal():
            return tag
        if int(tag) < len(self.names):
            return self.names[int(tag)]
        if self.names:
            raise UserError(
                f"{self.path}:{line}: tag number {tag}, but only 0 to {len(self.names) - 1} have names; name all in the"
                " order of the numbers, --labels O,B-PER,... or --label-names FILE"
            )
        if self.kind in token_tables.LISTS:
            raise UserError(
                f"{self.path}:{line}: tags are numbers such as {tag}; name what they stand for in the order of the"
                " numbers: --labels O,B-PER,I-PER,... or --label-names FILE"
            )
        return tag

    def _make(
        self, words: list[str], tags: list[str], lines: list[int], notes: Notes, text: str | None = None
    ) -> Sentence:
        words = [tidy(word, self.clean, notes, line) for word, line in zip(words, lines)]
        if not all(words):
            raise UserError(f"{self.path}:{lines[words.index('')]}: empty word; remove the line or write the word")
        if tags and not all(tags):
            number = tags.index("")
            raise UserError(
                f"{self.path}:{lines[number]}: no tag for the word '{printable(words[number])[:60]}'; tag all words of"
                " the file or none"
            )
        return Sentence(lines[0], words, tags or None, lines, text)

    def _conllu(self, reader: LineReader, notes: Notes) -> Iterator[Sentence]:
        for found in conllu_format.sentences(self.path, _ended(reader), self.column):
            yield self._make(found.words, found.tags if self.tagged else [], found.lines, notes, found.text)

    def _texts(self, reader: LineReader, notes: Notes) -> Iterator[Sentence]:
        for line, text in _rows(reader):
            words = split_words(text)
            yield self._make(words, [], [line] * len(words), notes, text)

    def _parallel(self, reader: LineReader, notes: Notes) -> Iterator[Sentence]:
        for line, text in _rows(reader):
            fields = text.split("\t")
            if len(fields) != 2 or not fields[1].strip():
                raise UserError(f"{self.path}:{line}: expected 'sentence TAB its translation', both not empty")
            words = split_words(fields[1])
            made = self._make(words, [], [line] * len(words), notes, fields[1])
            yield made._replace(check=text_checksum(fields[0]))


def _ended(reader: LineReader) -> Iterator[tuple[int, str]]:
    """The lines, and a blank one behind the last sentence."""
    line = 0
    for line, text in reader:
        yield line, text
    yield line + 1, ""


def _gather(tokens: Iterator[Token]) -> Iterator[list[Token]]:
    """The tokens of every sentence."""
    found: list[Token] = []
    for token in tokens:
        if token.word is not None:
            found.append(token)
        elif found:
            yield found
            found = []
    if found:
        yield found


def _rows(reader: LineReader) -> Iterator[tuple[int, str]]:
    """One sentence per line: blank lines at the end do not count, others are mistakes."""
    blank = 0
    for line, text in reader:
        if not text:
            blank = blank or line
            continue
        if blank:
            raise UserError(f"{reader.path}:{blank}: blank line between rows; delete it (rows must stay aligned)")
        yield line, text


def guess_kind(path: str, labels: tuple[str, ...], into_source: bool) -> str:
    """Format of a file by its name and first lines; two columns are ``parallel`` unless the second holds a label."""
    stem = path.removesuffix(".gz")
    if stem.endswith(".conllu"):
        return "conllu"
    lines = [text for _, text in islice(LineReader(path, blank=True), 1000)]
    while lines and not lines[-1]:
        lines.pop()
    rows = [text.split("\t") for text in lines if text]
    if stem.endswith(".txt") and not _word_per_line(lines, rows):
        return "text"
    columns = {len(row) for row in rows}
    if into_source and columns == {2} and not all(row[1].strip() in labels for row in rows):
        return "parallel"
    first = next((row for row in rows if not row[0].startswith("#")), [""])
    if len(first) == 10 and first[0].split("-")[0] in ("1", "0.1"):
        return "conllu"
    return "tokens"


def _word_per_line(lines: list[str], rows: list[list[str]]) -> bool:
    """Whether a file whose name says text holds columns: tabs, or blank lines between as many fields everywhere."""
    if 2 * sum(len(row) > 1 for row in rows) > len(rows):
        return True
    return "" in lines and len({len(split_words(row[0])) for row in rows}) == 1
