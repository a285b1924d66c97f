"""Files with a word per line, columns for what is known of it, and a blank line between sentences.

The first sentences say how columns are separated and how many there are. From then on a line with a token's columns is
a token, whatever it begins with; a line of another number of columns is an error.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import chain, islice
from typing import Iterable, Iterator, NamedTuple, Union

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.words import Notes
from xl_plugins.output import printable

Column = Union[int, str, None]
Line = tuple[int, str]

_BLANKS = re.compile("[ \t]+")
_SAMPLE = 2000  # lines that decide on the columns
_DOCUMENT = "-DOCSTART-"
_EMPTY = frozenset(("-X-", "O", "_", "-", "", _DOCUMENT))  # in the other columns of a document's line
_KEY_VALUE = re.compile(r"#+ *[\w:.-]+ *= ")
WORD_NAMES = ("tokens", "token", "words", "word", "form", "forms")
TAG_NAMES = (
    "ner_tags", "ner_tag", "ner", "tags", "tag", "labels", "label", "entity", "entities", "iob", "iob2", "bio",
    "upos", "upos_tags", "pos_tags", "pos_tag", "pos", "xpos", "chunk_tags", "chunk",
)  # fmt: skip
SENTENCE_NAMES = ("sentence_id", "sentence #", "sent_id", "sentence", "sentence_number", "sentence_idx")


@dataclass(frozen=True)
class Columns:
    """How a file is read. ``word`` and ``tag`` are numbers (negative ones count from the end), names in the header, or
    None for what the header says, else the first and the last one. ``separator``: tab, space (any blanks) or auto.
    ``comment``: mark of comment lines; without it -DOCSTART- lines are words too. ``header``: auto, skip or keep."""

    word: Column = 0
    tag: Column = 1
    separator: str = "tab"
    comment: str | None = None
    header: str = "keep"


class Token(NamedTuple):
    """A word and its tag as they stand in the file; ``word`` is None at the end of a sentence."""

    line: int
    word: str | None
    tag: str | None = None


def find_name(names: list[str], wanted: tuple[str, ...]) -> int | None:
    """Position of the first of ``wanted`` that is among the names of columns, whatever their capitals."""
    plain = [name.strip().lower() for name in names]
    return next((plain.index(name) for name in wanted if name in plain), None)


class ColumnReader:
    """Tokens of one file."""

    def __init__(self, path: str, options: Columns, notes: Notes) -> None:
        self.path, self.options, self.notes = path, options, notes

    def tokens(self, lines: Iterable[Line]) -> Iterator[Token]:
        """Stream the tokens of the file's lines, blank ones of which are empty texts."""
        rest = iter(lines)
        sample = list(islice(rest, _SAMPLE))
        self._decide(sample)
        stream = chain(sample, rest)
        for row in self._documents(self._rows(stream)) if self._has_documents else self._rows(stream):
            number, fields = row
            if not fields:
                yield Token(number, None)
                continue
            tag = None if self._tag is None else fields[self._tag].strip()
            yield Token(number, fields[self._word], tag)

    def _split(self, text: str) -> list[str]:
        return text.split("\t") if self._tabs else _BLANKS.split(text.strip(" \t"))

    # -- the first sentences --

    def _decide(self, sample: list[Line]) -> None:
        kept = [(number, text) for number, text in sample if text]
        mark = self.options.comment
        special = (mark, _DOCUMENT) if mark else ()
        sure = [row for row in kept if not row[1].startswith(special)] if special else kept
        sure = sure or [row for row in kept if "\t" in row[1]] or kept
        self._tabs = self._find_separator([text for _, text in sure])
        rows = [(number, self._split(text)) for number, text in sure]
        widths = Counter(len(fields) for _, fields in rows)
        self.width = widths.most_common(1)[0][0] if rows else 1  # of equally frequent ones the first
        of_width = [fields for _, fields in rows if len(fields) == self.width]
        while self.width > 1 and not any(fields[self.width - 1].strip() for fields in of_width):
            self.width -= 1  # a tab at the end of every line
        self._equals = any("=" in fields[-1] for _, fields in rows)
        self._odd = [(number, len(fields)) for number, fields in rows if not self._fits(fields)]
        first = next(((n, t) for n, t in kept if not self._is_comment(t)), None)
        self._has_documents = bool(mark and first and self._split(first[1])[0].strip() == _DOCUMENT)
        self._word = 0
        self._tag: int | None = None
        self._header = self._find_header(first[0], self._split(first[1])) if first else None

    def _find_separator(self, texts: list[str]) -> bool:
        if self.options.separator != "auto":
            return self.options.separator == "tab"
        if 2 * sum("\t" in text for text in texts) >= len(texts):
            return True
        widths = Counter(len(_BLANKS.split(text.strip(" \t"))) for text in texts)
        width, count = widths.most_common(1)[0]
        spaced = width > 1 and 2 * count > len(texts)
        if spaced:
            self.notes.add("note: columns are separated by blanks (--separator tab if a word holds them)", 1)
        return not spaced

    def _find_header(self, number: int, fields: list[str]) -> int | None:
        """Line of the header, if there is one; sets the columns of word and tag."""
        word, tag, rule = self.options.word, self.options.tag, self.options.header
        named = find_name(fields, WORD_NAMES), find_name(fields, TAG_NAMES)
        asked = isinstance(word, str) or isinstance(tag, str)
        found = len(fields) == self.width > 1 and None not in named
        header = rule == "skip" or asked or (rule == "auto" and found)
        if header and not asked and rule == "auto":
            text = " ".join(fields)
            self.notes.add("note: line taken for a header and skipped (--header keep if it is a word)", number, text)
        if word is None:
            word = named[0] if header and found else 0
        if tag is None:
            tag = named[1] if header and found else -1
        self._word = self._position(word, fields, number, "word")
        no_tags = self.width == 1
        self._tag = None if no_tags else self._position(tag, fields, number, "tag")
        return number if header else None

    def _position(self, column: Column, fields: list[str], number: int, what: str) -> int:
        if isinstance(column, str):
            names = [field.strip() for field in fields]
            if column not in names:
                raise UserError(
                    f"{self.path}:{number}: no column '{column}' for the {what}; the first line names"
                    f" {printable(', '.join(names))[:200]}; correct --{what}-column"
                )
            return names.index(column)
        assert column is not None
        if not -self.width <= column < self.width:
            raise UserError(
                f"{self.path}:{number}: no column {column + (column >= 0)} for the {what}, the lines have {self.width};"
                f" columns are separated by {self._between}, sentences by blank lines"
            )
        return column % self.width

    # -- all lines --

    @property
    def _between(self) -> str:
        return "tabs" if self._tabs else "blanks"

    def _fits(self, fields: list[str]) -> bool:
        return len(fields) == self.width or (
            len(fields) > self.width and not any(field.strip() for field in fields[self.width :])
        )

    def _is_comment(self, text: str) -> bool:
        """Whether a line before the first word of a sentence is a comment."""
        mark = self.options.comment
        if not mark or not text.startswith(mark):
            return False
        if self._names_a_sentence(text):
            return True
        if self._tabs:
            return "\t" not in text and (self.width > 1 or " " in text)
        return len(self._split(text)) != self.width or bool(_KEY_VALUE.match(text))

    def _names_a_sentence(self, text: str) -> bool:
        """Whether a line is like MultiCoNER's ``# id 7 domain=en``, where no tag holds an equals sign."""
        last = _BLANKS.split(text.strip(" \t"))[-1]
        return (
            text.startswith((f"{self.options.comment} ", f"{self.options.comment}\t"))
            and not self._equals
            and "=" in last
        )

    def _rows(self, lines: Iterable[Line]) -> Iterator[tuple[int, list[str]]]:
        """Line and fields of every token; no fields for a blank line."""
        inside = False
        for number, text in lines:
            if not text:
                inside = False
                yield number, []
                continue
            if not inside and self._is_comment(text):
                self.notes.add("note: comment lines skipped", number, text)
                continue
            if number == self._header:
                continue
            fields = self._split(text)
            mark = self._has_documents and not inside and fields[0].strip() == _DOCUMENT
            if not mark and not self._fits(fields):
                raise self._other_width(number, fields)
            inside = not mark
            yield number, fields

    def _other_width(self, number: int, fields: list[str]) -> UserError:
        count = len(fields)
        others = [f"{self.path}:{line} ({found})" for line, found in self._odd if line > number][:2]
        return UserError(
            f"{self.path}:{number}: {count} column{'s' * (count != 1)}, expected {self.width} as in the first sentences"
            f"{', as well as ' + ', '.join(others) if others else ''}; columns are separated by {self._between},"
            " sentences by blank lines; correct the line"
        )

    def _documents(self, rows: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
        """The rows without those that begin a document, such as ``-DOCSTART- -X- -X- O``; the same word in a sentence
        is a word, and so is one with nothing but a tag, where none can tell."""
        held: tuple[int, list[str]] | None = None
        inside = False
        for number, fields in chain(rows, [(0, [])]):
            if held is not None:
                if self._begins_document(held[1], alone=not fields):
                    self.notes.add(f"note: {_DOCUMENT} lines skipped (--comment '' if they are words)", held[0])
                elif not self._fits(held[1]):
                    raise self._other_width(*held)
                else:
                    if not fields:
                        kind = f"note: sentences of the word {_DOCUMENT} kept; remove the lines if they begin documents"
                        self.notes.add(kind, held[0])
                    yield held
                    inside = True
                held = None
            if fields and not inside and fields[0].strip() == _DOCUMENT:
                held = number, fields
                continue
            inside = bool(fields)
            if number:
                yield number, fields

    def _begins_document(self, fields: list[str], alone: bool) -> bool:
        """Whether a line with -DOCSTART- before the first word is no word: CoNLL-2003's stands alone between blank
        lines, CoNLL-2002's before the sentence."""
        others = {field.strip() for field in fields[1:]}
        if not others <= _EMPTY:
            return False
        return bool(others & {"-X-", _DOCUMENT}) or (alone and (self.width > 2 or not self._fits(fields)))
