"""Answers from scores against the rules written as loops (Devlin et al., NAACL 2019: max context, n-best search)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.functional.scores import answer_span
from xl_plugins.functional.scores.answer_span import best_spans, max_context, position_probabilities

Windows = list[list[tuple[int, int]]]  # per question (first piece, pieces) of each window


@st.composite
def windowed(draw: st.DrawFn, most: int = 4) -> Windows:
    """Contexts cut into windows: the last one may be short, steps may equal the window or leave much overlap."""
    questions = []
    for _ in range(draw(st.integers(1, most))):
        context, budget = draw(st.integers(1, 25)), draw(st.integers(1, 12))
        step = draw(st.integers(1, budget))
        count = 1 + -(-max(context - budget, 0) // step)
        questions.append([(n * step, min(budget, context - n * step)) for n in range(count)])
    return questions


def arrays(questions: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    flat = np.array([window for question in questions for window in question])
    return flat[:, 0], flat[:, 1], np.array([len(question) for question in questions])


def is_max_context(windows: list[tuple[int, int]], current: int, piece: int) -> bool:
    """BERT's own loop: the window with the largest min(left, right) + length / 100; the first of equals."""
    best, best_score = None, None
    for number, (start, length) in enumerate(windows):
        if not start <= piece < start + length:
            continue
        score = min(piece - start, start + length - 1 - piece) + 0.01 * length
        if best_score is None or score > best_score:
            best, best_score = number, score
    return best == current


@settings(max_examples=200, deadline=None)
@given(windowed())
def test_max_context_is_berts_rule(questions: Windows) -> None:
    expected = [
        is_max_context(windows, number, piece)
        for windows in questions
        for number, (start, length) in enumerate(windows)
        for piece in range(start, start + length)
    ]
    assert max_context(*arrays(questions)).tolist() == expected


def test_every_piece_has_one_window_of_most_context() -> None:
    questions: Windows = [[(0, 10), (4, 10), (8, 7)], [(0, 3)]]
    flags, seen = iter(max_context(*arrays(questions)).tolist()), []
    for windows in questions:
        seen.append([p for start, length in windows for p in range(start, start + length) if next(flags)])
    assert [sorted(pieces) for pieces in seen] == [list(range(15)), [0, 1, 2]]


def slow_best(
    questions: Windows, values: np.ndarray, n_best: int, max_answer: int
) -> list[tuple[tuple[int, int], float]]:
    """Every pair of starts and ends among the n best of each window; the first window wins a tie."""
    found, at = [], 0
    for windows in questions:
        best, best_score = (-1, -1), -math.inf
        for number, (start, length) in enumerate(windows):
            part = values[at : at + length]
            at += length
            starts, ends = (sorted(range(length), key=lambda i, s=s: -part[i, s])[:n_best] for s in (0, 1))
            for first in starts:
                for last in ends:
                    allowed = first <= last < first + max_answer and is_max_context(windows, number, start + first)
                    likely = part[first, 0] > 0 and part[last, 1] > 0
                    score = np.log(part[first, 0]) + np.log(part[last, 1]) if likely else -math.inf
                    if allowed and score > best_score:
                        best, best_score = (start + first, start + last), score
        found.append((best, best_score))
    return found


@settings(max_examples=150, deadline=None)
@given(windowed(), st.integers(1, 8), st.integers(1, 6), st.integers(0, 10**6))
def test_search_equals_trying_all_pairs(questions: Windows, n_best: int, max_answer: int, seed: int) -> None:
    total = sum(length for windows in questions for _, length in windows)
    values = np.random.default_rng(seed).dirichlet(np.full(total, 0.3), 2).T.astype(np.float32)
    spans, scores = best_spans(values, *arrays(questions), n_best, max_answer)
    slow = slow_best(questions, values, n_best, max_answer)
    for span, score, (expected, best) in zip(spans.tolist(), scores.tolist(), slow):
        assert tuple(span) == expected
        assert score == pytest.approx(best, rel=1e-5) or score == best == -math.inf


