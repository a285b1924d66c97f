"""Task losses and consistency terms between two streams, per row, in float32 (X-Mixup, ICLR 2022, Eq. 7 and 8)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .precision import at_least_float32


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy in nats per row: (B, C), (B,) -> (B,)."""
    return F.cross_entropy(at_least_float32(logits), labels, reduction="none")


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """- sum_c q_c ln p_c in nats against soft labels q: (..., C), (..., C) -> (...) (X-Mixup, section 4.2)."""
    log_p = F.log_softmax(at_least_float32(logits), dim=-1)
    return -(targets.to(log_p.dtype) * log_p).sum(dim=-1)


def word_mean(losses: Tensor, active: Tensor) -> Tensor:
    """Losses of words to losses of rows whose sum is the number of rows with an active word times the mean over all
    active words.

    Args:
        losses: (R, W) in nats.
        active: (R, W) True where a word has a label.

    Returns:
        (R,); zeros when no word is active.
    """
    rows, total = active.any(dim=1).sum().to(losses.dtype), active.sum().clamp(min=1)
    return losses.masked_fill(~active, 0.0).sum(dim=1) * (rows / total)


def span_cross_entropy(logits: Tensor, padding: Tensor, positions: Tensor) -> Tensor:
    """Mean of the cross entropies of start and end over the real positions (X-Mixup, ICLR 2022, Eq. 8).

    Args:
        logits: (R, T, 2) scores of start and end.
        padding: (R, T) True at padding.
        positions: (R, 2) gold start and end.

    Returns:
        (R,) in nats.
    """
    scores = at_least_float32(logits).masked_fill(padding[..., None], float("-inf"))
    log_p = F.log_softmax(scores, dim=1)
    return -log_p.gather(1, positions[:, None, :]).squeeze(1).mean(dim=-1)


def kl_divergence(logits_p: Tensor, logits_q: Tensor) -> Tensor:
    """KL(p || q) of two softmax distributions, exact through log-softmax: (B, C), (B, C) -> (B,), in nats.

    Gradients flow to both sides (no stop-gradient).
    """
    log_p = F.log_softmax(at_least_float32(logits_p), dim=-1)
    log_q = F.log_softmax(at_least_float32(logits_q), dim=-1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=-1)


def inner_mean(states: Tensor, padding: Tensor) -> Tensor:
    """Mean over the real positions except the first and the last one (X-Mixup, footnote 4).

    Args:
        states: (B, T, C) final states of right-padded rows.
        padding: (B, T) True at padding.

    Returns:
        (B, C) in float32. A row with only the two special positions gives zeros.
    """
    real = ~padding
    inner = torch.zeros_like(real)
    inner[:, 1:-1] = real[:, 1:-1] & real[:, 2:]  # the last real position has no real position to its right
    states = at_least_float32(states)
    weights = inner.to(states.dtype)
    return torch.einsum("bt,btc->bc", weights, states) / weights.sum(dim=1, keepdim=True).clamp(min=1)


def inner_sum(states: Tensor, padding: Tensor, length: int) -> Tensor:
    """Sum over the inner positions divided by a constant number of them, ``length`` - 2 (X-Mixup, released code, which
    takes the padded width): (B, T, C), (B, T) -> (B, C)."""
    real = (~padding).sum(dim=1, keepdim=True) - 2
    return inner_mean(states, padding) * real.clamp(min=0) / (length - 2)


def representation_mse(source: Tensor, target: Tensor) -> Tensor:
    """Squared difference of two representations, averaged over features: (B, C), (B, C) -> (B,)."""
    return (at_least_float32(source) - at_least_float32(target)).square().mean(dim=-1)
