"""Raw questions with their contexts, encoded and cut into windows as the binarised data is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from ...data.offsets import ContextEncoder
from ...data.tokenizer import PieceEncoder
from ...data.training.qa import QAPart
from ...data.training.questions import Questions, Windowing
from ...errors import UserError
from ...formats.examples.squad_rows import read_entries
from ...formats.json_stream import JsonReader
from ...formats.text import TextStream
from ...processes import ALONE, Team
from ..predicting import Predictor, predict_values
from ..raw import Given, Held, Reader, chunks, named_texts

Answer = tuple[str, tuple[int, int], float]  # text, characters [start, end) of the context, log score


@dataclass(frozen=True)
class RawQuestion:
    """A question and where it stands; ``source`` is its translation: question and context."""

    where: str
    key: str | None
    question: str
    context: str
    source: tuple[str, str] | None


class QuestionReader(Reader[RawQuestion]):
    """Objects with ``question``, ``context`` and perhaps ``id``, ``source_question``, ``source_context``: JSON lines,
    or any layout that ``xl-prepare squad`` reads."""

    source_fields = "source_question, source_context"
    keys = ("question", "context")

    def __iter__(self) -> Iterator[RawQuestion]:
        if self.stream is not None:
            yield from self._questions(self.stream)
        else:
            with open(self.name, "rb") as file:
                yield from self._questions(file)

    def _questions(self, stream: BinaryIO) -> Iterator[RawQuestion]:
        reader = JsonReader(self.name, TextStream(stream, self.name), "objects with question and context, one per line")
        if reader.peek() not in ("", "{", "["):
            self.from_text(f"{self.name}:{reader.line}", "")
        for _, rows in read_entries(reader) if reader.peek() else ():
            for row in rows:
                yield self.from_json(row.where, row.record)

    def from_text(self, where: str, text: str) -> RawQuestion:
        raise UserError(f"{where}: expected a JSON object with question and context, one per line")

    def from_json(self, where: str, record: dict[str, Any]) -> RawQuestion:
        names = ("source_question", "source_context")
        given = any(record.get(name) is not None for name in names)
        texts = {name: self.text_of(where, record, name) for name in (*self.keys, *(names if given else ()))}
        for name, text in texts.items():
            if not text.strip():
                raise UserError(f"{where}: {name} is empty; every question needs a text and a context")
        key = record.get("id")
        use = self.uses_source(where, given)
        return RawQuestion(
            where, None if key is None else str(key), texts["question"], texts["context"],
            (texts["source_question"], texts["source_context"]) if use else None,
        )  # fmt: skip


class RawQuestions(Questions):
    """Encoded questions held in memory, each with a context of its own and without answers."""

    def __init__(
        self, texts: Sequence[tuple[str, str]], where: Sequence[str], encoder: ContextEncoder, windowing: Windowing
    ) -> None:
        self.path, self.language, self.split = where[0], "", "test"
        self.frame = encoder.encoder.frame
        ids, sizes = encoder.encoder.encode([question for question, _ in texts])
        context_ids, context_sizes, self.held = encoder.encode([context for _, context in texts])
        questions: Any = Held(ids, sizes, tensors=True)
        contexts: Any = Held(context_ids, context_sizes, tensors=True)
        self.questions, self.contexts, self.texts = questions, contexts, list(texts)
        empty = np.flatnonzero((sizes < 2) | (context_sizes < 2))
        if len(empty):
            raise UserError(f"{where[int(empty[0])]}: a text has no visible character, the tokenizer gives no piece")
        self.paragraphs = np.arange(len(texts))
        self.spans = np.full((len(texts), 6), -1, dtype=np.int64)
        self.context_lengths = context_sizes - 1
        self.question_lengths = np.minimum(sizes - 1, windowing.max_question)
        self.cut_windows(windowing)

    def check_raw(self) -> None:
        """The raw text was given."""

    def record(self, question: int) -> dict[str, Any]:
        return {"id": str(question), "question": self.texts[question][0], "answers": []}

    def context(self, question: int) -> str:
        return self.texts[question][1]

    def offsets(self, question: int) -> np.ndarray:
        return self.held[question]


def predict_questions(
    tuned: Predictor, encoder: ContextEncoder, questions: Iterable[RawQuestion], batch_size: int,
    max_tokens: int | None = None, team: Team = ALONE,
) -> Iterator[tuple[str | None, Answer]]:  # fmt: skip
    """Id (None where none was given) and answer of each question of this process, in order."""
    problem: Any = tuned.task.problem
    for chunk in chunks(questions, batch_size, team):
        where = [question.where for question in chunk]
        target = RawQuestions([(q.question, q.context) for q in chunk], where, encoder, problem.windowing)
        window = str(problem.cfg.qa_source_window)
        part = QAPart(f"batch at {where[0]}, row", 0, target, windows=False, raw=True, source_window=window)
        if tuned.task.needs_source:
            sources = [question.source for question in chunk if question.source is not None]
            part.source = RawQuestions(sources, where, encoder, problem.windowing)
            part.source_rows = np.arange(len(chunk))
        dataset = problem.build_dataset([part], shuffle=False)
        values, _ = predict_values(tuned, dataset, batch_size, max_tokens)
        yield from zip([question.key for question in chunk], problem.answers(dataset, values))


def records(tuned: Predictor, encoder: PieceEncoder, given: Given) -> Iterator[dict[str, Any]]:
    """Records that xl-predict prints, one for each question."""
    pieces = given.context_pieces or tuned.task.data_bin.meta.get("context_pieces")
    contexts = ContextEncoder(encoder, pieces == "character")
    questions = QuestionReader(given.name, given.stream, given.source)
    for key, answer in predict_questions(tuned, contexts, questions, given.batch_size, given.max_tokens, given.team):
        yield question_record(key, answer)


def example(given: Any) -> dict[str, Any] | None:
    """A question of a Python program as a record: (question, context), and perhaps those of its translation."""
    return named_texts(("question", "context", "source_question", "source_context"), given, (2, 4))


RAW, EXAMPLE = records, example


def question_record(key: str | None, answer: Answer) -> dict[str, Any]:
    """The answer, its characters [start, end) in the context, and the probability of its start times that of its
    end."""
    text, (start, end), score = answer
    made = {"answer": text, "start": start, "end": end, "score": round(math.exp(score), 6)}
    return made if key is None else {"id": key, **made}
