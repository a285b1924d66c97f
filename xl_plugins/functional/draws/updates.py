"""Which examples make an update, and how they are shared out; numpy only.

An epoch is cut into updates first and every update into micro-batches then. So the examples of an update depend on the
number of examples it takes, but not on how many processes share it, nor in how many steps each of them takes its part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .random import stream


@dataclass(frozen=True)
class Shares:
    """How an update is shared out: ``ranks`` processes, ``steps`` micro-batches each, of at most ``rows`` examples
    and, padded, ``max_tokens`` tokens (None: no limit)."""

    ranks: int
    steps: int
    rows: int | None
    max_tokens: int | None = None

    @property
    def pieces(self) -> int:
        """Micro-batches of an update."""
        return self.ranks * self.steps

    @property
    def examples(self) -> int | None:
        """The most examples of an update; None without a limit."""
        return None if self.rows is None else self.pieces * self.rows

    @property
    def same(self) -> list[int | None]:
        """The numbers that decide which examples make an update: two splits with equal ones train alike."""
        if self.max_tokens is None:
            return [self.examples]
        return [self.examples, self.pieces, self.max_tokens]


@dataclass(frozen=True)
class Plan:
    """An epoch in its order by length, whole updates first.

    ids: examples, one micro-batch after the other; sizes: (M,) examples of each micro-batch, those of an update step
    after step and within a step rank after rank; whole: whole updates. The micro-batches after those of whole updates
    are the last, short update's.
    """

    ids: np.ndarray
    sizes: np.ndarray
    whole: int
    updates: int

    def batches(self) -> list[np.ndarray]:
        """Ids of every micro-batch; an empty one is a process without an example in the short update."""
        return np.split(self.ids, np.cumsum(self.sizes)[:-1])


def count_whole(counts: np.ndarray, shares: Shares) -> int:
    """How many of the updates of :func:`update_sizes` are whole; by tokens the last one never counts as such."""
    is_whole = shares.max_tokens is None and len(counts) > 0 and counts[-1] == shares.examples
    return len(counts) - (not is_whole)


def count_updates(counts: np.ndarray, shares: Shares, whole_only: bool) -> int:
    """Updates of an epoch; ``whole_only`` leaves the short one out if there is another one."""
    return max(1, count_whole(counts, shares)) if whole_only else len(counts)


def update_sizes(order: np.ndarray, tokens: np.ndarray, shares: Shares) -> np.ndarray:
    """Examples of every update, the last may be short: (U,) int64, sum = len(order).

    Args:
        order: (N,) ids by length.
        tokens: tokens of every id.
        shares: with ``max_tokens``, an update takes examples for as long as any ``pieces`` equal parts of it fit.
    """
    total = len(order)
    if shares.max_tokens is None:
        assert shares.examples is not None
        whole, rest = divmod(total, shares.examples)
        return np.array([shares.examples] * whole + [rest] * (rest > 0), dtype=np.int64)
    lengths = tokens[order]
    rows = total if shares.rows is None else shares.rows
    sizes, start = [], 0
    while start < total:
        most = shares.pieces * min(rows, shares.max_tokens // max(1, int(lengths[start])))
        longest = np.maximum.accumulate(lengths[start : start + most])
        room = shares.pieces * np.minimum(rows, shares.max_tokens // longest)
        sizes.append(max(1, int(np.count_nonzero(np.arange(1, len(longest) + 1) <= room))))
        start += sizes[-1]
    return np.array(sizes, dtype=np.int64)


def plan_epoch(
    order: np.ndarray, sizes: np.ndarray, tokens: np.ndarray, shares: Shares, seed: tuple[int, int], whole_only: bool
) -> Plan:
    """The updates of an epoch, by length.

    Args:
        order: (N,) ids by length.
        sizes, tokens: length and tokens of every id.
        seed: of the draw of those that make the short update; (seed, epoch).
        whole_only: see :func:`count_updates`.
    """
    counts = update_sizes(order, tokens, shares)
    if shares.max_tokens is None and counts[-1] < counts[0]:  # the examples left over are no longer than others
        is_left = np.zeros(len(order), dtype=bool)
        is_left[stream(seed).choice(len(order), int(counts[-1]), replace=False)] = True
        order = np.concatenate([order[~is_left], order[is_left]])
    whole = count_whole(counts, shares)
    counts = counts[: count_updates(counts, shares, whole_only)]
    order = order[: int(counts.sum())]
    update = np.repeat(np.arange(len(counts)), counts)
    order = order[np.lexsort((sizes[order], update))]  # stable: equal lengths stay in their order
    pieces = [_divide(counts[:whole], shares.pieces).ravel()]
    if whole < len(counts):
        last = int(counts[-1])
        steps = min(shares.steps, -(-last // shares.ranks))
        pieces.append(_divide(counts[-1:], steps * shares.ranks).ravel())
    return Plan(order, np.concatenate(pieces), whole, len(counts))


def _divide(counts: np.ndarray, pieces: int) -> np.ndarray:
    """Counts in nearly equal parts, the larger ones last: (U,) -> (U, pieces)."""
    return counts[:, None] // pieces + (np.arange(pieces) >= pieces - counts[:, None] % pieces)


def arrange(plan: Plan, shares: Shares, rank: int, seed: tuple[int, int] | None) -> np.ndarray:
    """Numbers of the micro-batches that a process takes in an epoch, in order.

    Args:
        seed: of the order of whole updates, (seed, epoch); None keeps the order by length. The short one comes last.
    """
    updates = np.arange(plan.whole) if seed is None else stream(seed).permutation(plan.whole)
    steps = updates[:, None] * shares.pieces + np.arange(shares.steps) * shares.ranks + rank
    last = np.arange(plan.whole * shares.pieces + rank, len(plan.sizes), shares.ranks)
    return np.concatenate([steps.ravel(), last])
