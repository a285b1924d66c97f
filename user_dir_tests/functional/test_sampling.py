"""Mixing of sets, lengths and rates of one training, order of trainings, and sub-samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.functional.selection import (
    draw_batches,
    linear_factor,
    sampling_probabilities,
    subsample,
    training_length,
    training_order,
)

MIXES = [
    ([14041, 6642], 0.7, [0.628082, 0.371918]),
    ([14041, 6642], 1.0, [0.678867, 0.321133]),
    ([100, 0, 900], 0.7, [0.176818, 0, 0.823182]),
    ([19635, 9000, 60000, 50000], 0.7, [0.175788, 0.101821, 0.384213, 0.338178]),
    ([100, 0, 900], 0.0, [0.5, 0, 0.5]),
]


@pytest.mark.parametrize(("sizes", "alpha", "expected"), MIXES)
def test_worked_probabilities(sizes: list[int], alpha: float, expected: list[float]) -> None:
    found = sampling_probabilities(sizes, alpha)
    assert found.tolist() == pytest.approx(expected, abs=6e-7)
    assert found.sum() == pytest.approx(1, abs=1e-12) and found.dtype == np.float64


def test_probabilities_of_a_large_exponent_do_not_vanish() -> None:
    assert sampling_probabilities([1, 2, 3], 2000).tolist() == pytest.approx([0, 0, 1], abs=1e-12)


def test_nothing_to_sample_from() -> None:
    with pytest.raises(ValueError, match="all sets are empty"):
        sampling_probabilities([0, 0], 0.7)


def test_drawn_sets_follow_the_probabilities() -> None:
    """Over 20 000 draws within 0.015, the empty set never."""
    for sizes, alpha, expected in MIXES[:4]:
        ends = np.cumsum(sizes)
        batches = draw_batches(sizes, sampling_probabilities(sizes, alpha), 4, 20_000, [1, 7])
        sets = np.searchsorted(ends, [batch[0] for batch in batches], side="right")
        shares = np.bincount(sets, minlength=len(sizes)) / len(batches)
        assert np.abs(shares - expected).max() < 0.015
        assert all(shares[np.array(sizes) == 0] == 0)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any),
    st.integers(1, 4),
    st.integers(0, 30),
    st.integers(0, 99),
)
def test_every_set_is_read_in_whole_permutations(sizes: list[int], batch_size: int, count: int, seed: int) -> None:
    probabilities = sampling_probabilities(sizes, 0.7)
    batches = draw_batches(sizes, probabilities, batch_size, count, [seed, 3])
    assert len(batches) == count and all(batch.dtype == np.int64 for batch in batches)
    ends = np.cumsum(sizes)
    streams: dict[int, list[np.ndarray]] = {}
    for batch in batches:
        sets = set(np.searchsorted(ends, batch, side="right").tolist())
        assert len(sets) == 1  # one set per micro-batch
        streams.setdefault(sets.pop(), []).append(batch)
    for number, parts in streams.items():
        size, start = sizes[number], ends[number] - sizes[number]
        per_order = -(-size // batch_size)  # the last one may be short
        for first in range(0, len(parts), per_order):
            order = parts[first : first + per_order]
            flat = np.concatenate(order)
            assert len(set(flat.tolist())) == len(flat)
            assert all(len(batch) == batch_size for batch in order[: size // batch_size])
            if len(order) == per_order:
                assert sorted(flat.tolist()) == list(range(start, start + size))


def test_batches_are_a_function_of_the_seed() -> None:
    sizes, probabilities = [50, 30], sampling_probabilities([50, 30], 0.7)
    lists = [
        [batch.tolist() for batch in draw_batches(sizes, probabilities, 4, 30, seed)]
        for seed in ([1, 5], [1, 5], [1, 6], [2, 5])
    ]
    assert lists[0] == lists[1]
    assert lists[0] != lists[2] and lists[0] != lists[3] and lists[2] != lists[3]
    assert any(batch != sorted(batch) for batch in lists[0])


def test_batches_leave_the_global_generator_alone() -> None:
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    draw_batches([5], np.ones(1), 2, 4, [1])
    subsample(10, 50, 1)
    assert np.random.get_state()[1].tolist() == before


def test_empty_set_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="an empty set has a probability above 0"):
        draw_batches([5, 0], np.array([0.5, 0.5]), 2, 4, [1])


def test_worked_lengths() -> None:
    assert training_length(20683, 1, 4, 4, 1) == (1292, 129)
    assert training_length(177000, 1, 16, 2, 1) == (5531, 553)
    assert training_length(177000, 1, 4, 2, 4) == (5531, 553)
    assert training_length(177000, "0.5", 16, 2, 1) == (2765, 276)
    assert training_length(31, 1, 16, 2, 1) == (0, 0)
    assert training_length(100, 1, 1, 1, 1, 0.29) == (100, 29)
    assert training_length(9, 1, 1, 1, 1) == (9, 0)


def test_worked_rates() -> None:
    found = [linear_factor(step, 100, 10) for step in (0, 5, 9, 10, 11, 55, 99)]
    assert found == pytest.approx([0, 0.5, 0.9, 1, 0.9889, 0.5, 0.0111], abs=6e-5)
    assert [linear_factor(step, 7, 0) for step in (0, 1, 6)] == pytest.approx([1, 0.8571, 0.1429], abs=6e-5)


def test_rates_at_the_ends() -> None:
    assert linear_factor(100, 100, 10) == linear_factor(150, 100, 10) == 0
    assert linear_factor(3, 4, 4) == 0.75 and linear_factor(4, 4, 4) == 0
    rates = [linear_factor(step, 50, 5) for step in range(51)]
    assert rates.index(max(rates)) == 5 and min(rates) == 0


def test_order_of_trainings() -> None:
    """Six per epoch, the third index being the trained one."""
    first = [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)]
    order = training_order(3)
    assert len(order) == 18
    assert [(k + 1, j + 1, trained + 1) for _, k, j, trained in order] == first * 3
    assert [epoch for epoch, *_ in order] == [1] * 6 + [2] * 6 + [3] * 6
    for epoch in (1, 2, 3):
        assert sorted(trained for e, _, _, trained in order if e == epoch) == [0, 0, 1, 1, 2, 2]


def test_subsample_is_a_prefix_of_one_order() -> None:
    """So a larger share contains the smaller one."""
    rows = subsample(1000, 5, 1)
    assert len(rows) == 50 and rows.dtype == np.int64
    assert (np.diff(rows) > 0).all() and rows.min() >= 0 and rows.max() < 1000
    expected = np.arange(1000)
    np.random.RandomState(1).shuffle(expected)
    assert rows.tolist() == sorted(expected[:50].tolist())
    assert set(rows) < set(subsample(1000, "7.5", 1)) and len(subsample(1000, "7.5", 1)) == 75
    assert subsample(10, 100, 4).tolist() == list(range(10))
    assert subsample(19, 5, 4).tolist() == []


def test_subsamples_of_two_seeds_overlap_unless_excluded() -> None:
    source, target = subsample(1000, 50, 1), subsample(1000, 50, 2)
    assert 200 < len(set(source) & set(target)) < 300
    disjoint = subsample(1000, 50, 2, exclude=source)
    assert len(disjoint) == 500 and not set(source) & set(disjoint)
    assert len(subsample(1000, 5, 2, exclude=source)) == 50  # the percentage counts all rows
    with pytest.raises(ValueError, match="51 % of 1000 rows are 510, but only 500 are not excluded"):
        subsample(1000, 51, 2, exclude=source)
