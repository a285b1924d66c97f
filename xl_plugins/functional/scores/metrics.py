"""Scores from additive counters, and figures over languages (XTREME, ICML 2020, sections 3 and 5).

Every score of a test set is a ratio of sums over its examples: correct / all, 2 hits / (true + predicted spans), and so
on. A :class:`Metric` names the counters of an example and the ratios, so that batches and ranks add up, and a bootstrap
resamples examples without knowing what was scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_NAN = float("nan")


def macro_mean(scores: Mapping[str, float]) -> float:
    """Plain mean over languages, the source language included; nan without any language."""
    return sum(scores.values()) / len(scores) if scores else float("nan")


def mean_without(scores: Mapping[str, float], source_language: str) -> float:
    """Mean over the languages other than the source language; nan when there is none."""
    return macro_mean({language: score for language, score in scores.items() if language != source_language})


def transfer_gap(scores: Mapping[str, float], source_language: str) -> float:
    """Score of the source language minus the mean of the others; nan when either side is missing."""
    return scores.get(source_language, float("nan")) - mean_without(scores, source_language)


@dataclass(frozen=True)
class Figure:
    """A ratio of weighted sums of counters, in percent: ``over`` / ``under``, each counter -> weight.

    ``shown``: part of every table, not only of the JSON. ``empty``: its value where there is nothing to divide by.
    """

    name: str
    title: str
    over: Mapping[str, float]
    under: Mapping[str, float]
    shown: bool = True
    empty: float = 0.0


@dataclass(frozen=True)
class Metric:
    """The counters of an example and the figures that come of them; the first figure is the score.

    Args:
        words: the figures in a title.
        fields: names of the counters.
        count: the counter that tells how large the test set is, ``counted`` the plural noun of what that is.
        given: counters that do not depend on predictions; equal in all systems scored on the same file.
        gap: figure that the transfer gap is of (QA: exact match, X-Mixup Table 8).
    """

    name: str
    words: str
    fields: tuple[str, ...]
    figures: tuple[Figure, ...]
    count: str
    counted: str
    given: tuple[str, ...]
    gap: str

    @property
    def primary(self) -> str:
        """Name of the figure that is the score."""
        return self.figures[0].name

    @property
    def shown(self) -> list[Figure]:
        return [figure for figure in self.figures if figure.shown]

    def figure(self, name: str) -> Figure:
        return next(figure for figure in self.figures if figure.name == name)

    def score(self, totals: Sequence[float] | np.ndarray, name: str | None = None) -> np.ndarray:
        """A figure in percent from sums of counters: (..., K) -> (...)."""
        figure, totals = self.figure(name or self.primary), np.asarray(totals, dtype=np.float64)
        over, under = (totals @ self._weights(weights) for weights in (figure.over, figure.under))
        return np.where(under > 0, 100.0 * over / np.where(under > 0, under, 1.0), figure.empty)

    def value(self, totals: Mapping[str, float], name: str | None = None) -> float:
        """A figure in percent from sums by their names; nan where they are of no example."""
        if not totals[self.count]:
            return _NAN
        return float(self.score([totals[field] for field in self.fields], name))

    def _weights(self, weights: Mapping[str, float]) -> np.ndarray:
        return np.array([weights.get(field, 0.0) for field in self.fields])

    def possible(self, totals: Sequence[float]) -> bool:
        """Whether counters can be those of a test set: no negative one, no figure above 100, not empty."""
        if len(totals) != len(self.fields) or not all(value >= 0 for value in totals):
            return False
        counts = dict(zip(self.fields, totals))
        return counts[self.count] > 0 and not any(self.score(totals, f.name) > 100 + 1e-9 for f in self.figures)


_F1 = Figure("f1", "F1", {"hits": 2}, {"true": 1, "predicted": 1})
_PRECISION = Figure("precision", "precision", {"hits": 1}, {"predicted": 1}, shown=False)
_RECALL = Figure("recall", "recall", {"hits": 1}, {"true": 1}, shown=False)
_SPANS = ("true", "predicted", "hits", "correct", "words")


def _token_accuracy(shown: bool) -> Figure:
    return Figure("accuracy", "accuracy", {"correct": 1}, {"words": 1}, shown)


ANSWERS = "qa"  # name of the metric of extractive question answering
_QA = (
    Figure("avg", "avg", {"exact": 1, "f1_sum": 1}, {"questions": 2}),
    Figure("em", "EM", {"exact": 1}, {"questions": 1}),
    Figure("f1", "F1", {"f1_sum": 1}, {"questions": 1}),
)

METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "accuracy", "accuracy", ("correct", "count"),
            (Figure("accuracy", "accuracy", {"correct": 1}, {"count": 1}),), "count", "examples", ("count",),
            "accuracy",
        ),
        Metric(  # PAN-X
            "span_f1", "span F1", _SPANS, (_F1, _PRECISION, _RECALL, _token_accuracy(False)), "words", "words",
            ("true", "words"), "f1",
        ),
        Metric(  # UDPOS: runs of equal tags are the spans
            "chunk_f1", "chunk F1 and token accuracy", _SPANS, (_F1, _token_accuracy(True), _PRECISION, _RECALL),
            "words", "words", ("true", "words"), "f1",
        ),
        Metric(
            ANSWERS, "exact match (EM), F1 and their mean (avg)", ("exact", "f1_sum", "questions"), _QA,
            "questions", "questions", ("questions",), "em",
        ),
        Metric(  # SQuAD 2.0: also of the questions that have an answer, and of those that have none
            "squad2", "SQuAD 2's exact match (EM) and F1",
            ("exact", "f1_sum", "questions", "has_exact", "has_f1_sum", "has_answer", "no_exact", "no_f1_sum",
             "no_answer"),
            (
                *_QA,
                Figure("has_em", "HasAns EM", {"has_exact": 1}, {"has_answer": 1}, empty=_NAN),
                Figure("has_f1", "HasAns F1", {"has_f1_sum": 1}, {"has_answer": 1}, empty=_NAN),
                Figure("no_em", "NoAns EM", {"no_exact": 1}, {"no_answer": 1}, empty=_NAN),
                Figure("no_f1", "NoAns F1", {"no_f1_sum": 1}, {"no_answer": 1}, shown=False, empty=_NAN),
            ),
            "questions", "questions", ("questions", "has_answer", "no_answer"), "em",
        ),
        Metric(  # Tatoeba: XTREME scores the nearest foreign sentence of every English one
            "retrieval_accuracy", "retrieval accuracy", ("to_source", "from_source", "count"),
            (
                Figure("accuracy", "en -> xx", {"from_source": 1}, {"count": 1}),
                Figure("accuracy_reverse", "xx -> en", {"to_source": 1}, {"count": 1}),
            ),
            "count", "pairs", ("count",), "accuracy",
        ),
        Metric(  # BUCC: the sets of gold and found pairs
            "set_f1", "F1", ("true", "predicted", "hits"), (_F1, _PRECISION, _RECALL), "true", "pairs", ("true",), "f1",
        ),
    )
}  # fmt: skip
