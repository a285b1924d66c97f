"""Divergences of xTune (Zheng et al., ACL 2021, section 3.1) between the predictions for two views of a text, and
between those of a teacher and a student. Natural logarithms (nats), temperature 1, at least float32, 0 log 0 = 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .precision import at_least_float32


def log_probabilities(logits: Tensor, dim: int = -1) -> Tensor:
    """Log-softmax in at least float32, in the shape of ``logits``."""
    return F.log_softmax(at_least_float32(logits), dim=dim)


def kl_of_logs(log_p: Tensor, log_q: Tensor, dim: int = -1) -> Tensor:
    """KL(p || q) = sum p (log p - log q) over ``dim`` of two log distributions; entries with log p = -inf count 0."""
    difference = (log_p - log_q).masked_fill(log_p == float("-inf"), 0.0)
    return (log_p.exp() * difference).sum(dim=dim)


def symmetric_kl_of_logs(log_p: Tensor, log_q: Tensor, stop_gradient: bool = True, dim: int = -1) -> Tensor:
    """KL_S = KL(sg(p) || q) + KL(sg(q) || p) over ``dim``, the sum of both directions.

    Without ``stop_gradient`` both arguments of both divergences get a gradient (xTune, Table 2, last row).
    """
    target_p, target_q = (log_p.detach(), log_q.detach()) if stop_gradient else (log_p, log_q)
    return kl_of_logs(target_p, log_q, dim) + kl_of_logs(target_q, log_p, dim)


def symmetric_kl(first: Tensor, second: Tensor, stop_gradient: bool = True) -> Tensor:
    """KL_S of the softmax of two logits: (..., C), (..., C) -> (...), in nats.

    With stop-gradient the gradient on ``first`` is softmax(first) - softmax(second), on ``second`` its negative.
    """
    return symmetric_kl_of_logs(log_probabilities(first), log_probabilities(second), stop_gradient)


def teacher_kl(teacher: Tensor, student: Tensor, dim: int = -1) -> Tensor:
    """KL(teacher || student) of logits, reduced over ``dim``; no gradient reaches the teacher."""
    return kl_of_logs(log_probabilities(teacher.detach(), dim), log_probabilities(student, dim), dim)


def hard_cross_entropy(teacher: Tensor, student: Tensor, dim: int = -1) -> Tensor:
    """Cross entropy of the student against the teacher's most probable class, reduced over ``dim`` (xTune's released
    code, named entities). Of equal logits the first counts, in whatever precision they were computed."""
    labels = teacher.detach().argmax(dim=dim, keepdim=True)
    return -log_probabilities(student, dim).gather(dim, labels).squeeze(dim)


def reduced_log_probabilities(scores: Tensor, padding: Tensor | None, aligned: Tensor) -> Tensor:
    """Distributions over the positions that two views share, and one entry for the rest (xTune, section 3.3, and the
    released code).

    Softmax runs over all positions; the probabilities at ``aligned`` are kept, and one entry with the sum of all others
    (question, separators, changed pieces) is appended, always.

    Args:
        scores: (R, T, H) logits of H heads over positions.
        padding: (R, T) True at padding, which gets no probability; None lets it take part (released code).
        aligned: (R, U) shared positions, padded with -1.

    Returns:
        (R, U + 1, H) log probabilities, -inf at the padding of ``aligned``.
    """
    scores = at_least_float32(scores)
    if padding is not None:
        scores = scores.masked_fill(padding[..., None], float("-inf"))
    log_p = F.log_softmax(scores, dim=1)
    listed = aligned >= 0
    index = aligned.clamp(min=0)[..., None].expand(-1, -1, scores.size(2))
    kept = log_p.gather(1, index).masked_fill(~listed[..., None], float("-inf"))
    taken = torch.zeros(len(scores), scores.size(1) + 1, dtype=torch.bool, device=scores.device)
    taken = taken.scatter(1, torch.where(listed, aligned, scores.size(1)), True)[:, :-1]
    if padding is not None:
        taken = taken | padding
    # the smallest number, not -inf: the gradient of a log-sum of nothing would be nan
    others = log_p.masked_fill(taken[..., None], torch.finfo(log_p.dtype).min)
    return torch.cat([kept, others.logsumexp(dim=1, keepdim=True)], dim=1)
