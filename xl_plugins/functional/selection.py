"""Which pseudo-labelled sentences co-training keeps, and in what order it trains on them; numpy only.

XLA: Bari et al., "UXLA: A Robust Unsupervised Data Augmentation Framework for Zero-Resource Cross-Lingual NLP", ACL
2021, section 3.3, Algorithm 1, Eq. 2 and Appendix B. A *unit* is what a model labels as a whole, a pair of sentences or
a tagged sentence; its *rows* are what gets a class: the pair itself, or the sentence's words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import numpy as np

from .draws.random import stream

MEMBERS = 3  # models that label for each other (XLA, Algorithm 1)
AGREEMENTS = ("intersection", "union")


def _exact(number: str | float | Decimal) -> Fraction:
    """The number as it is written: 29 % of 100 is 29, although 0.29 * 100 is less in binary."""
    return Fraction(Decimal(str(number)))


# -- distillation --


def unit_confidence(probabilities: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence and loss of every unit, and the labels of its rows (XLA, section 3.3 and Appendix B).

    Args:
        probabilities: (K, C) of all rows, unit after unit.
        sizes: (U,) rows of each unit, at least 1.

    Returns:
        Mean over a unit's rows of the largest probability (U,) float64; the labels (K,) int64, of equal probabilities
        the first; the mean of -ln of the largest probability (U,) float64. A unit's numbers do not depend on the
        others'.
    """
    sizes = np.asarray(sizes, dtype=np.int64)
    if (sizes < 1).any():
        raise ValueError(f"unit {int((sizes < 1).argmax())} has no row that gets a label")
    if int(sizes.sum()) != len(probabilities):
        raise ValueError(f"{int(sizes.sum())} rows by their sizes, but probabilities of {len(probabilities)}")
    labels = probabilities.argmax(axis=1).astype(np.int64)
    best = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    starts = np.cumsum(sizes) - sizes
    confidence, losses = (np.add.reduceat(x, starts) / sizes if len(sizes) else x for x in (best, -np.log(best)))
    return confidence, labels, losses


def keep_count(total: int, percent: str | float | Decimal) -> int:
    """floor(total * percent / 100) without binary rounding."""
    share = _exact(percent) / 100
    if not 0 <= share <= 1:
        raise ValueError(f"expected a percentage from 0 to 100, got {percent}")
    return math.floor(total * share)


def most_confident(confidence: np.ndarray, percent: str | float | Decimal) -> np.ndarray:
    """Ascending indices (int64) of the most confident ``percent`` of all (N,); of equal ones the lower index."""
    order = np.argsort(-np.asarray(confidence), kind="stable")
    return np.sort(order[: keep_count(len(order), percent)])


# -- agreement --


def agreement(
    kept_k: np.ndarray,
    kept_j: np.ndarray,
    labels_k: np.ndarray,
    labels_j: np.ndarray,
    sizes: np.ndarray,
    how: str = "intersection",
) -> tuple[np.ndarray, np.ndarray]:
    """Units on which two peers agree, and their labels (XLA, section 3.3 and Algorithm 1).

    Args:
        kept_k, kept_j: ascending indices of the units that each peer keeps.
        labels_k, labels_j: (K,) labels of all rows of all units by each peer.
        sizes: (N,) rows of each unit.
        how: ``intersection``: kept by both with equal labels in all rows; ``union``: those and the ones kept by one
            peer alone, with its labels.

    Returns:
        Ascending indices (m,) int64 of units, and the labels of their rows, unit after unit.
    """
    if how not in AGREEMENTS:
        raise ValueError(f"expected one of {', '.join(AGREEMENTS)}, got '{how}'")
    sizes = np.asarray(sizes, dtype=np.int64)
    ends = np.cumsum(sizes)
    if not len(labels_k) == len(labels_j) == int(sizes.sum()):
        raise ValueError(f"{int(sizes.sum())} rows by their sizes, but {len(labels_k)} and {len(labels_j)} labels")
    differing = np.concatenate([[0], np.cumsum(labels_k != labels_j)])
    same = differing[ends] == differing[ends - sizes]
    by_k, by_j = np.zeros(len(sizes), dtype=bool), np.zeros(len(sizes), dtype=bool)
    by_k[kept_k] = by_j[kept_j] = True
    chosen = by_k & by_j & same
    if how == "union":
        chosen |= by_k ^ by_j
    labels = np.where(np.repeat(by_k, sizes), labels_k, labels_j)
    return np.flatnonzero(chosen), labels[np.repeat(chosen, sizes)]


