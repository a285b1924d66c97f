"""Updates of an epoch: every example once, the same updates for every split, micro-batches that fit."""

from __future__ import annotations

import time
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_plugins.functional.draws.updates import Plan, Shares, arrange, plan_epoch, update_sizes

SEED = (1, 3)


def lengths(total: int, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).randint(3, 60, total)


def by_length(sizes: np.ndarray, seed: int = 0) -> np.ndarray:
    """As the data sets order their examples."""
    order = np.random.RandomState(seed).permutation(len(sizes))
    return order[np.argsort(sizes[order] // 8, kind="stable")]


def planned(sizes: np.ndarray, shares: Shares, whole_only: bool = False) -> Plan:
    return plan_epoch(by_length(sizes), sizes, sizes, shares, SEED, whole_only)


def epoch(plan: Plan, shares: Shares, shuffled: bool = True) -> list[list[list[int]]]:
    """Micro-batches of every update as fairseq's processes take them: step after step, in a step rank after rank."""
    batches = plan.batches()
    ranks = [arrange(plan, shares, rank, SEED if shuffled else None) for rank in range(shares.ranks)]
    assert len({len(rank) for rank in ranks}) == 1
    updates = []
    for start in range(0, len(ranks[0]), shares.steps):
        taken = [
            batches[rank[i]].tolist() for i in range(start, start + shares.steps) for rank in ranks if i < len(rank)
        ]
        updates.append(taken)
    return updates


def examples(updates: list[list[list[int]]]) -> list[list[int]]:
    return [sorted(chain.from_iterable(update)) for update in updates]


@given(total=st.integers(1, 90), rows=st.integers(1, 6), ranks=st.integers(1, 4), steps=st.integers(1, 4))
def test_any_split_makes_the_same_updates(total: int, rows: int, ranks: int, steps: int) -> None:
    """As one process with all rows at once; every example once, no micro-batch too large, an update's processes that
    have anything end with it."""
    sizes = lengths(total)
    split, whole = Shares(ranks, steps, rows), Shares(1, 1, rows * ranks * steps)
    updates = epoch(planned(sizes, split), split)
    assert examples(updates) == examples(epoch(planned(sizes, whole), whole))
    assert sorted(chain.from_iterable(examples(updates))) == list(range(total))
    assert all(len(piece) <= rows for update in updates for piece in update)
    full, rest = divmod(total, rows * ranks * steps)
    assert [len(update) for update in examples(updates)[:full]] == [rows * ranks * steps] * full
    for update in updates:
        assert max(map(len, update)) - min(map(len, update)) <= 1
        last = update[-ranks:]
        assert sum(1 for piece in last if piece) == min(ranks, sum(map(len, update)))
    assert len(updates) == full + (rest > 0)


@given(
    total=st.integers(1, 90), rows=st.sampled_from([None, 3, 8]), tokens=st.integers(60, 200),
    split=st.sampled_from([(1, 4), (4, 1), (2, 2)]),
)  # fmt: skip
def test_batches_by_tokens(total: int, rows: int | None, tokens: int, split: tuple[int, int]) -> None:
    """Padded they fit; ranks and accumulation of the same product make the same updates."""
    sizes = lengths(total)
    shares, alone = Shares(*split, rows, tokens), Shares(1, 4, rows, tokens)
    updates = epoch(planned(sizes, shares), shares)
    assert examples(updates) == examples(epoch(planned(sizes, alone), alone))
    assert sorted(chain.from_iterable(examples(updates))) == list(range(total))
    for piece in (piece for update in updates for piece in update if piece):
        assert len(piece) * sizes[piece].max() <= tokens and len(piece) <= (rows or total)


def test_whole_updates_are_shuffled_by_seed_and_epoch() -> None:
    sizes, shares = lengths(83), Shares(2, 2, 2)
    plan = planned(sizes, shares)
    straight = examples(epoch(plan, shares, shuffled=False))
    longest = [sizes[update].max() // 8 for update in straight[:-1]]
    assert longest == sorted(longest)
    batches = plan.batches()
    orders = [arrange(plan, shares, 0, seed).tolist() for seed in ((1, 1), (1, 2), (2, 1), (1, 1))]
    assert orders[0] == orders[3] and orders[0] != orders[1] != orders[2] != orders[0]
    assert len(batches) == 4 * 11 and [len(one) for one in orders] == [22] * 4
    assert all(order[-2:] == [40, 42] for order in orders), "the short update is the last one"


def test_pieces_of_a_step_are_close_in_length() -> None:
    sizes = lengths(640)
    for update in epoch(planned(sizes, Shares(4, 2, 8)), Shares(4, 2, 8)):
        means = [sizes[piece].mean() for piece in update]
        assert all(a <= b for a, b in pairwise(means))


def test_the_short_update_is_no_longer_than_others() -> None:
    """Its examples are drawn from all, not the longest ones that are left."""
    sizes, shares = np.arange(1000), Shares(1, 1, 300)
    plan = plan_epoch(np.arange(1000), sizes, sizes, shares, SEED, False)
    assert plan.sizes.tolist() == [300, 300, 300, 100]
    assert 400 < sizes[plan.ids[900:]].mean() < 600


@pytest.mark.parametrize("total, expected", [(10, [4, 4]), (8, [4, 4]), (3, [3])])
def test_whole_updates_alone(total: int, expected: list[int]) -> None:
    """--skip-remainder-batch; the only update is kept."""
    shares = Shares(2, 1, 2)
    assert [len(update) for update in examples(epoch(planned(lengths(total), shares, True), shares))] == expected


@pytest.mark.parametrize(
    "one, other, same",
    [
        (Shares(1, 4, 4), Shares(4, 1, 4), True), (Shares(1, 4, 4), Shares(1, 1, 16), True),
        (Shares(1, 4, 4), Shares(1, 4, 2), False), (Shares(2, 2, None, 90), Shares(4, 1, None, 90), True),
        (Shares(1, 1, None, 180), Shares(2, 1, None, 90), False),
    ],
)  # fmt: skip
def test_which_splits_train_alike(one: Shares, other: Shares, same: bool) -> None:
    assert (one.same == other.same) == same


def test_worked_example() -> None:
    """Seven examples of 10 to 70 tokens, at most 100 padded tokens in each of two parts."""
    tokens = np.arange(10, 80, 10)
    assert update_sizes(np.arange(7), tokens, Shares(2, 1, None, 100)).tolist() == [4, 2, 1]
    assert update_sizes(np.arange(7), tokens, Shares(2, 1, 1)).tolist() == [2, 2, 2, 1]


def test_padding_and_speed_of_a_large_epoch() -> None:
    """300,000 examples of one bucket after the other: less padding than batches of the same order, in seconds."""
    sizes, shares = lengths(300_000), Shares(4, 1, 16)
    begin = time.perf_counter()
    order = by_length(sizes)
    plan = plan_epoch(order, sizes, sizes, shares, SEED, False)
    batches = plan.batches()
    taken = arrange(plan, shares, 0, SEED)
    assert time.perf_counter() - begin < 10 and len(taken) == len(batches) // 4

    def padded(parts: list[np.ndarray]) -> int:
        return sum(int(sizes[part].max()) * len(part) for part in parts)

    assert padded(batches) <= padded(np.split(order, range(16, len(order), 16)))
