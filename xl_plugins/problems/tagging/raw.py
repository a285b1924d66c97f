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
    XTREME,
    Notes,
    split_words,
    tidy,
)
from ..predicting import Predictor, predict_values
from ..raw import Given, Held, Reader, chunks
from .words import encode_words


@dataclass(frozen=True)
class RawSentence:
    """One sentence and where it stands; ``source`` is its translation, running text in the source language."""

    where: str
    words: list[str]
    source: str | None


class SentenceReader(Reader[RawSentence]):
    """Lines ``word word ... [TAB translation]``, or JSON lines ``{"words": [...], "source": "..."}``."""

    source_fields = "after a tab, or as source"
    keys = ("words",)
    white_is_blank = True

    def __init__(self, name: str, stream: BinaryIO | None, source: str, cleaning: str | None = None) -> None:
        super().__init__(name, stream, source)
        self.xtreme = cleaning == XTREME  # as the words of the data were cleaned
        self.notes = Notes()

    def from_text(self, where: str, text: str) -> RawSentence:
        fields = text.split("\t")
        if len(fields) > 2:
            raise UserError(f"{where}: {len(fields)} columns, expected words separated by blanks [TAB source]")
        return self._sentence(where, split_words(fields[0]), fields[1:])

    def from_json(self, where: str, record: dict[str, Any]) -> RawSentence:
        words = record.get("words")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise UserError(f"{where}: key 'words' is missing or no list of texts")
        source = [] if record.get("source") is None else [self.text_of(where, record, "source")]
        return self._sentence(where, words, source)

    def _sentence(self, where: str, words: list[str], source: list[str]) -> RawSentence:
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
        return RawSentence(where, words, " ".join(source[0].split("\n")) if use else None)


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
    max_tokens: int | None = None,
) -> Iterator[tuple[list[str], np.ndarray]]:  # fmt: skip
    """Tags and class probabilities (words, C) of each sentence, in order."""
    task = tuned.task
    for chunk in chunks(sentences, batch_size):
        where, length = [sentence.where for sentence in chunk], task.cfg.max_length
        target = RawTagged(chunk, where, encoder, length)
        part = TagPart(f"batch at {where[0]}, row", 0, target, len(task.problem.labels), soft=False)
        if task.needs_source:
            sources = [sentence.source for sentence in chunk if sentence.source is not None]
            part.source = RawPlain(sources, where, encoder, length)
        dataset: Any = task.problem.build_dataset([part], shuffle=False)
        values, sizes = predict_values(tuned, dataset, batch_size, max_tokens)
        yield from zip(task.problem.decode(dataset, values, sizes), np.split(values, np.cumsum(sizes)[:-1]))


def records(tuned: Predictor, encoder: PieceEncoder, given: Given) -> Iterator[dict[str, Any]]:
    """Records that xl-predict prints, one for each sentence."""
    labels, cleaning = tuned.task.problem.labels, tuned.task.data_bin.meta.get("word_cleaning")
    sentences = SentenceReader(given.name, given.stream, given.source, cleaning)
    for tags, probabilities in predict_sentences(tuned, encoder, sentences, given.batch_size, given.max_tokens):
        yield sentence_record(labels, tags, probabilities, given.probabilities)
    for note in note_lines([(given.name, sentences.notes.found)]):
        given.tell(note)


def example(given: Any) -> dict[str, Any] | None:
    """A sentence of a Python program as a record: a list of words, or a text with blanks between them."""
    words = given.split() if isinstance(given, str) else list(given)
    return {"words": words} if all(isinstance(word, str) for word in words) else None


RAW, EXAMPLE = records, example


def sentence_record(
    labels: Sequence[str], tags: list[str], probabilities: np.ndarray, with_probabilities: bool
) -> dict[str, Any]:
    """One tag per word, on request with the probabilities of all labels."""
    if not with_probabilities:
        return {"tags": tags}
    rows = [{label: round(value, 6) for label, value in zip(labels, row)} for row in probabilities.tolist()]
    return {"tags": tags, "probabilities": rows}
