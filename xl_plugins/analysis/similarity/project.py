"""Vectors in two dimensions: principal components, t-SNE; by scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_MIN_POINTS = 4  # below which neither says anything


def principal(groups: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], tuple[float, float]]:
    """The first two principal components of all groups together, (N, 2) each, and the share of the variance that each
    explains, in percent."""
    from sklearn.decomposition import PCA

    stacked = np.concatenate(list(groups.values())).astype(np.float64)
    made = PCA(n_components=2, random_state=0, svd_solver="full" if min(stacked.shape) < 50 else "randomized")
    points = made.fit_transform(stacked)
    first, second = (100 * float(share) for share in made.explained_variance_ratio_)
    return _split(groups, points), (first, second)


def neighbour_embedding(groups: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray] | None:
    """t-SNE of all groups together (N, 2) each, begun at their principal components; None for fewer than 4 vectors.

    Distances between clusters mean nothing in it, neighbours do (van der Maaten and Hinton, JMLR 2008).
    """
    from sklearn.manifold import TSNE

    stacked = np.concatenate(list(groups.values())).astype(np.float32)
    if len(stacked) < _MIN_POINTS:
        return None
    perplexity = min(30.0, (len(stacked) - 1) / 3)  # 30: scikit-learn's default, of the article's 5 to 50
    points = TSNE(2, perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed).fit_transform(stacked)
    return _split(groups, points)


def _split(groups: Mapping[str, np.ndarray], points: np.ndarray) -> dict[str, np.ndarray]:
    ends = np.cumsum([len(group) for group in groups.values()])[:-1]
    return dict(zip(groups, np.split(points, ends)))
