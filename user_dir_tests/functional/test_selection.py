"""Distillation and agreement: worked numbers, ties, counts and slow loops."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.functional.selection import agreement, keep_count, most_confident, unit_confidence

LOGITS = [[2, 0.5, -1], [0.2, 0.1, 0], [-1, 3, 0], [0.5, 2, -1], [4, 0, 0]]


def probabilities(logits: list[list[float]]) -> np.ndarray:
    powers = np.exp(np.asarray(logits, dtype=np.float64))
    return powers / powers.sum(axis=1, keepdims=True)


def ones(count: int) -> np.ndarray:
    return np.ones(count, dtype=np.int64)


# -- confidence --


def test_worked_confidences_of_pairs() -> None:
    confidence, labels, losses = unit_confidence(probabilities(LOGITS), ones(5))
    assert confidence.tolist() == pytest.approx([0.785597, 0.367165, 0.936240, 0.785597, 0.964663], abs=6e-7)
    assert labels.tolist() == [0, 0, 1, 1, 0]
    assert losses.tolist() == pytest.approx([-math.log(x) for x in confidence], abs=1e-12)
    assert (confidence.dtype, labels.dtype, losses.dtype) == (np.float64, np.int64, np.float64)


def test_worked_confidences_of_sentences() -> None:
    """The mean over words of the largest probability, not of its logarithm or product."""
    confidence, labels, losses = unit_confidence(probabilities([[3, 0, 0], [0, 0, 1], [1, 1, 0]]), np.array([2, 1]))
    words = [0.909443, 0.576117]
    assert confidence.tolist() == pytest.approx([sum(words) / 2, 0.422319], abs=6e-7)
    assert confidence[0] == pytest.approx(0.742780, abs=6e-7)
    assert losses.tolist() == pytest.approx([0.323184, 0.861995], abs=6e-7)
    assert labels.tolist() == [0, 2, 0]  # of equal probabilities the first


def test_half_precision_ties_stay_ties() -> None:
    rows = np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4]], dtype=np.float16)
    confidence, labels, _ = unit_confidence(rows, ones(2))
    assert labels.tolist() == [0, 1]
    assert confidence[0] == confidence[1] == np.float64(np.float16(0.4))


def test_confidence_of_nothing_is_empty() -> None:
    assert [len(x) for x in unit_confidence(np.zeros((0, 3)), ones(0))] == [0, 0, 0]


def test_unit_without_rows_is_named() -> None:
    with pytest.raises(ValueError, match="unit 1 has no row"):
        unit_confidence(probabilities(LOGITS), np.array([2, 0, 3]))
    with pytest.raises(ValueError, match="4 rows by their sizes, but probabilities of 5"):
        unit_confidence(probabilities(LOGITS), np.array([2, 2]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(0, 10**6))
def test_confidences_are_the_same_in_any_order(sizes: list[int], seed: int) -> None:
    """Bitwise: else a permuted pool could be selected differently."""
    rng = np.random.RandomState(seed)
    units = [rng.dirichlet(np.ones(3), size) for size in sizes]
    order = rng.permutation(len(units))
    confidence, labels, losses = unit_confidence(np.concatenate(units), np.array(sizes))
    again = unit_confidence(np.concatenate([units[i] for i in order]), np.array(sizes)[order])
    assert np.array_equal(again[0], confidence[order])
    assert np.array_equal(again[2], losses[order])
    for unit, value, loss in zip(units, confidence, losses):
        assert value == pytest.approx(sum(max(row) for row in unit.tolist()) / len(unit), abs=1e-12)
        assert loss == pytest.approx(-sum(math.log(max(row)) for row in unit.tolist()) / len(unit), abs=1e-12)
    assert labels.tolist() == [row.index(max(row)) for unit in units for row in unit.tolist()]


# -- counts --


@pytest.mark.parametrize(
    ("percent", "kept"),
    [(20, [4]), (50, [2, 4]), (60, [0, 2, 4]), (79, [0, 2, 4]), (80, [0, 2, 3, 4]), (100, range(5))],
)
def test_worked_selection(percent: float, kept: list[int]) -> None:
    """50 % of 5 is 2; of the equal rows 0 and 3 the first is taken."""
    found = most_confident(unit_confidence(probabilities(LOGITS), ones(5))[0], percent)
    assert found.tolist() == list(kept) and found.dtype == np.int64


def test_counts_are_exact_decimals() -> None:
    assert keep_count(61, "77.5") == keep_count(61, 77.5) == keep_count(61, Decimal("77.5")) == 47
    assert keep_count(100, 29) == keep_count(100, 29.0) == 29
    assert math.floor(100 * 0.29) == 28  # what binary rounding would give
    assert keep_count(1000, "0.1") == keep_count(1000, np.float64(0.1)) == 1
    assert keep_count(3, 20) == keep_count(0, 80) == 0


@pytest.mark.parametrize("total", [7, 100, 392702, 14041])
def test_counts_against_integers(total: int) -> None:
    for tenths in range(0, 1001, 7):
        assert keep_count(total, tenths / 10) == total * tenths // 1000


def test_nothing_kept_is_legal() -> None:
    assert most_confident(np.array([0.9, 0.8]), 40).tolist() == []
    assert most_confident(np.zeros(0), 80).tolist() == []


@pytest.mark.parametrize("percent", [-1, 100.5, "101"])
def test_no_percentage(percent: str | float) -> None:
    with pytest.raises(ValueError, match="percentage from 0 to 100, got"):
        keep_count(10, percent)


# -- agreement --


def test_worked_agreement_of_pairs() -> None:
    """Kept by both: 1, 3 and 4; row 3 differs in its label."""
    kept, labels = agreement([0, 1, 3, 4], [1, 3, 4], np.array([1, 2, 0, 1, 2]), np.array([0, 2, 0, 0, 2]), ones(5))
    assert kept.tolist() == [1, 4] and labels.tolist() == [2, 2]
    assert kept.dtype == np.int64


def test_worked_union_of_pairs() -> None:
    """Row 0 is kept by one peer alone, whose label it gets; row 3 is kept by both with different labels."""
    labels = np.array([1, 2, 0, 1, 2]), np.array([0, 2, 0, 0, 2])
    kept, found = agreement([0, 1, 3, 4], [1, 3, 4], *labels, ones(5), "union")
    assert kept.tolist() == [0, 1, 4] and found.tolist() == [1, 2, 2]
    kept, found = agreement([1, 3, 4], [0, 1, 3, 4], *labels, ones(5), "union")
    assert kept.tolist() == [0, 1, 4] and found.tolist() == [0, 2, 2]


def test_worked_agreement_of_sentences() -> None:
    """One word that differs drops its sentence."""
    every = np.arange(3)
    first, second = np.array([0, 1, 2, 2, 0, 1]), np.array([0, 1, 2, 1, 0, 1])
    kept, labels = agreement(every, every, first, second, np.array([2, 3, 1]))
    assert kept.tolist() == [0, 2] and labels.tolist() == [0, 1, 1]


def test_agreement_of_nothing_is_empty() -> None:
    empty = np.zeros(0, dtype=np.int64)
    for how in ("intersection", "union"):
        kept, labels = agreement(empty, empty, np.array([1, 2]), np.array([1, 2]), ones(2), how)
        assert kept.tolist() == [] and labels.tolist() == []
        assert agreement(empty, empty, empty, empty, empty, how)[0].tolist() == []


def test_agreement_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="3 rows by their sizes, but 3 and 2 labels"):
        agreement(np.array([0]), np.array([0]), np.zeros(3), np.zeros(2), ones(3))
    with pytest.raises(ValueError, match="got 'both'"):
        agreement(np.array([0]), np.array([0]), np.zeros(1), np.zeros(1), ones(1), "both")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=15), st.integers(0, 10**6), st.booleans())
def test_agreement_against_a_loop(sizes: list[int], seed: int, union: bool) -> None:
    rng = np.random.RandomState(seed)
    labels = [[rng.randint(2, size=size) for size in sizes] for _ in "kj"]
    kept = [np.flatnonzero(rng.rand(len(sizes)) < 0.7) for _ in "kj"]
    expected = {}
    for row in range(len(sizes)):
        chosen = [peer for peer in (0, 1) if row in kept[peer]]
        if len(chosen) == 2 and labels[0][row].tolist() == labels[1][row].tolist():
            expected[row] = labels[0][row]
        elif len(chosen) == 1 and union:
            expected[row] = labels[chosen[0]][row]
    found, flat = agreement(
        *kept, *(np.concatenate(x) for x in labels), np.array(sizes), "union" if union else "intersection"
    )
    assert found.tolist() == list(expected)
    assert flat.tolist() == [label for row in expected.values() for label in row.tolist()]
