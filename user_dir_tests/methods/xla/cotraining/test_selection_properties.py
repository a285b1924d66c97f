"""Properties of the texts that two members select, whatever the members, the pool and the share (XLA, section 3.3)."""

from __future__ import annotations

import math
from decimal import Decimal
from random import Random
from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.functional.selection import agreement, most_confident, unit_confidence

CLASSES = 3
SHARES = st.sampled_from([1, 20, "33.3", 50, "77.5", 80, 90, 99.9, 100]) | st.decimals(
    "0.01", 100, allow_nan=False, places=2
)


class Pool(NamedTuple):
    """Texts with 1 to 5 words each, and the probabilities that each of two members gives to every word."""

    sizes: np.ndarray
    members: list[np.ndarray]

    def permuted(self, order: np.ndarray) -> Pool:
        ends = np.cumsum(self.sizes)
        words = np.concatenate([np.arange(end - size, end) for end, size in zip(ends[order], self.sizes[order])])
        return Pool(self.sizes[order], [member[words] for member in self.members])


@st.composite
def pools(draw: st.DrawFn, pairs: bool | None = None) -> Pool:
    """Members that agree on most words; confidences of different texts differ."""
    count, rng = draw(st.integers(1, 40)), np.random.RandomState(draw(st.integers(0, 10**6)))
    one = draw(st.booleans()) if pairs is None else pairs
    sizes = np.ones(count, dtype=np.int64) if one else rng.randint(1, 6, count)
    logits = 3 * rng.randn(sizes.sum(), CLASSES)
    noise = draw(st.sampled_from([0.0, 0.3, 3.0]))
    powers = [np.exp(logits + noise * rng.randn(*logits.shape)) for _ in range(2)]
    return Pool(sizes, [p / p.sum(axis=1, keepdims=True) for p in powers])


def select(pool: Pool, share: str | float | Decimal, how: str = "intersection") -> tuple[np.ndarray, np.ndarray]:
    """Texts that two members select, and their labels."""
    found = [unit_confidence(member, pool.sizes) for member in pool.members]
    kept = [most_confident(confidence, share) for confidence, _, _ in found]
    return agreement(*kept, found[0][1], found[1][1], pool.sizes, how)


@settings(max_examples=200, deadline=None)
@given(pools(), SHARES)
def test_no_more_than_each_member_keeps(pool: Pool, share: str | float | Decimal) -> None:
    """|D'| <= floor(N eta / 100), counted in integers; the union has at most twice as many."""
    most = len(pool.sizes) * int(Decimal(str(share)) * 1000) // 100000
    rows, labels = select(pool, share)
    assert len(rows) <= most and len(labels) == pool.sizes[rows].sum()
    assert (np.diff(rows) > 0).all()
    union, _ = select(pool, share, "union")
    assert set(rows) <= set(union) and len(union) <= 2 * most


@settings(max_examples=100, deadline=None)
@given(pools())
def test_members_that_are_the_same_select_everything(pool: Pool) -> None:
    """With eta = 100, in both ways of agreeing."""
    twins = Pool(pool.sizes, [pool.members[0]] * 2)
    for how in ("intersection", "union"):
        rows, labels = select(twins, 100, how)
        assert rows.tolist() == list(range(len(pool.sizes)))
        assert labels.tolist() == pool.members[0].argmax(axis=1).tolist()


@settings(max_examples=100, deadline=None)
@given(pools(), SHARES)
def test_members_that_are_the_same_select_what_one_keeps(pool: Pool, share: str | float | Decimal) -> None:
    twins = Pool(pool.sizes, [pool.members[0]] * 2)
    rows, _ = select(twins, share)
    assert len(rows) == math.floor(Decimal(str(share)) * len(pool.sizes) / 100)
    confidence = unit_confidence(pool.members[0], pool.sizes)[0]
    rest = np.setdiff1d(np.arange(len(confidence)), rows)
    assert not len(rows) or not len(rest) or confidence[rows].min() > confidence[rest].max()


@settings(max_examples=200, deadline=None)
@given(pools(), SHARES, st.sampled_from(["intersection", "union"]), st.randoms(use_true_random=False))
def test_another_order_of_the_pool_selects_the_same(
    pool: Pool, share: str | float | Decimal, how: str, random: Random
) -> None:
    order = np.array(random.sample(range(len(pool.sizes)), len(pool.sizes)))
    rows, labels = select(pool, share, how)
    moved, moved_labels = select(pool.permuted(order), share, how)
    assert sorted(order[moved].tolist()) == rows.tolist()
    of = dict(zip(rows.tolist(), np.split(labels, np.cumsum(pool.sizes[rows])[:-1])))
    again = dict(zip(order[moved].tolist(), np.split(moved_labels, np.cumsum(pool.sizes[order][moved])[:-1])))
    assert all(of[row].tolist() == again[row].tolist() for row in of)


@settings(max_examples=100, deadline=None)
@given(pools(), SHARES)
def test_the_order_of_the_members_does_not_matter(pool: Pool, share: str | float | Decimal) -> None:
    one, other = select(pool, share), select(Pool(pool.sizes, pool.members[::-1]), share)
    assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


@settings(max_examples=100, deadline=None)
@given(pools(pairs=False), SHARES)
def test_agreed_sentences_have_the_labels_of_both(pool: Pool, share: str | float | Decimal) -> None:
    rows, labels = select(pool, share)
    chosen = np.repeat(np.isin(np.arange(len(pool.sizes)), rows), pool.sizes)
    for member in pool.members:
        assert np.array_equal(labels, member.argmax(axis=1)[chosen])


@settings(max_examples=50, deadline=None)
@given(pools())
def test_a_larger_share_keeps_what_a_smaller_one_kept(pool: Pool) -> None:
    """So eta 50, 80, 100 of successive epochs only lets texts in."""
    before: set[int] = set()
    for share in (20, 50, 80, 100):
        rows = set(select(pool, share)[0].tolist())
        assert before <= rows
        before = rows