# -- training on several sets --


def sampling_probabilities(sizes: Sequence[int] | np.ndarray, alpha: float) -> np.ndarray:
    """p_i proportional to (n_i / sum_j n_j) ** alpha, 0 for an empty set: (S,) -> (S,) float64 (XLA, Eq. 2)."""
    counts = np.asarray(sizes, dtype=np.float64)
    if not counts.any():
        raise ValueError("all sets are empty")
    weights = np.where(counts > 0, (counts / counts.max()) ** alpha, 0.0)  # the largest is 1: no underflow of all
    return weights / weights.sum()


def training_length(
    examples: int, passes: str | float, batch_size: int, accumulation: int, workers: int, warmup_ratio: float = 0.1
) -> tuple[int, int]:
    """Updates T of one training, floor(passes * examples / examples per update), and those of its warm-up, floor(T *
    ratio) (XLA, Table 8: one pass, 10 %)."""
    updates = math.floor(_exact(passes) * examples / (batch_size * accumulation * workers))
    return updates, warmup_updates(updates, warmup_ratio)


def warmup_updates(total: int, ratio: float) -> int:
    """floor(total * ratio): updates over which the rate rises."""
    return math.floor(total * _exact(ratio))


def linear_factor(step: int, total: int, warmup: int) -> float:
    """Factor of the learning rate at update ``step`` (from 0): up to 1 at ``warmup``, then down to 0 at ``total``."""
    if step < warmup:
        return step / warmup
    return max(0, total - step) / (total - warmup) if total > warmup else 0.0


def draw_batches(
    sizes: Sequence[int] | np.ndarray, probabilities: np.ndarray, batch_size: int, count: int, seed: Sequence[int]
) -> list[np.ndarray]:
    """Micro-batches, each of one set: positions (at most batch_size,) int64 in the concatenation of the sets.

    The set of every micro-batch is drawn by ``probabilities`` (S,). A set is read in a random order, drawn anew when it
    is exhausted; the last micro-batch of an order may be short. The same ``seed`` gives the same list.
    """
    rng = stream(seed)
    sizes = np.asarray(sizes, dtype=np.int64)
    if (np.asarray(probabilities)[sizes == 0] > 0).any():
        raise ValueError("an empty set has a probability above 0")
    starts = np.cumsum(sizes) - sizes
    rest = [np.zeros(0, dtype=np.int64) for _ in sizes]  # of each set's current order
    batches = []
    for number in rng.choice(len(sizes), size=count, p=probabilities).tolist():
        if not len(rest[number]):
            rest[number] = starts[number] + rng.permutation(sizes[number])
        batches.append(rest[number][:batch_size])
        rest[number] = rest[number][batch_size:]
    return batches


def training_order(epochs: int) -> list[tuple[int, int, int, int]]:
    """Trainings (epoch from 1, labelling members k and j, trained member l, from 0), six per epoch (Algorithm 1)."""
    triples = list(permutations(range(MEMBERS), 3))
    return [(epoch, *triple) for epoch in range(1, epochs + 1) for triple in triples]


def subsample(total: int, percent: str | float | Decimal, seed: int, exclude: np.ndarray | None = None) -> np.ndarray:
    """Ascending rows (int64): the first floor(total * percent / 100) of a seeded random order of all rows, of which
    ``exclude`` are left out (XLA, section 4.1: 5 % of the data)."""
    order, count = stream(seed).permutation(total), keep_count(total, percent)
    if exclude is not None:
        order = order[~np.isin(order, exclude)]
    if count > len(order):
        raise ValueError(f"{percent} % of {total} rows are {count}, but only {len(order)} are not excluded")
    return np.sort(order[:count]).astype(np.int64)
