"""Paired bootstrap over test examples (Efron and Tibshirani 1993; Berg-Kirkpatrick, Burkett and Klein, EMNLP 2012), and
p-values of several comparisons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_CELLS = 1 << 24  # drawn examples held at a time: 128 MiB
_PER_PATTERN = 6  # drawing the count of a pattern costs about as much as drawing this many examples


def resampled_totals(examples: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Sums over examples drawn with replacement: counters (N, D) -> (resamples, D) float64.

    Equal rows are exchangeable, so where there are few different ones their multinomial counts are drawn instead.
    """
    examples = np.asarray(examples, dtype=np.float64)
    size = len(examples)
    patterns, inverse, counts = np.unique(examples, axis=0, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(-1)
    if _PER_PATTERN * len(patterns) < size:
        return generator.multinomial(size, counts / size, size=resamples) @ patterns
    result = np.empty((resamples, examples.shape[1]))
    step = max(1, _CELLS // size)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = inverse[generator.integers(size, size=(rows, size))]
        drawn += np.arange(rows)[:, None] * len(patterns)
        weights = np.bincount(drawn.reshape(-1), minlength=rows * len(patterns)).reshape(rows, -1)
        result[start : start + rows] = weights @ patterns
    return result


def two_sided_p(observed: float, resampled: np.ndarray) -> float:
    """Probability of a difference at least as large as ``observed`` if there were none.

    Resampled differences scatter around the observed one as observed ones would around the true one, so the share of
    ``|resampled - observed| >= |observed|`` is counted, the observed data included: (1 + hits) / (1 + resamples). Two
    systems with equal scores have p = 1.
    """
    hits = np.abs(resampled - observed) >= abs(observed) - 1e-9
    return float((1 + int(hits.sum())) / (1 + len(resampled)))


def holm(p: Sequence[float]) -> list[float]:
    """Return the p-values of a family of tests adjusted by Holm's step-down rule, in the order given (Holm,
    Scandinavian Journal of Statistics 6, 1979).

    The i-th smallest of m values becomes the largest of (m - j + 1) p_(j) over j <= i, at most 1: rejecting those below
    a level keeps the chance of any false rejection under that level, whatever the dependence of the tests.
    """
    order = sorted(range(len(p)), key=p.__getitem__)
    adjusted, least = [0.0] * len(p), 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = least
    return adjusted
