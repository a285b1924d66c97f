"""Generators of views, and the ranges of options."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.augment.primitives.base import check_not_negative, check_ratio, generator
from xl_plugins.errors import UserError

numbers = st.integers(-(2**63), 2**63 - 1)


@settings(max_examples=50, deadline=None)
@given(numbers, numbers, numbers, numbers)
def test_same_integers_give_the_same_stream(seed: int, epoch: int, example: int, view: int) -> None:
    first, again = generator(seed, epoch, example, view), generator(seed, epoch, example, view)
    assert [first.random() for _ in range(5)] == [again.random() for _ in range(5)]


def test_streams_differ_in_every_integer_and_in_their_order() -> None:
    keys = [(s, e, i, v) for s in range(3) for e in range(4) for i in range(60) for v in range(2)]
    assert len({generator(*key).random() for key in keys}) == len(keys)
    assert generator(1, 2, 3, 0).random() != generator(2, 1, 3, 0).random()


def test_first_numbers_of_neighbouring_examples_are_uniform_and_uncorrelated() -> None:
    size = 4000
    first = [generator(1, 1, example, 0).random() for example in range(size)]
    second = [generator(1, 1, example, 1).random() for example in range(size)]
    cells = [sum(int(value * 20) == cell for value in first) for cell in range(20)]
    assert sum((count - size / 20) ** 2 / (size / 20) for count in cells) < 43.8  # 19 degrees of freedom, p = 0.001
    for other in (second, first[1:] + first[:1]):
        product = sum((a - 0.5) * (b - 0.5) for a, b in zip(first, other)) / size
        assert abs(product) * 12 < 4 / math.sqrt(size)


def test_global_random_state_is_left_alone() -> None:
    random.seed(3)
    state = random.getstate()
    generator(1, 2, 3, 4).random()
    assert random.getstate() == state


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_ratios_outside_the_unit_interval_are_refused(value: float) -> None:
    with pytest.raises(UserError, match=r"^--cs-ratio .*between 0 and 1"):
        check_ratio("--cs-ratio", value)


@pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf])
def test_negative_and_infinite_values_are_refused(value: float) -> None:
    with pytest.raises(UserError, match=r"^--ss-alpha .*finite"):
        check_not_negative("--ss-alpha", value)


def test_ends_of_the_ranges_are_allowed() -> None:
    assert [check_ratio("--x", value) for value in (0, 0.5, 1)] == [0, 0.5, 1]
    assert check_not_negative("--x", 0.0) == 0.0
