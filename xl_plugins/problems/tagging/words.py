"""One pass over a file of sentences: words to pieces and tags to numbers, with the checks that need only this file."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Callable, ClassVar

import numpy as np

from xl_plugins.data.binary.writer import IndexedWriter
from xl_plugins.data.prepare.binarize import encode_ahead
from xl_plugins.data.prepare.part_writer import Told
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Part
from xl_plugins.formats.examples.sentences import Sentence, text_checksum
from xl_plugins.formats.examples.words import Notes
from xl_plugins.output import printable

BATCH = 4096  # sentences encoded at once


@dataclass
class TaggedRows:
    """``words`` int32 (N) words per sentence (0 for translations); ``text`` and ``check`` uint32 (N): checksums without
    white space of the sentence and of the text that a translation says it translates (empty when it says nothing);
    ``lines`` uint32 (N): line in the file. ``stats``: counts, words of every label in ``tags``, and what was changed or
    skipped in ``notes`` (see :class:`~xl_plugins.formats.examples.words.Notes`)."""

    words: np.ndarray
    text: np.ndarray
    check: np.ndarray
    lines: np.ndarray
    stats: dict[str, Any] = field(default_factory=dict)

    ARRAYS: ClassVar[tuple[str, ...]] = ("words", "text", "check", "lines")

    def __len__(self) -> int:
        return len(self.text)


class TaggingPass:
    """Writes a part but for labels and soft labels; ``prefix(part, field)`` says where."""

    def __init__(
        self, part: Part, labels: tuple[str, ...], encoder: PieceEncoder, prefix: Callable[[Part, str], str]
    ) -> None:
        self.part, self.encoder, self.path = part, encoder, part.file.path
        self.codes = {label: number for number, label in enumerate(labels)}
        vocabulary = len(encoder.dictionary)
        self.pieces = IndexedWriter(prefix(part, "input0"), vocabulary)
        self.raw = IndexedWriter(prefix(part, "raw"), vocabulary, np.uint8)
        self.writers = [self.pieces, self.raw]
        if not part.into_source:
            self.counts = IndexedWriter(prefix(part, "words"), vocabulary, np.uint16)
            self.writers.append(self.counts)
        self.blocks: list[tuple[np.ndarray, ...]] = []
        self.labels: list[np.ndarray] = []
        self.tagged: bool | None = None  # whether the sentences have tags, as the first one says
        self.stats: dict[str, Any] = dict.fromkeys(("rows", "words", "pieces", "unknown"), 0)

    def run(self, told: Told) -> tuple[TaggedRows, np.ndarray]:
        """Write the part; returns its rows and the label number of every word, int16 (words), empty without tags."""
        reader = self.part.file.reader()
        notes = Notes()
        sentences = self.part.file.sentences(reader, notes)
        encode = encode_texts if self.part.into_source else encode_words
        batches = iter(lambda: list(islice(sentences, BATCH)), [])
        try:
            for batch, (ids, sizes, counts) in encode_ahead(batches, lambda b: (encode, self.encoder, b), self.encoder):
                self._append(batch, ids, sizes, counts)
                told(reader.position())
            for writer in self.writers:
                writer.close()
        except BaseException:
            for writer in self.writers:
                writer.abandon()
            raise
        arrays = {name: np.concatenate(blocks) for name, blocks in zip(TaggedRows.ARRAYS, zip(*self.blocks))}
        labels = np.concatenate(self.labels) if self.labels else np.zeros(0, dtype=np.int16)
        self.stats["notes"] = notes.found
        if len(labels):
            self.stats["tags"] = dict(zip(self.codes, np.bincount(labels, minlength=len(self.codes)).tolist()))
        return TaggedRows(**arrays, stats=self.stats), labels

    def _append(self, batch: list[Sentence], ids: np.ndarray, sizes: np.ndarray, counts: np.ndarray) -> None:
        if sizes.min() < 2:
            line = batch[int(np.argmin(sizes))].line
            raise UserError(f"{self.path}:{line}: the text has no visible character, the tokenizer gives no piece")
        if self.part.into_source:
            texts = [sentence.text or " ".join(sentence.words) for sentence in batch]
            sums = [text_checksum(text) for text in texts]
            words = np.zeros(len(batch), dtype=np.int32)
        else:
            texts = ["\t".join(sentence.words) for sentence in batch]
            sums = [zlib.crc32("".join(sentence.words).replace("\u200c", "").encode("utf-8")) for sentence in batch]
            words = np.array([len(sentence.words) for sentence in batch], dtype=np.int32)
            self._append_counts(batch, counts, words)
            self._append_labels(batch, words)
        raw = [text.encode("utf-8") for text in texts]
        self.pieces.append(ids, sizes)
        self.raw.append(np.frombuffer(b"".join(raw), dtype=np.uint8), np.array([len(row) for row in raw]))
        check = [sentence.check for sentence in batch if sentence.check is not None]
        lines = np.array([sentence.line for sentence in batch], dtype=np.uint32)
        self.blocks.append((words, np.array(sums, np.uint32), np.array(check, np.uint32), lines))
        self.stats["rows"] += len(batch)
        self.stats["words"] += int(words.sum())
        self.stats["pieces"] += len(ids) - len(batch)
        self.stats["unknown"] += int(np.count_nonzero(ids == self.encoder.dictionary.unk()))

    def _append_counts(self, batch: list[Sentence], counts: np.ndarray, words: np.ndarray) -> None:
        if counts.max() > np.iinfo(np.uint16).max:
            owner = int(np.searchsorted(np.cumsum(words), int(np.argmax(counts)), side="right"))
            raise UserError(f"{self.path}:{batch[owner].line}: a word of {counts.max()} pieces; is the file split?")
        self.counts.append(counts, words)

    def _append_labels(self, batch: list[Sentence], words: np.ndarray) -> None:
        if self.tagged is None:
            self.tagged = batch[0].tags is not None
        odd = next((sentence for sentence in batch if (sentence.tags is not None) != self.tagged), None)
        if odd is not None:
            raise UserError(
                f"{self.path}:{odd.line}: this sentence has {'no tags' if self.tagged else 'tags'}, the ones before it "
                f"{'have' if self.tagged else 'have none'}; tag all sentences of the file or none"
            )
        if not self.tagged:
            return
        tagged = [sentence.tags for sentence in batch if sentence.tags is not None]
        get = self.codes.get
        labels = np.fromiter((get(tag, -1) for tags in tagged for tag in tags), np.int16, int(words.sum()))
        if labels.min() < 0:
            place = int(np.argmin(labels))
            owner = int(np.searchsorted(np.cumsum(words), place, side="right"))
            number = place - int(words[:owner].sum())
            tag = printable(tagged[owner][number])[:60]
            raise UserError(
                f"{self.path}:{batch[owner].lines[number]}: tag '{tag}' is not one of "
                f"{', '.join(self.codes)}; correct the line or choose other labels"
            )
        self.labels.append(labels)


def encode_texts(encoder: PieceEncoder, batch: list[Sentence]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids of running texts with </s>, their sizes, and nothing for the words."""
    ids, sizes = encoder.encode([sentence.text or " ".join(sentence.words) for sentence in batch])
    return ids, sizes, np.zeros(0, dtype=np.int64)


def encode_words(encoder: PieceEncoder, batch: list[Sentence]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids of sentences whose words are encoded one by one, with </s>; ids per sentence; ids per word.

    A word without a single piece becomes one <unk>. Every different word is encoded once.
    """
    numbers: dict[str, int] = {}
    words = np.array([numbers.setdefault(word, len(numbers)) for row in batch for word in row.words], dtype=np.int64)
    ids, sizes = encoder.encode(list(numbers))
    starts = np.cumsum(sizes) - sizes
    pieces = sizes - 1  # without </s>
    silent = pieces == 0
    ids[starts[silent]] = encoder.dictionary.unk()  # in the place of their </s>
    pieces[silent] = 1
    counts = pieces[words]
    ends = np.cumsum(counts)
    flat = ids[np.repeat(starts[words] - (ends - counts), counts) + np.arange(int(ends[-1]))]
    last = np.cumsum([len(row.words) for row in batch])
    borders = ends[last - 1]
    return np.insert(flat, borders, encoder.dictionary.eos()), np.diff(borders, prepend=0) + 1, counts
