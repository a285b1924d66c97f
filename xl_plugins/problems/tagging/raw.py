"""Raw sentences to be tagged, their words encoded and split into chunks as the binarised data is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from ...data.prepare.tagging_notes import note_lines
from ...data.tokenizer import PieceEncoder
from ...data.training.tagged_texts import SPECIALS, PlainTexts, TaggedTexts
from ...data.training.tagging import TagPart
from ...errors import UserError
from ...formats.examples.words import (
    SEGMENTS,
    XTREME,
    Notes,
    find_words,
    tidy,
)
from ...functional.scores.spans import SpanScheme
from ...processes import ALONE, Team
from ..predicting import Predictor, predict_values
from ..raw import Given, Held, Reader, chunks
from .words import encode_words


@dataclass(frozen=True)
class RawSentence:
    """One sentence and where it stands; ``source`` is its translation, running text in the source language; ``text``
    and ``places`` are the running text and the characters [start, end) of its words."""

    where: str
    words: list[str]
    source: str | None
    text: str
    places: list[tuple[int, int]]


class SentenceReader(Reader[RawSentence]):
    """Lines ``word word ... [TAB translation]``, or JSON lines ``{"words": [...], "source": "..."}``, or with ``text``
    in the place of words."""

    source_fields = "after a tab, or as source"
    keys = ("words",)
    white_is_blank = True

    def __init__(
        self, name: str, stream: BinaryIO | None, source: str, cleaning: str | None = None, segment: str | None = None
    ) -> None:  # fmt: skip
        super().__init__(name, stream, source)
        self.xtreme = cleaning == XTREME  # as the words of the data were cleaned
        if segment not in (None, *SEGMENTS):
            raise UserError(f"segment {segment!r}: expected {' or '.join(SEGMENTS)}")
        self.segment, self.notes = segment, Notes()

    def from_text(self, where: str, text: str) -> RawSentence:
        fields = text.split("\t")
        if len(fields) > 2:
            raise UserError(f"{where}: {len(fields)} columns, expected words separated by blanks [TAB source]")
        return self._running(where, fields[0], fields[1:])

    def from_json(self, where: str, record: dict[str, Any]) -> RawSentence:
        source = [] if record.get("source") is None else [self.text_of(where, record, "source")]
        if "words" not in record and isinstance(record.get("text"), str):
            return self._running(where, record["text"], source)
        words = record.get("words")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise UserError(f"{where}: key 'words' is missing or no list of texts")
        ends = np.cumsum([len(word) + 1 for word in words]).tolist()
        places = [(end - 1 - len(word), end - 1) for word, end in zip(words, ends)]
        return self._sentence(where, words, source, " ".join(words), places)

    def _running(self, where: str, text: str, source: list[str]) -> RawSentence:
        places = find_words(text, self.segment)
        return self._sentence(where, [text[start:end] for start, end in places], source, text, places)

    def _sentence(
        self, where: str, words: list[str], source: list[str], text: str, places: list[tuple[int, int]]
    ) -> RawSentence:  # fmt: skip
        if not words:
            raise UserError(f"{where}: no words; every sentence needs at least one")
        line = int(where.rpartition(":")[2])
        words = [tidy(word, self.xtreme, self.notes, line) for word in words]
        empty = next((number for number, word in enumerate(words, 1) if not word), None)
        if empty is not None:
            raise UserError(f"{where}: word {empty} is empty; leave it out")
        if source and not source[0].strip():
            raise UserError(f"{where}: source is empty; every sentence needs a text")
        use = self.uses_source(where, bool(source))
        return RawSentence(where, words, " ".join(source[0].split("\n")) if use else None, text, places)


class RawPlain(PlainTexts):
    """Encoded texts held in memory."""

    def __init__(self, texts: Sequence[str], where: Sequence[str], encoder: PieceEncoder, max_length: int) -> None:
        _hold(self, where, encoder, *encoder.encode(list(texts)), max_length)


class RawTagged(TaggedTexts):
    """Encoded sentences held in memory, without labels, with the chunks of the binarised ones."""

    def __init__(
        self, sentences: Sequence[RawSentence], where: Sequence[str], encoder: PieceEncoder, max_length: int
    ) -> None:
        batch: Any = sentences  # of which the words are read
        ids, sizes, counts = encode_words(encoder, batch)
        _hold(self, where, encoder, ids, sizes, max_length)
        made: Any = Held(counts, np.array([len(sentence.words) for sentence in sentences]))
        self.truncate, self.counts, self.labels, self.soft = False, made, None, None


def _hold(
    texts: PlainTexts, where: Sequence[str], encoder: PieceEncoder, ids: np.ndarray, sizes: np.ndarray, max_length: int
) -> None:
    """Make in memory what :class:`PlainTexts` opens on disk."""
    made: Any = Held(ids, sizes, tensors=True)
    texts.path, texts.split, texts.pieces, texts.budget = where[0], "test", made, max_length - SPECIALS
    texts.bos, texts.eos = encoder.dictionary.bos(), encoder.dictionary.eos()
    texts.piece_counts = made.row_sizes - 1
    empty = np.flatnonzero(texts.piece_counts < 1)
    if len(empty):
        raise UserError(f"{where[int(empty[0])]}: a text has no visible character, the tokenizer gives no piece")


def predict_sentences(
    tuned: Predictor, encoder: PieceEncoder, sentences: Iterable[RawSentence], batch_size: int,
    max_tokens: int | None = None, team: Team = ALONE,
) -> Iterator[tuple[RawSentence, list[str], np.ndarray]]:  # fmt: skip
    """Each sentence of this process in order, with its tags and class probabilities (words, C)."""
    task = tuned.task
    for chunk in chunks(sentences, batch_size, team):
        where, length = [sentence.where for sentence in chunk], task.cfg.max_length
        target = RawTagged(chunk, where, encoder, length)
        part = TagPart(f"batch at {where[0]}, row", 0, target, len(task.problem.labels), soft=False)
        if task.needs_source:
            sources = [sentence.source for sentence in chunk if sentence.source is not None]
            part.source = RawPlain(sources, where, encoder, length)
        dataset: Any = task.problem.build_dataset([part], shuffle=False)
        values, sizes = predict_values(tuned, dataset, batch_size, max_tokens)
        yield from zip(chunk, task.problem.decode(dataset, values, sizes), np.split(values, np.cumsum(sizes)[:-1]))


def records(tuned: Predictor, encoder: PieceEncoder, given: Given) -> Iterator[dict[str, Any]]:
    """Records that xl-predict prints, one for each sentence."""
    labels, cleaning = tuned.task.problem.labels, tuned.task.data_bin.meta.get("word_cleaning")
    sentences = SentenceReader(given.name, given.stream, given.source, cleaning, given.segment)
    scheme = tuned.task.problem.scheme if given.spans else None
    for found in predict_sentences(tuned, encoder, sentences, given.batch_size, given.max_tokens, given.team):
        yield sentence_record(labels, *found, given.probabilities, scheme)
    for note in note_lines([(given.name, sentences.notes.found)]):
        given.tell(note)


def example(given: Any) -> dict[str, Any] | None:
    """A sentence of a Python program as a record: a list of words, or a text with blanks between them."""
    if isinstance(given, str):
        return {"text": "".join(" " if letter.isspace() else letter for letter in given)}
    words = list(given)
    return {"words": words} if all(isinstance(word, str) for word in words) else None


RAW, EXAMPLE = records, example


def sentence_record(
    labels: Sequence[str], sentence: RawSentence, tags: list[str], probabilities: np.ndarray, with_probabilities: bool,
    scheme: SpanScheme | None,
) -> dict[str, Any]:  # fmt: skip
    """One tag per word, on request with the words' spans and the probabilities of all labels."""
    made: dict[str, Any] = {"tags": tags}
    if scheme is not None:
        made["words"] = sentence.words
        made["spans"] = _spans(sentence, scheme, np.array([scheme.labels.index(tag) for tag in tags]))
    if with_probabilities:
        made["probabilities"] = [
            {label: round(value, 6) for label, value in zip(labels, row)} for row in probabilities.tolist()
        ]
    return made


def _spans(sentence: RawSentence, scheme: SpanScheme, tags: np.ndarray) -> list[dict[str, Any]]:
    """Type, words [first, stop), characters [start, end) of the running text, and these characters."""
    (found,) = scheme.find(tags, np.array([len(tags)]))
    places = [(sentence.places[first][0], sentence.places[stop - 1][1]) for first, stop, _ in found]
    return [
        {"type": kind, "first": first, "stop": stop, "start": start, "end": end, "text": sentence.text[start:end]}
        for (first, stop, kind), (start, end) in zip(found, places)
    ]
