"""Linear CKA, centroids and spreads of parallel representations, from sums that take blocks of rows one by one.

CKA: Kornblith et al., "Similarity of Neural Network Representations Revisited", ICML 2019, section 3, with the linear
kernel, as X-Mixup (ICLR 2022, Eq. 1) and Conneau et al. (ACL 2020) take it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def linear_cka(x: Tensor, y: Tensor) -> float:
    """||Y'X||_F^2 / (||X'X||_F ||Y'Y||_F) of columns brought to mean 0, in float64; nan where all rows are equal.

    Args:
        x, y: (N, d) and (N, e); row i of both belongs to the same text.
    """
    x, y = (side.double() - side.double().mean(dim=0) for side in (x, y))
    return _ratio(float((y.T @ x).square().sum()), float((x.T @ x).norm()), float((y.T @ y).norm()))


def _ratio(cross: float, own: float, other: float) -> float:
    return cross / (own * other) if own > 0 and other > 0 else float("nan")


class ParallelMoments:
    """Means and centred second moments of L parallel sets of rows, and cross moments of some pairs of them.

    Blocks are merged with the update of Chan, Golub and LeVeque (The American Statistician 37(3), 1983), which
    loses no digits where means are large against spreads. All sums are float64; memory is (L + P) d^2 numbers, whatever
    the number of rows, and the result depends on blocks by rounding alone.

    Args:
        sets: L.
        width: d.
        pairs: the P pairs of sets whose cross moments are summed.
        device: of the sums.
    """

    def __init__(
        self, sets: int, width: int, pairs: Sequence[tuple[int, int]], device: torch.device | None = None
    ) -> None:
        self.rows = 0
        self.means = torch.zeros(sets, width, dtype=torch.float64, device=device)
        self.pairs = {pair: number for number, pair in enumerate(pairs)}
        self._own = torch.zeros(sets, width, width, dtype=torch.float64, device=device)
        self._cross = torch.zeros(len(self.pairs), width, width, dtype=torch.float64, device=device)

    def add(self, block: Tensor) -> None:
        """Add B rows of every set: (L, B, d)."""
        block = block.to(self.means)
        count = block.size(1)
        if not count:
            return
        means = block.mean(dim=1)
        block = block - means[:, None]
        shift = means - self.means
        weight = self.rows * count / (self.rows + count)
        for number, rows in enumerate(block):
            self._own[number].addmm_(rows.T, rows).addr_(shift[number], shift[number], alpha=weight)
        for (left, right), number in self.pairs.items():
            self._cross[number].addmm_(block[left].T, block[right]).addr_(shift[left], shift[right], alpha=weight)
        self.rows += count
        self.means += shift * (count / self.rows)

    def cka(self, left: int, right: int) -> float:
        """Linear CKA of two sets, 0 to 1; KeyError unless their cross moments were summed."""
        if left == right:
            return 1.0 if float(self._own[left].norm()) > 0 else float("nan")
        number = self.pairs[(left, right)] if (left, right) in self.pairs else self.pairs[(right, left)]
        own, other = (float(self._own[one].norm()) for one in (left, right))
        return _ratio(float(self._cross[number].square().sum()), own, other)

    def spread(self, number: int) -> float:
        """Root of the mean squared distance of a set's rows to their centroid."""
        return float((self._own[number].trace() / max(self.rows, 1)).sqrt())

    def centroid_distance(self, left: int, right: int) -> dict[str, float]:
        """How far two sets' centroids are apart: ``euclidean``; ``cosine``, 1 less the cosine of both; ``relative``,
        the Euclidean one by the root mean square of both spreads, which does not depend on the scale of a layer."""
        first, second = self.means[left], self.means[right]
        distance = float((first - second).norm())
        spread = ((self.spread(left) ** 2 + self.spread(right) ** 2) / 2) ** 0.5
        lengths = float(first.norm() * second.norm())
        return {
            "euclidean": distance,
            "cosine": 1 - float(first @ second) / lengths if lengths > 0 else float("nan"),
            "relative": distance / spread if spread > 0 else float("nan"),
        }
