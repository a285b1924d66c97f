"""Counters of every example from gold and predictions, one row each, as the metrics add them up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from .answers import em_f1, squad2_em_f1
from .spans import SpanScheme


def label_counters(gold: Sequence[object], predicted: Sequence[object]) -> np.ndarray:
    """``accuracy``: correct, count of each example (N, 2)."""
    correct = np.fromiter((g == p for g, p in zip(gold, predicted)), dtype=np.float64, count=len(gold))
    return np.column_stack([correct, np.ones(len(gold))])


def tag_numbers(sentences: Sequence[Sequence[str]], scheme: SpanScheme) -> tuple[np.ndarray, np.ndarray]:
    """Label index of every word (W,) and words per sentence (N,)."""
    sizes = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    index = {label: number for number, label in enumerate(scheme.labels)}
    return np.fromiter((index[tag] for tag in chain(*sentences)), dtype=np.int64, count=int(sizes.sum())), sizes


def tag_counters(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: SpanScheme) -> np.ndarray:
    """``span_f1``, ``chunk_f1``: true, predicted, hits, correct, words of each sentence (N, 5)."""
    (true, sizes), (found, _) = (tag_numbers(side, scheme) for side in (gold, predicted))
    return numbered_tag_counters(true, found, sizes, scheme)


def numbered_tag_counters(gold: np.ndarray, predicted: np.ndarray, sizes: np.ndarray, scheme: SpanScheme) -> np.ndarray:
    """:func:`tag_counters` of label indices of all words (W,), and words per sentence (N,)."""
    spans = scheme.counts(gold, predicted, sizes)
    sentence = np.repeat(np.arange(len(sizes)), sizes)
    correct = np.bincount(sentence, weights=gold == predicted, minlength=len(sizes))
    return np.column_stack([spans, correct, sizes]).astype(np.float64)


def answer_counters(
    golds: Sequence[Sequence[str]], predicted: Sequence[str | None], rules: str, language: str
) -> np.ndarray:
    """``qa``: exact, f1_sum, questions of each question (N, 3); None is a missing prediction and scores 0.

    ``rules``: squad or mlqa, whose normalisation depends on ``language``.
    """
    rows = [
        (0.0, 0.0) if answer is None else em_f1(answer, gold, rules, language) for answer, gold in zip(predicted, golds)
    ]
    return np.column_stack([np.array(rows, dtype=np.float64).reshape(-1, 2), np.ones(len(rows))])


def squad2_counters(
    golds: Sequence[Sequence[str]], predicted: Sequence[str | None], rules: str, language: str
) -> np.ndarray:
    """``squad2``: exact, f1_sum, questions of each question, the same of questions with an answer, of those without
    (N, 9); None is a missing prediction and scores 0."""
    pairs = zip(predicted, golds)
    rows = [(0.0, 0.0) if found is None else squad2_em_f1(found, gold, rules, language) for found, gold in pairs]
    values = np.column_stack([np.array(rows, dtype=np.float64).reshape(-1, 2), np.ones(len(rows))])
    answered = np.array([bool(gold) for gold in golds], dtype=np.float64)[:, None]
    return np.column_stack([values, values * answered, values * (1 - answered)])


def pair_counters(gold: Sequence[object], found: Sequence[object]) -> np.ndarray:
    """``set_f1``: true, predicted, hits of every gold or found pair, each counted once (N, 3)."""
    true, predicted = set(gold), set(found)
    union = list(dict.fromkeys([*gold, *found]))
    rows = [(pair in true, pair in predicted, pair in true and pair in predicted) for pair in union]
    return np.array(rows, dtype=np.float64).reshape(-1, 3)
