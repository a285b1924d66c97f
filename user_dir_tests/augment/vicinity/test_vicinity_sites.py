"""Which words are replaced: worked numbers, and what the released code does wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_plugins.augment.vicinity.sites import draw_sites, site_count


def drawn(eligible: int, count: int, samples: int, *seed: int) -> list[list[int]]:
    return [sites.tolist() for sites in draw_sites(np.arange(eligible), count, samples, seed or (1, 0, 0, 0))]


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        ("30", {1: 1, 3: 1, 4: 1, 6: 1, 7: 2, 10: 3, 13: 3, 25: 7, 40: 12}),
        ("40", {1: 1, 3: 1, 5: 2, 10: 4, 25: 10}),
        ("29", {100: 29}),  # 0.29 * 100 is less than 29 in binary
        ("100", {1: 1, 150: 150}),
        ("0.1", {150: 1}),
    ],
)
def test_number_of_sites(percent: str, expected: dict[int, int]) -> None:
    assert {words: site_count(words, percent) for words in expected} == expected


def test_choices_are_disjoint_while_words_last() -> None:
    sites = drawn(25, 7, 3)
    assert [len(one) for one in sites] == [7, 7, 7]
    assert len({word for one in sites for word in one}) == 21
    order = np.random.RandomState([1, 0, 0, 0]).permutation(25).tolist()
    assert [word for one in sites for word in one] == order[:21]


def test_a_used_up_permutation_is_drawn_anew() -> None:
    draw = np.random.RandomState([4, 9])
    first, second = draw.permutation(5).tolist(), draw.permutation(5).tolist()
    sites = drawn(5, 3, 3, 4, 9)
    rest = [word for word in second if word not in first[3:]]
    assert sites[0] == first[:3]
    assert sites[1] == [*first[3:], rest[0]]
    if len(sites) == 3:
        left = [word for word in second if word != rest[0]]
        assert sites[2] == left[:3]


def test_words_that_may_not_be_replaced_are_not() -> None:
    sites = draw_sites(np.array([2, 3, 11]), 2, 3, (1, 2, 3, 4))
    assert {word for one in sites for word in one.tolist()} == {2, 3, 11}


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_laws(eligible: int, count: int, samples: int, seed: int) -> None:
    sites = drawn(eligible, count, samples, seed, 3, 0, 0)
    size = min(count, eligible)
    assert 1 <= len(sites) <= samples
    assert all(len(one) == size == len(set(one)) and set(one) <= set(range(eligible)) for one in sites)
    assert len({frozenset(one) for one in sites}) == len(sites)  # no set twice
    whole = eligible // size  # choices of one permutation
    assert len(sites) >= min(whole, samples)
    assert sites == drawn(eligible, count, samples, seed, 3, 0, 0)


def test_a_set_that_was_drawn_before_is_left_out() -> None:
    assert sorted(drawn(2, 1, 3)) == [[0], [1]]  # the third choice can only be one of them
    assert len(drawn(4, 4, 5)) == 1
    assert drawn(0, 1, 3) == []


def test_every_part_of_the_seed_counts() -> None:
    base = drawn(40, 5, 2, 1, 2, 0, 0)
    others = [drawn(40, 5, 2, *seed) for seed in [(2, 2, 0, 0), (1, 3, 0, 0), (1, 2, 1, 0), (1, 2, 0, 1)]]
    assert all(one != base for one in others)
    assert base == drawn(40, 5, 2, 1, 2, 0, 0)  # whatever was drawn in between


def test_all_words_are_as_probable() -> None:
    counts = np.zeros(6)
    for sentence in range(6000):
        for sites in draw_sites(np.arange(6), 2, 1, (1, sentence, 0, 0)):
            counts[sites] += 1
    assert counts / 6000 == pytest.approx(np.full(6, 1 / 3), abs=0.025)  # four standard deviations
