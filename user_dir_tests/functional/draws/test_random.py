"""Hashes of counters in all their forms, and uniform numbers: determinism, uniformity, independence over counters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xl_plugins.functional.draws.random import (
    hash_integers,
    signed,
    step_array,
    step_integer,
    step_tensor,
    stream,
    uniform,
)

counters = st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=5)


@settings(max_examples=100, deadline=None)
@given(counters)
def test_same_counters_give_the_same_number_in_range(words: list[int]) -> None:
    value = float(uniform(*words))
    assert 0.0 <= value < 1.0
    assert float(uniform(*words)) == value


@settings(max_examples=50, deadline=None)
@given(counters, st.lists(st.integers(0, 10**9), min_size=1, max_size=6))
def test_arrays_equal_single_calls(words: list[int], ids: list[int]) -> None:
    together = uniform(*words, np.array(ids))
    assert together.shape == (len(ids),)
    assert together.tolist() == [float(uniform(*words, i)) for i in ids]


def test_two_arrays_broadcast() -> None:
    grid = uniform(1, np.arange(3)[:, None], np.arange(4)[None])
    assert grid.shape == (3, 4)
    assert grid[2, 3] == float(uniform(1, 2, 3))


def test_generators_are_neither_read_nor_moved() -> None:
    np.random.seed(0), torch.manual_seed(0)
    before = uniform(3, 4)
    states = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    uniform(3, 4, np.arange(10))
    assert (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == states
    np.random.seed(5), torch.manual_seed(5)
    assert uniform(3, 4) == before


SIZE = 20_000


@pytest.mark.parametrize(
    "numbers",
    [
        uniform(1, 2, np.arange(SIZE)),
        uniform(1, np.arange(SIZE), 2),
        uniform(np.arange(SIZE), 1, 2),
        uniform(1, 2, np.arange(SIZE) << 32),
        uniform(1, 2, -np.arange(SIZE)),
    ],
    ids=["id", "update", "seed", "high bits", "negative"],
)
def test_numbers_are_uniform(numbers: np.ndarray) -> None:
    counts = np.histogram(numbers, bins=20, range=(0, 1))[0]
    chi_square = ((counts - SIZE / 20) ** 2 / (SIZE / 20)).sum()
    assert chi_square < 43.8  # 19 degrees of freedom, p = 0.001
    assert abs(numbers.mean() - 0.5) < 4 / np.sqrt(12 * SIZE)
    assert len(np.unique(numbers)) == SIZE
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 4 / np.sqrt(SIZE)


@pytest.mark.parametrize("other", [(2, 90, 7), (1, 91, 7), (1, 90, 8), (90, 1, 7)])
def test_neighbouring_streams_are_uncorrelated(other: tuple[int, int, int]) -> None:
    ids = np.arange(SIZE)
    assert abs(np.corrcoef(uniform(1, 90, 7, ids), uniform(*other, ids))[0, 1]) < 4 / np.sqrt(SIZE)


def test_order_and_number_of_counters_matter() -> None:
    assert (
        len({float(uniform(*w)) for w in ((1, 2), (2, 1), (1,), (2,), (1, 2, 0), (0, 1, 2), (3,), (0,), (0, 0))}) == 9
    )


# -- steps of the hash --

EDGES = [0, 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, 0x9E3779B97F4A7C15, 2**64 - 0x9E3779B97F4A7C15]


def test_published_outputs() -> None:
    """The first outputs of SplitMix64 from seed 1234567, as other implementations test theirs."""
    increment, expected = 0x9E3779B97F4A7C15, [6457827717110365317, 3203168211198807973, 9817491932198370423]
    seeds = [(1234567 + number * increment) % 2**64 for number in range(3)]
    assert [step_integer(seed) for seed in seeds] == expected


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=9))
@example(EDGES)
def test_integers_and_arrays_step_alike(states: list[int]) -> None:
    expected = [step_integer(state) for state in states]
    array = np.array(states, dtype=np.uint64)
    assert step_array(array).tolist() == expected
    tensor = torch.tensor([signed(state) for state in states])
    assert step_tensor(tensor).tolist() == [signed(state) for state in expected]
    assert array.tolist() == states and tensor.tolist() == [signed(state) for state in states], "left as they were"


@given(counters)
def test_hash_is_what_uniform_numbers_come_from(words: list[int]) -> None:
    assert float(uniform(*words)) == (step_integer(hash_integers(*words)) >> 11) / 2**53
    assert hash_integers(*words) == hash_integers(*(word + 2**64 for word in words))


def test_streams() -> None:
    assert stream(7).permutation(5).tolist() == np.random.RandomState(7).permutation(5).tolist()
    assert stream((1, 3)).random_sample() == stream([1, 3]).random_sample() != stream([3, 1]).random_sample()
    assert stream(7).random_sample() != stream([7]).random_sample()