@settings(max_examples=150, deadline=None)
@given(windowed(), st.integers(1, 5), st.integers(0, 10**6))
def test_ties_and_zeros(questions: Windows, n_best: int, seed: int) -> None:
    """Few distinct values: the score of the loop's best span; zero probability is never part of an answer."""
    total = sum(length for windows in questions for _, length in windows)
    values = np.random.default_rng(seed).choice([0.0, 0.25, 0.5], (total, 2)).astype(np.float32)
    spans, scores = best_spans(values, *arrays(questions), n_best, 4)
    expected = slow_best(questions, values, n_best, 4)
    assert [tuple(span) for span in spans.tolist()] == [span for span, _ in expected]
    assert scores.tolist() == pytest.approx([score for _, score in expected], rel=1e-6)


def test_no_allowed_span_gives_minus_one() -> None:
    """The only likely end lies before the only likely start."""
    values = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
    spans, scores = best_spans(values, np.array([0]), np.array([2]), np.array([1]), 1, 30)
    assert spans.tolist() == [[-1, -1]] and scores.tolist() == [-math.inf]
    spans, _ = best_spans(np.full((3, 2), 1 / 3, np.float32), np.array([0]), np.array([3]), np.array([1]), 3, 1)
    assert spans[0, 0] == spans[0, 1] != -1, "at most one piece"


def test_answer_may_start_only_in_the_window_of_most_context() -> None:
    """Piece 3 is the last of the first window and second of the next; only there may an answer start with it."""
    values = np.full((8, 2), 1e-3, np.float32)
    values[3] = 0.9, 0.9  # piece 3 in window 0
    values[5] = 0.2, 0.2  # piece 3 in window 1
    spans, scores = best_spans(values, np.array([0, 2]), np.array([4, 4]), np.array([2]), 20, 30)
    assert spans.tolist() == [[3, 3]] and scores[0] == pytest.approx(2 * math.log(0.2))


def test_blocks_of_windows_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    questions: Windows = [[(0, 9), (3, 9), (6, 5)], [(0, 4)], [(0, 12), (6, 8)]]
    columns = arrays(questions)
    values = np.random.default_rng(4).random((int(columns[1].sum()), 2)).astype(np.float32)
    whole = best_spans(values, *columns, 5, 6)
    for rows in (1, 2, 4):
        monkeypatch.setattr(answer_span, "_ROWS", rows)
        for one, other in zip(whole, best_spans(values, *columns, 5, 6)):
            assert np.array_equal(one, other)


def test_tied_search_does_not_depend_on_the_other_windows() -> None:
    """Ties everywhere: a question answered alone or with a far longer one beside it has the same answer."""
    draw = np.random.default_rng(5)
    for _ in range(20):
        length = int(draw.integers(5, 60))
        values = draw.choice([0.125, 0.25], (length + 380, 2)).astype(np.float32)
        alone = best_spans(values[:length], np.array([0]), np.array([length]), np.array([1]), 20, 30)
        both = best_spans(values, np.array([0, 0]), np.array([length, 380]), np.array([1, 1]), 20, 30)
        assert both[0][0].tolist() == alone[0][0].tolist() and both[1][0] == alone[1][0]


# -- probabilities --


def test_probabilities_sum_to_one_over_all_windows_of_a_question() -> None:
    generator = torch.Generator().manual_seed(1)
    scores = 20 * torch.randn(30, 2, generator=generator)
    questions = torch.tensor([0] * 7 + [1] * 3 + [2] * 20)
    values = position_probabilities(scores, questions, 3)
    sums = torch.zeros(3, 2).index_add(0, questions, values)
    torch.testing.assert_close(sums, torch.ones(3, 2), atol=1e-5, rtol=0)
    for number in range(3):
        torch.testing.assert_close(values[questions == number], scores[questions == number].softmax(dim=0))


def test_probabilities_keep_the_order_of_summed_scores() -> None:
    scores = 3 * torch.randn(9, 2, generator=torch.Generator().manual_seed(2))
    values = position_probabilities(scores, torch.zeros(9, dtype=torch.long), 1)
    spans = [(i, j) for i in range(9) for j in range(i, 9)]
    by_score = sorted(spans, key=lambda span: float(scores[span[0], 0] + scores[span[1], 1]))
    assert sorted(spans, key=lambda span: float(values[span[0], 0].log() + values[span[1], 1].log())) == by_score


def test_large_scores_stay_finite() -> None:
    values = position_probabilities(torch.tensor([[1e4, -1e4], [-1e4, 1e4]]), torch.tensor([0, 0]), 1)
    assert values.tolist() == [[1.0, 0.0], [0.0, 1.0]]
