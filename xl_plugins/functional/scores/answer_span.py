"""From scores of positions to answers: normalisation over windows, max-context rule, n-best search.

A question's context may be covered by several overlapping windows. Values are stored flat: the context positions of all
windows one after the other, window by window, question by question.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_ROWS = 4096  # windows searched at once


def position_probabilities(scores: Tensor, questions: Tensor, count: int) -> Tensor:
    """Softmax over all context positions of all windows of a question, so that windows can be compared.

    Args:
        scores: (K, 2) scores of start and end, at least float32.
        questions: (K,) number of the question of each position, 0 <= number < count.

    Returns:
        (K, 2) probabilities; the order of spans is that of the summed scores.
    """
    index = questions[:, None].expand_as(scores)
    peak = torch.full((count, 2), float("-inf"), dtype=scores.dtype, device=scores.device)
    peak = peak.scatter_reduce(0, index, scores, "amax")
    weights = (scores - peak.gather(0, index)).exp()
    total = torch.zeros((count, 2), dtype=scores.dtype, device=scores.device).index_add(0, questions, weights)
    return weights / total.gather(0, index)


def split_null(values: np.ndarray, lengths: np.ndarray, window_counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take the probabilities of ``<s>``, which stand before those of each window's context, out of ``values``.

    Args:
        values: (R + sum of lengths, 2) of ``<s>`` and the context positions, window by window.
        lengths: (R,) context pieces of each window.
        window_counts: (N,) windows of each question.

    Returns:
        values of the context alone (sum of lengths, 2); log score of "no answer" of each question (N,), the least of
        its windows' (Devlin et al., NAACL 2019, section 4.3): a question has no answer only if no window holds one.
    """
    places = np.cumsum(lengths + 1) - (lengths + 1)
    with np.errstate(divide="ignore"):
        null = np.log(values[places].astype(np.float32)).sum(axis=1)
    least = np.minimum.reduceat(null, np.cumsum(window_counts) - window_counts) if len(null) else null
    return np.delete(values, places, axis=0), least


def max_context(starts: np.ndarray, lengths: np.ndarray, window_counts: np.ndarray) -> np.ndarray:
    """Whether a window is the one that shows the most context of a piece (Devlin et al., NAACL 2019).

    The context of a piece in a window is the smaller number of pieces to its left and right, plus a hundredth of the
    window's length; the first of equal windows wins.

    Args:
        starts, lengths: (R,) first context piece and number of pieces of each window.
        window_counts: (N,) windows of each question, R in all.

    Returns:
        (sum of lengths,) bool.
    """
    positions = _ranges(lengths)
    row = np.repeat(np.arange(len(lengths)), lengths)
    piece = positions + starts[row]
    own = np.minimum(positions, lengths[row] - 1 - positions) + 0.01 * lengths[row]
    best = np.ones(len(row), bool)
    first = np.repeat(np.cumsum(window_counts) - window_counts, window_counts)  # of each window's question
    last = np.repeat(np.cumsum(window_counts) - 1, window_counts)
    widest = int(window_counts.max()) if len(window_counts) else 0
    for shift in [d for d in range(-widest + 1, widest) if d]:
        other = row + shift
        same = (other >= first[row]) & (other <= last[row])
        safe = np.where(same, other, row)
        left = piece - starts[safe]
        right = starts[safe] + lengths[safe] - 1 - piece
        theirs = np.minimum(left, right) + 0.01 * lengths[safe]
        beats = (theirs >= own) if shift < 0 else (theirs > own)
        best &= ~(same & (left >= 0) & (right >= 0) & beats)
    return best


def best_spans(
    values: np.ndarray, starts: np.ndarray, lengths: np.ndarray, window_counts: np.ndarray, n_best: int,
    max_answer: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The best span of each question among the ``n_best`` starts and ends of each window.

    Args:
        values: (K, 2) probabilities from :func:`position_probabilities` (or their mean over models).
        starts, lengths: (R,) windows as in :func:`max_context`.
        window_counts: (N,) windows of each question.
        n_best: starts and ends considered per window.
        max_answer: most pieces of an answer.

    Returns:
        first and last piece in the context (N, 2), -1 where no span is allowed; log score (N,).
    """
    with np.errstate(divide="ignore"):
        scores = np.log(values.astype(np.float32))
    allowed = max_context(starts, lengths, window_counts)
    spans, score = np.full((len(lengths), 2), -1, np.int64), np.full(len(lengths), -np.inf, np.float32)
    ends = np.cumsum(lengths)
    for begin in range(0, len(lengths), _ROWS):
        block = slice(begin, begin + _ROWS)
        flat = slice(int(ends[begin] - lengths[begin]), int(ends[block][-1]))
        found, best = _search(scores[flat], allowed[flat], lengths[block], n_best, max_answer)
        spans[block] = np.where(np.isfinite(best)[:, None], found + starts[block, None], -1)
        score[block] = best
    question = np.repeat(np.arange(len(window_counts)), window_counts)
    order = np.lexsort((np.arange(len(score)), -score, question))  # the first window wins a tie
    chosen = order[np.cumsum(window_counts) - window_counts]
    return spans[chosen], score[chosen]


def _search(
    scores: np.ndarray, allowed: np.ndarray, lengths: np.ndarray, n_best: int, max_answer: int
) -> tuple[np.ndarray, np.ndarray]:
    """Best (first, last) offsets in each window (R, 2) and their scores (R,)."""
    width = int(lengths.max())
    inside = np.arange(width)[None, :] < lengths[:, None]
    padded = torch.full((len(lengths), width, 2), float("-inf"))
    padded[torch.from_numpy(inside)] = torch.from_numpy(np.ascontiguousarray(scores))
    may_start = torch.zeros((len(lengths), width), dtype=torch.bool)
    may_start[torch.from_numpy(inside)] = torch.from_numpy(allowed)
    best = min(n_best, width)
    # stable: among equal scores the first, whatever windows are searched together (topk promises no order)
    score, order = (x[:, :best] for x in padded.sort(dim=1, descending=True, stable=True))
    (start_score, end_score), (start, end) = score.unbind(dim=2), order.unbind(dim=2)
    length = end[:, None, :] - start[:, :, None] + 1  # (R, starts, ends)
    good = (length >= 1) & (length <= max_answer) & may_start.gather(1, start)[:, :, None]
    total = (start_score[:, :, None] + end_score[:, None, :]).masked_fill(~good, float("-inf")).flatten(1)
    score, place = total.max(dim=1)
    first = start.gather(1, (place // best)[:, None]).squeeze(1)
    last = end.gather(1, (place % best)[:, None]).squeeze(1)
    return torch.stack([first, last], dim=1).numpy(), score.numpy()


def _ranges(lengths: np.ndarray) -> np.ndarray:
    """0 .. length - 1 for each of ``lengths``, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)
