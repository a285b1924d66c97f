"""Which tokens get a counterpart of another language, and which one (SALT, Wang et al., Findings of ACL 2023, 2.3).

Numbers of candidates are columns of a language's vocabulary V_L; everything is float32 or wider.
"""

from __future__ import annotations

import math
from typing import Optional

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

NOTHING = float("-inf")  # log-probability where there is no candidate


def eligible_positions(
    starts: np.ndarray, letter: np.ndarray, alnum: np.ndarray, special: np.ndarray, whole_word: bool = True
) -> np.ndarray:
    """Positions that may be substituted, of texts one after the other with special tokens between them.

    A word begins at a piece with U+2581 and at a special token. Its trailing pieces without letter or digit do not
    count; if one piece is left, begins the word and holds a letter, it is eligible. With ``whole_word=False`` every
    piece with a letter is.

    Args:
        starts, letter, alnum, special: (N,) bool of each piece: begins with U+2581, holds a letter, a letter or digit,
            is a special token.

    Returns:
        (N,) bool
    """
    if not whole_word:
        return letter & ~special
    count = len(starts)
    if not count:
        return np.zeros(0, dtype=bool)
    begins = starts | special
    begins[0] = True
    begins[1:] |= special[:-1]
    first = np.flatnonzero(begins)
    last = np.maximum.reduceat(np.where(alnum, np.arange(count), -1), first)  # last piece of each word that counts
    out = np.zeros(count, dtype=bool)
    out[first[last == first]] = True
    return out & starts & letter & ~special


def blockwise_logits(
    states: Tensor, weight: Tensor, bias: Tensor, columns: Tensor, width: int
) -> tuple[Tensor, Tensor]:
    """Logits of some columns, and the log-sum-exp over all, of which one block of ``width`` is held at a time.

    Args:
        states: (P, C).
        weight, bias: output projection (V, C), (V,).
        columns: (U,) int64, ascending.

    Returns:
        (P, U) and (P,) float32
    """
    starts = range(0, len(weight), width)
    edges = torch.searchsorted(columns, torch.tensor([*starts, len(weight)], device=columns.device)).tolist()
    kept = states.new_empty(len(states), len(columns), dtype=torch.float32)
    sums = []
    for start, first, last in zip(starts, edges, edges[1:]):
        logits = F.linear(states, weight[start : start + width], bias[start : start + width]).float()
        sums.append(torch.logsumexp(logits, dim=1))
        kept[:, first:last] = logits.index_select(1, columns[first:last] - start)
    return kept, torch.logsumexp(torch.stack(sums), dim=0)


def best_candidates(
    candidates: Tensor, normaliser: Optional[Tensor], penalty: Optional[Tensor] = None, banned: Optional[Tensor] = None
) -> tuple[Tensor, Tensor]:
    """The most probable candidate of every position; ties go to the first column.

    Args:
        candidates: (P, K) logits of the entries of V_L.
        normaliser: (P,) log-sum-exp over the whole output vocabulary, or None to renormalise over the candidates that
            are left (then probabilities do not compare with thresholds meant for the whole vocabulary).
        penalty: (P, K) 0, or -inf for entries that a position must not take.
        banned: (P, M) further columns that a position must not take, K for none.

    Returns:
        columns (P,) int64 and natural log-probabilities (P,) float32; -inf where no candidate is left.
    """
    z = candidates.float()
    if penalty is not None:
        z = z + penalty
    if banned is not None:
        z = torch.cat([z, z.new_full((len(z), 1), NOTHING)], dim=1)  # a column that bans nothing
        z = z.scatter(1, banned, NOTHING)[:, :-1]
    if not z.size(1):
        return torch.zeros(len(z), dtype=torch.int64, device=z.device), z.new_full((len(z),), NOTHING)
    best, column = z.max(dim=1)
    if normaliser is None:
        normaliser = torch.logsumexp(z, dim=1)
    return column, torch.where(best == NOTHING, best, best - normaliser)


def passes(log_probability: Tensor, threshold: float) -> Tensor:
    """p > tau (section 2.3), with tau in [0, 1]."""
    return log_probability > (math.log(threshold) if threshold > 0 else NOTHING)
