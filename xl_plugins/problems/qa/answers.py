"""Answers from scores of positions, with or without "no answer", and how they are scored."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.binary.layout import DataBin
from ...data.training.qa import QADataset
from ...errors import UserError
from ...formats.predictions import write_answers
from ...functional.precision import at_least_float32
from ...functional.scores.answer_span import best_spans, position_probabilities, split_null
from ...functional.scores.counters import answer_counters, squad2_counters
from ..base import Problem


class AnswerScores(Problem):
    """Finds the best span of every question over its windows, and scores it as SQuAD, MLQA or SQuAD 2 do.

    ``scores_null``: the data has questions without an answer; ``predicts_null``: the model may give none.
    """

    figures = {"avg": "avg", "em": "em", "f1": "f1"}

    def __init__(self, data: DataBin, cfg: Any) -> None:
        super().__init__(data, cfg)
        self.scores_null = self.predicts_null = bool(data.meta.get("unanswerable"))

    @property
    def answer_metric(self) -> str:
        """Normalisation of answers: ``squad``, or ``mlqa`` with rules per language."""
        return self.data.meta.get("answer_metric", "squad")

    def identity(self) -> dict[str, Any]:
        return {"unanswerable": self.predicts_null}

    def restore(self, record: Mapping[str, Any]) -> None:
        """A checkpoint predicts "no answer" where it was trained on questions without one, whatever the data holds."""
        self.predicts_null = record.get("unanswerable") is True

    def null_inference(self, description: str) -> dict[str, Any]:
        """The record's addition about answers: when none is predicted."""
        if not self.predicts_null and not self.scores_null:
            return {}
        if not self.predicts_null:
            return {"description": f"{description}; always an answer, as trained"}
        threshold = float(self.cfg.null_threshold)
        words = f"{description}; no answer where its score is more than {threshold:g} above the best answer's"
        shown = threshold if math.isfinite(threshold) else str(threshold)  # JSON has no infinity
        return {"null_threshold": shown, "description": words}

    # -- predictions --

    def values(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        """Probabilities of start and end of all context positions, window by window: (K, 2), positions per question.
        With unanswerable questions, each window's <s> comes first."""
        begin, _, length, _ = sample["window"].T
        places = torch.arange(output.size(1), device=output.device)[None, :]
        inside = (places >= begin[:, None]) & (places < (begin + length)[:, None])
        if self.predicts_null:  # <s> before the context
            inside, length = inside | (places == 0), length + 1
        order = sample["unit"].argsort()
        unit = order[torch.searchsorted(sample["unit"][order], sample["id"])]
        count = len(order)
        sizes = torch.zeros(count, dtype=torch.int64, device=output.device).index_add_(0, unit, length)
        owner = unit.repeat_interleave(length)
        return position_probabilities(at_least_float32(output[inside]), owner, count), sizes

    def unit_counters(self, values: Tensor, sizes: Tensor, sample: Mapping, languages: Sequence[str]) -> np.ndarray:
        windows = sample["window"].cpu().numpy()
        ids, units = sample["id"].cpu().numpy(), sample["unit"].cpu().numpy()
        counts = np.bincount(np.searchsorted(np.sort(units), ids), minlength=len(units))[np.argsort(np.argsort(units))]
        spans, _ = self._search(values.cpu().numpy(), windows[:, 1], windows[:, 2], counts)
        names = [languages[index] for index in sample["unit_language"].tolist()]
        tables = [
            self.test_counters(language, [answers], [substring(context, offsets, span)])
            for span, (context, offsets, answers), language in zip(spans, sample["raw"], names)
        ]
        return np.concatenate(tables)[:, : len(self.counter_names)]  # SQuAD 2 tells answerable ones apart in tests only

    def _search(
        self, values: np.ndarray, starts: np.ndarray, lengths: np.ndarray, counts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pieces (first, last) of each question's answer, -1 for none, and the log score of what is predicted."""
        limits = self.cfg.n_best, self.cfg.max_answer_length
        if not self.predicts_null:
            return best_spans(values, starts, lengths, counts, *limits)
        context, null = split_null(values, lengths, counts)
        spans, best = best_spans(context, starts, lengths, counts, *limits)
        none = null > best + self.cfg.null_threshold
        return np.where(none[:, None], -1, spans), np.where(none, null, best)

    def decode(self, dataset: QADataset, values: np.ndarray, sizes: np.ndarray) -> list[str]:
        return [text for text, _, _ in self.answers(dataset, values)]

    def answers(self, dataset: QADataset, values: np.ndarray) -> list[tuple[str, tuple[int, int], float]]:
        """Answer of each question: text, characters [start, end) of the context, log score; "" for no answer."""
        target = dataset.parts[0].target
        counts = target.window_counts
        question = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(question)) - np.repeat(np.cumsum(counts) - counts, counts)
        starts = number * target.steps[question]
        lengths = np.minimum(target.budgets[question], target.context_lengths[question] - starts)
        spans, scores = self._search(values, starts, lengths, counts)
        found = []
        for row, (span, score) in enumerate(zip(spans, scores)):
            context, offsets = target.context(row), target.offsets(row)
            found.append((substring(context, offsets, span), characters(offsets, span), float(score)))
        return found

    def gold(self, dataset: QADataset) -> list[list[str]] | None:
        target = dataset.parts[0].target
        if self.data.is_unlabelled(target.language, target.split):
            return None
        return [target.record(row)["answers"] for row in range(len(target))]

    def keys(self, dataset: QADataset) -> list[str]:
        """Question ids."""
        target = dataset.parts[0].target
        return [target.record(row)["id"] for row in range(len(target))]

    # -- scores of test sets --

    def test_metric(self, metric: str) -> str:
        return "squad2" if self.scores_null else metric

    def test_counters(self, language: str, gold: Sequence, predicted: Sequence) -> np.ndarray:
        count = squad2_counters if self.scores_null else answer_counters
        return count(gold, predicted, self.answer_metric, language)

    def scoring_rules(self, gold: Mapping[str, Sequence], inference: str) -> dict[str, Any]:
        """How answers are normalised, and when none is predicted."""
        return {"answers": self.answer_metric, "inference": self.null_inference(inference)}

    def prediction_text(self, language: str, predicted: Sequence, keys: Sequence[str] | None) -> str:
        ids = keys or []
        if len(set(ids)) != len(ids):
            twice = next(key for key in ids if ids.count(key) > 1)
            raise UserError(
                f"{language}: the question id '{twice}' occurs more than once, so answers cannot be written by id;"
                " leave --output out or give the questions different ids"
            )
        return write_answers(ids, predicted)


def characters(offsets: np.ndarray, span: np.ndarray) -> tuple[int, int]:
    """Characters [start, end) of the pieces ``span`` (first, last); (0, 0) when there is no span."""
    first, last = (int(piece) for piece in span)
    return (0, 0) if first < 0 else (int(offsets[first, 0]), int(offsets[last, 1]))


def substring(context: str, offsets: np.ndarray, span: np.ndarray) -> str:
    """The raw text of a span; Chinese and Thai have no spaces to re-insert, so nothing is joined."""
    start, end = characters(offsets, span)
    return context[start:end]
