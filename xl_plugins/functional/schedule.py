"""Scheduled sampling between gold and back-translated source text (X-Mixup, ICLR 2022, Eq. 6 and Table 10)."""

from __future__ import annotations

import math

import numpy as np

from .draws.random import uniform

_SAMPLING = 0x5A  # purpose of the draw, so that other draws with the same counters are independent


def gold_probability(updates: int, k: float) -> float:
    """p*(i) = k / (k + exp(i / k)): probability that the source text is gold after ``updates`` optimizer updates.

    Evaluated as sigmoid(ln k - i / k), which cannot overflow. Needs k >= 1.
    """
    if not k >= 1:  # nan included
        raise ValueError(f"k must be at least 1, got {k}")
    x = math.log(k) - updates / k
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def draw_gold(
    seed: int, updates: int, k: float, ids: np.ndarray | None = None, counter: int | None = None
) -> np.ndarray:
    """Decide whether the source text is gold (True) or back-translated (False).

    Args:
        seed: the run's seed.
        updates: completed optimizer updates i at which p* is evaluated.
        k: decay constant.
        ids: (B,) example ids for one draw per pair; None for one draw that the whole update shares.
        counter: what the draw is a function of, when that is not ``updates`` (the epoch, for one draw per epoch).

    Returns:
        bool array, shape () or (B,). A pure function of its arguments: gradient accumulation, ranks, workers and a
        resume see the same decision.
    """
    words: list[int | np.ndarray] = [seed, _SAMPLING, updates if counter is None else counter]
    if ids is not None:
        words.append(ids)
    return uniform(*words) <= gold_probability(updates, k)
