"""Nearest neighbours by inner product, mining of sentence pairs, and their scores; numpy and torch only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .metrics import METRICS

BLOCK = 4096  # rows of a block of similarities on either side: 64 MiB in float32


@dataclass
class Neighbours:
    """The k nearest rows of the other side: ``scores`` (N, k) float32, best first, and ``rows`` (N, k) int64."""

    scores: Tensor
    rows: Tensor

    @classmethod
    def empty(cls, count: int, k: int, device: torch.device) -> Neighbours:
        scores = torch.full((count, k), float("-inf"), dtype=torch.float32, device=device)
        return cls(scores, torch.zeros(count, k, dtype=torch.int64, device=device))

    def update(self, start: int, offset: int, similarity: Tensor) -> None:
        """Merge the similarities (n, m) of rows ``start``... with rows ``offset``... of the other side."""
        k, where = self.scores.size(1), slice(start, start + similarity.size(0))
        if k == 1:  # of equal similarities the first row is kept
            found, rows = similarity.max(dim=1, keepdim=True)
            better = found > self.scores[where]
            self.scores[where] = torch.where(better, found, self.scores[where])
            self.rows[where] = torch.where(better, rows + offset, self.rows[where])
            return
        better = (similarity.amax(dim=1) > self.scores[where, -1]).nonzero().flatten()  # ever fewer, block by block
        found, rows = similarity[better].topk(min(k, similarity.size(1)), dim=1)
        better = better + start
        scores, order = torch.cat([self.scores[better], found], dim=1).sort(dim=1, descending=True, stable=True)
        rows = torch.cat([self.rows[better], rows + offset], dim=1).gather(1, order)
        self.scores[better], self.rows[better] = scores[:, :k], rows[:, :k]


def normalise(vectors: Tensor) -> Tensor:
    """Vectors (N, d) of length 1 in float32; a zero vector stays zero."""
    return torch.nn.functional.normalize(vectors.to(torch.float32), dim=1)


def neighbours(x: Tensor, y: Tensor, k: int = 1, block: int = BLOCK) -> tuple[Neighbours, Neighbours]:
    """The k nearest rows of y for every row of x, and of x for every row of y, by inner product.

    Every similarity is computed once, in blocks of at most ``block`` x ``block``. Of equal similarities k = 1 takes the
    lowest row.

    Args:
        x, y: (N, d) and (M, d), both at least one row; of length 1 for cosine similarity.
    """
    forward = Neighbours.empty(len(x), min(k, len(y)), x.device)
    backward = Neighbours.empty(len(y), min(k, len(x)), x.device)
    for i in range(0, len(x), block):
        for j in range(0, len(y), block):
            similarity = x[i : i + block] @ y[j : j + block].T
            forward.update(i, j, similarity)
            backward.update(j, i, similarity.T)
    return forward, backward


def margin_scores(own: Neighbours, other: Neighbours, margin: str = "ratio") -> np.ndarray:
    """Scores of candidates, float64 (N, k): cos(x, y) against a(x, y), half the sum of the mean similarities that x
    and y have to their k neighbours (Artetxe and Schwenk, ACL 2019, section 3).

    ``ratio``: cos / a; ``distance``: cos - a; ``absolute``: cos alone.
    """
    similarity, rows = own.scores.double(), own.rows
    if margin == "absolute":
        return similarity.cpu().numpy()
    around = (similarity.mean(dim=1, keepdim=True) + other.scores.double().mean(dim=1)[rows]) / 2
    return (similarity / around if margin == "ratio" else similarity - around).cpu().numpy()


def mine(
    forward: Neighbours, backward: Neighbours, margin: str = "ratio", how: str = "max"
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (P, 2) int64 of a row of x and a row of y, and their scores (P,).

    ``forward``: the best y of every x; ``intersection``: those of them whose best x is this one; ``max``: the best
    pairs of both directions from the highest score down, every row used once (what XTREME does).
    """
    ahead, best, score = _best(forward, margin_scores(forward, backward, margin))
    if how == "forward":
        return np.stack([ahead, best], 1), score
    behind, best_back, score_back = _best(backward, margin_scores(backward, forward, margin))
    if how == "intersection":
        mutual = best_back[best] == ahead
        return np.stack([ahead, best], 1)[mutual], score[mutual]
    pairs = np.concatenate([np.stack([ahead, best], 1), np.stack([best_back, behind], 1)])
    scores = np.concatenate([score, score_back])
    order = np.argsort(-scores, kind="stable")
    keep = _first_uses(pairs[order], len(ahead), len(behind))
    return pairs[order][keep], scores[order][keep]


def _best(found: Neighbours, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Own rows (N,), the candidate with the highest score (N,), and that score."""
    own, place = np.arange(len(scores)), scores.argmax(axis=1)
    return own, found.rows.cpu().numpy()[own, place], scores[own, place]


def _first_uses(pairs: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Whether each pair (P,), taken in order, uses neither a row nor a column of one taken before."""
    free_row, free_column = [True] * rows, [True] * columns
    keep = np.zeros(len(pairs), dtype=bool)
    for number, (i, j) in enumerate(pairs.tolist()):
        if free_row[i] and free_column[j]:
            free_row[i] = free_column[j] = False
            keep[number] = True
    return keep


def best_threshold(scores: np.ndarray, correct: np.ndarray, gold: int) -> float:
    """Score from which on extracted pairs give the best set F1; between two scores it lies in the middle.

    Args:
        scores: of the candidates (P,).
        correct: whether each is a gold pair (P,).
        gold: number of gold pairs.

    Returns infinity when no candidate is correct. Of equal F1 the highest threshold is taken.
    """
    if not correct.any():
        return float("inf")
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.append(ranked[1:] != ranked[:-1], True)  # equal scores are extracted together
    found = np.arange(1, len(ranked) + 1)
    sums = np.stack([np.full_like(found, gold), found, np.cumsum(correct[order])], axis=1)
    f1 = np.where(ends, METRICS["set_f1"].score(sums), -1.0)
    last = int(f1.argmax())
    return float(ranked[last]) if last + 1 == len(ranked) else float((ranked[last] + ranked[last + 1]) / 2)
