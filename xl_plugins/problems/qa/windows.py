"""One pass over a file of questions: contexts and questions to pieces, answers to pieces of their context."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Callable, ClassVar, Iterator, NamedTuple

import numpy as np

from xl_plugins.data.binary.writer import IndexedWriter
from xl_plugins.data.offsets import ContextEncoder, cover, visible
from xl_plugins.data.prepare.binarize import encode_ahead, hash_key
from xl_plugins.data.prepare.part_writer import Told
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Part
from xl_plugins.formats.examples.squad_json import Paragraph, Question
from xl_plugins.output import printable

BATCH = 256  # paragraphs encoded at once
UNKNOWN = -1
COUNTS = (
    "rows", "paragraphs", "pieces", "question_pieces", "unknown", "answered", "exact", "moved", "lost", "unanswerable",
)  # fmt: skip


@dataclass
class QaRows:
    """``keys`` int64 (N): hash of each question's id; ``dropped`` int64: hashes of questions that were left out;
    ``text`` uint32 (N): checksum of question and context."""

    keys: np.ndarray
    dropped: np.ndarray
    text: np.ndarray
    stats: dict[str, int] = field(default_factory=dict)

    ARRAYS: ClassVar[tuple[str, ...]] = ("keys", "dropped", "text")

    def __len__(self) -> int:
        return len(self.keys)


class Asked(NamedTuple):
    """A question to write; ``start:end`` are the characters of its first answer, or UNKNOWN."""

    key: int
    question: Question
    start: int
    end: int


def locate(context: str, text: str, start: int) -> tuple[int, int]:
    """Characters of the answer ``text`` without outer white space: at ``start``, else at the occurrence nearest to it.

    (UNKNOWN, UNKNOWN) when the context does not hold it, or when nothing of it is visible.
    """
    wanted = text.strip()
    expected = start + len(text) - len(text.lstrip())
    if not len(visible(wanted)[0]):
        return UNKNOWN, UNKNOWN
    if start >= 0 and context.startswith(wanted, expected):
        return expected, expected + len(wanted)
    best, found = UNKNOWN, context.find(wanted)
    while found >= 0:
        if best < 0 or abs(found - expected) < abs(best - expected):
            best = found
        found = context.find(wanted, found + 1)
    return (best, best + len(wanted)) if best >= 0 else (UNKNOWN, UNKNOWN)


class QaPass:
    """Writes the questions of ``part``; ``prefix(part, field)`` says where.

    ``known`` are the ids a translation may have: others are an error in training texts, and left out in source
    translations.
    ``unanswerable``: questions without an answer are kept; else they are left out of all files that have answers.
    """

    def __init__(
        self, part: Part, encoder: ContextEncoder, prefix: Callable[[Part, str], str], known: QaRows | None,
        unanswerable: bool = False,
    ) -> None:  # fmt: skip
        self.part, self.encoder, self.path = part, encoder, part.file.path
        self.training = part.split == "train" and not part.into_source
        self.known = frozenset(known.keys.tolist()) if known else None
        self.gone = frozenset(known.dropped.tolist()) if known else frozenset()
        self.spans_path = prefix(part, "spans") + ".npy"
        self.unanswerable = unanswerable
        self.gold = not part.into_source and part.file.has_gold(marks=unanswerable)
        vocabulary = len(encoder.encoder.dictionary)
        types: dict[str, Any] = {"offsets": np.int32, "raw": np.uint8, "answers": np.uint8}
        names = ("input0", "input1", "offsets", "raw", "answers")
        self.writers = {name: IndexedWriter(prefix(part, name), vocabulary, types.get(name)) for name in names}
        self.seen: dict[int, int] = {}
        self.dropped: list[int] = []
        self.text: list[int] = []
        self.spans: list[np.ndarray] = []
        self.stats = dict.fromkeys(COUNTS, 0)

    def run(self, told: Told) -> tuple[QaRows, np.ndarray]:
        """Write the part but for its spans, which are returned beside its rows: int64 (N, 6)."""
        paragraphs = ((p, asked) for p in self.part.file.paragraphs(told) if (asked := self._choose(p)))
        batches = iter(lambda: list(islice(paragraphs, BATCH)), [])
        try:
            for batch, encoded in encode_ahead(batches, lambda b: (self._encode, b), self.encoder.encoder):
                self._append(batch, *encoded)
            for writer in self.writers.values():
                writer.close()
        except BaseException:
            for writer in self.writers.values():
                writer.abandon()
            raise
        spans = np.concatenate(self.spans) if self.spans else np.zeros((0, 6), dtype=np.int64)
        arrays = (spans[:, 0].copy(), np.array(self.dropped, np.int64), np.array(self.text, np.uint32))
        return QaRows(*arrays, stats=self.stats), spans

    def _choose(self, paragraph: Paragraph) -> list[Asked]:
        """The questions of a paragraph that are written."""
        asked = []
        for question in paragraph.questions:
            key = self._key(question)
            if question.impossible or not question.answers:
                question = question._replace(answers=[])
                self.stats["unanswerable"] += self.gold or self.training or question.impossible
                if not self._keeps(question):
                    self.dropped.append(key)
                    continue
            if self.known is not None and key not in self.known:
                if key in self.gone or self.part.into_source:
                    continue
                raise UserError(
                    f"{self.path}: question id {question.key} is not among the source language's training questions; "
                    "translated questions keep the ids of the originals"
                )
            start = end = UNKNOWN
            if question.answers:
                text, position = question.answers[0]
                start, end = locate(paragraph.context, text, position)
                expected = position + len(text) - len(text.lstrip())
                self.stats["moved"] += start not in (UNKNOWN, expected)
                self.stats["lost"] += start == UNKNOWN
            if self.training and question.answers and start == UNKNOWN:
                self.dropped.append(key)
                continue
            asked.append(Asked(key, question, start, end))
        return asked

    def _keeps(self, question: Question) -> bool:
        """Whether a question without an answer is written; UserError where the file does not say that it has none."""
        if not self.unanswerable or (self.training and not self.gold):
            return not (question.impossible or self.gold or self.training)
        if self.gold and not question.impossible and not question.listed:
            raise UserError(
                f"{self.path}: question {printable(question.key)}: its answers are missing or empty texts, and"
                ' is_impossible does not say that it has none; write "answers": [] or remove the question'
            )
        return True

    def _key(self, question: Question) -> int:
        """Hash of the id. TyDiQA's training files repeat ids: later ones get a number, in translations too.

        Such questions can be trained on and scored; only answers by id cannot be written (``xl-evaluate`` says so)."""
        key = hash_key(question.key)
        count = self.seen[key] = self.seen.get(key, 0) + 1
        return key if count == 1 else hash_key(f"{question.key}\n{count}")

    def _encode(self, batch: list[tuple[Paragraph, list[Asked]]]) -> tuple[Any, ...]:
        questions = [one.question.text for _, asked in batch for one in asked]
        return *self.encoder.encoder.encode(questions), *self.encoder.encode([p.context for p, _ in batch])

    def _append(
        self,
        batch: list[tuple[Paragraph, list[Asked]]],
        question_ids: np.ndarray,
        question_sizes: np.ndarray,
        ids: np.ndarray,
        sizes: np.ndarray,
        offsets: list[np.ndarray],
    ) -> None:
        if min(sizes.min(), question_sizes.min()) < 2:
            raise self._silent(batch, sizes, question_sizes)
        self.writers["input0"].append(question_ids, question_sizes)
        self.writers["input1"].append(ids, sizes)
        self.writers["offsets"].append(np.concatenate(offsets).ravel(), 2 * (sizes - 1))
        self._append_texts("raw", (paragraph.context for paragraph, _ in batch))
        self._append_texts("answers", (_describe(one.question) for _, asked in batch for one in asked))
        rows = []
        for number, ((paragraph, asked), spans) in enumerate(zip(batch, offsets), self.stats["paragraphs"]):
            rows += [(one.key, number, *self._pieces(one, paragraph, spans), one.start, one.end) for one in asked]
            base = zlib.crc32(paragraph.context.encode("utf-8"))
            self.text += [zlib.crc32(one.question.text.encode("utf-8"), base) for one in asked]
        self.spans.append(np.array(rows, dtype=np.int64))
        unknown = self.encoder.encoder.dictionary.unk()
        self.stats["rows"] += len(rows)
        self.stats["paragraphs"] += len(batch)
        self.stats["pieces"] += int(sizes.sum()) - len(batch)
        self.stats["question_pieces"] += int(question_sizes.sum()) - len(rows)
        self.stats["unknown"] += int(np.count_nonzero(ids == unknown))

    def _pieces(self, one: Asked, paragraph: Paragraph, spans: np.ndarray) -> tuple[int, int]:
        """First and last piece that cover the answer."""
        if one.start == UNKNOWN:
            return UNKNOWN, UNKNOWN
        text = paragraph.context[one.start : one.end]
        shown = visible(text)[0]
        first, last = cover(spans, one.start + int(shown[0]), one.start + int(shown[-1]) + 1)
        self.stats["answered"] += 1
        self.stats["exact"] += paragraph.context[spans[first, 0] : spans[last, 1]] == text
        return first, last

    def _append_texts(self, field: str, texts: Iterator[str]) -> None:
        rows = [text.encode("utf-8") for text in texts]
        self.writers[field].append(np.frombuffer(b"".join(rows), dtype=np.uint8), np.array([len(row) for row in rows]))

    def _silent(self, batch: list[tuple[Paragraph, list[Asked]]], sizes: np.ndarray, asked: np.ndarray) -> UserError:
        if sizes.min() < 2:
            question, what = batch[int(np.argmin(sizes))][1][0].question, "the context"
        else:
            question, what = [one.question for _, a in batch for one in a][int(np.argmin(asked))], "the question"
        return UserError(f"{self.path}: question {question.key}: {what} has no visible character, so gives no piece")


def _describe(question: Question) -> str:
    answers = [text for text, _ in question.answers]
    return json.dumps({"id": question.key, "question": question.text, "answers": answers}, ensure_ascii=False)
