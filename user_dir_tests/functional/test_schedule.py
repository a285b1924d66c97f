"""Scheduled sampling: p* of Eq. 6 and its draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.functional.draws.random import uniform
from xl_plugins.functional.schedule import draw_gold, gold_probability

TABLE = {
    1000: {0: 0.999001, 1000: 0.997289, 2000: 0.992665, 5000: 0.870767, 6908: 0.499939, 8000: 0.251196, 10000: 0.043428,
           20000: 0.000002},
    2000: {0: 0.999500, 10000: 0.930920, 15202: 0.499976, 20000: 0.083242, 30000: 0.000611},
}  # fmt: skip


@pytest.mark.parametrize("k, i, value", [(k, i, p) for k, row in TABLE.items() for i, p in row.items()])
def test_worked_probabilities(k: int, i: int, value: float) -> None:
    assert gold_probability(i, k) == pytest.approx(value, abs=6e-7)


@pytest.mark.parametrize("k, half", [(1000, 6907.755), (2000, 15201.805)])
def test_half_point(k: int, half: float) -> None:
    assert k * math.log(k) == pytest.approx(half, abs=6e-4)
    assert gold_probability(k * math.log(k), k) == pytest.approx(0.5, abs=1e-12)  # type: ignore[arg-type]
    assert gold_probability(k * math.log(9 * k), k) == pytest.approx(0.1, abs=1e-12)  # type: ignore[arg-type]
    assert gold_probability(k * math.log(99 * k), k) == pytest.approx(0.01, abs=1e-12)  # type: ignore[arg-type]


@settings(max_examples=80, deadline=None)
@given(st.floats(1, 1e5), st.integers(0, 200_000))
def test_probability_equals_the_formula_and_decreases(k: float, i: int) -> None:
    value = gold_probability(i, k)
    assert 0.0 <= value < 1.0
    if i / k < 600:
        assert value == pytest.approx(k / (k + math.exp(i / k)), rel=1e-9)
    later = gold_probability(i + max(1, int(k)), k)
    assert later < value or value < 1e-300


def test_start_and_no_overflow() -> None:
    for k in (1, 2.5, 1000):
        assert gold_probability(0, k) == pytest.approx(k / (k + 1), rel=1e-12)
        assert gold_probability(10**9, k) == 0.0


@pytest.mark.parametrize("k", [0, 0.999, -3, float("nan")])
def test_small_k_is_refused(k: float) -> None:
    with pytest.raises(ValueError, match="k must be at least 1"):
        gold_probability(0, k)


@pytest.mark.parametrize("k, update", [(1000, 0), (1000, 6908), (1000, 8000), (1000, 10000), (5, 9), (1, 0)])
def test_frequency_of_instance_draws(k: float, update: int) -> None:
    p, n = gold_probability(update, k), 10_000
    share = draw_gold(11, update, k, np.arange(n)).mean()
    assert abs(share - p) <= 4 * math.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("k, update", [(5, 9), (1, 0)])
def test_frequency_over_seeds_and_over_updates(k: float, update: int) -> None:
    p, n = gold_probability(update, k), 10_000
    over_seeds = np.mean([bool(draw_gold(seed, update, k)) for seed in range(n)])
    over_epochs = np.mean([bool(draw_gold(1, update, k, counter=epoch)) for epoch in range(n)])
    for share in (over_seeds, over_epochs):
        assert abs(share - p) <= 4 * math.sqrt(p * (1 - p) / n)


def test_update_draws_follow_the_decay() -> None:
    """Sum over updates of (draw - p*) stays within 4 sigma."""
    k, updates = 300, 4000
    p = np.array([gold_probability(i, k) for i in range(updates)])
    drawn = np.array([bool(draw_gold(2, i, k)) for i in range(updates)])
    assert abs((drawn - p).sum()) <= 4 * math.sqrt((p * (1 - p)).sum())
    assert 0.1 < drawn.mean() < 0.9


def test_draws_are_pure() -> None:
    ids = np.array([5, 3, 900])
    first = draw_gold(7, 12, 4, ids)
    np.random.random(100)
    assert draw_gold(7, 12, 4, ids).tolist() == first.tolist()
    assert draw_gold(7, 12, 4, ids[::-1]).tolist() == first[::-1].tolist()
    single = {tuple(draw_gold(seed, 12, 4, np.arange(64)).tolist()) for seed in range(5)}
    assert len(single) == 5


def test_drawn_gold_means_not_above_p() -> None:
    """u <= p*: with k = 1 at update 0, p* = 1/2 exactly."""
    ids = np.arange(2000)
    numbers = uniform(3, 0x5A, 0, ids)
    assert draw_gold(3, 0, 1, ids).tolist() == (numbers <= 0.5).tolist()
