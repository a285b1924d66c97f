"""Confusion of classes, and rank correlation; numpy and scipy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST = 3  # pairs below which ranks tell nothing


@dataclass(frozen=True)
class Correlation:
    """Spearman's ``rho`` of ``count`` pairs of numbers and its two-sided ``p`` value; both nan where a side is constant
    or there are fewer than 3 pairs."""

    rho: float
    p: float
    count: int


def spearman(first: Sequence[float], second: Sequence[float]) -> Correlation:
    """Rank correlation of pairs of numbers, ties by their mean rank (X-Mixup, ICLR 2022, Table 2); pairs with nan are
    left out. ValueError where the numbers are not pairs."""
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"{len(x)} and {len(y)} numbers are no pairs")
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < LEAST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Correlation(float("nan"), float("nan"), len(x))
    from scipy.stats import spearmanr

    found = spearmanr(x, y)
    return Correlation(float(found.statistic), float(found.pvalue), len(x))


def confusion(gold: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """How often class i was taken for class j: (C, C) int64, rows gold, columns predicted.

    Args:
        gold, predicted: (N,) indices of classes, at least 0 and below ``classes``.
    """
    gold, predicted = np.asarray(gold, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    counts = np.bincount(gold * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes)
