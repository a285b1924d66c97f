"""Task losses and consistency terms between two streams, per pair, in float32 (X-Mixup, ICLR 2022, Eq. 7 and 8)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .precision import at_least_float32


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy in nats per row: (B, C), (B,) -> (B,)."""
    return F.cross_entropy(at_least_float32(logits), labels, reduction="none")


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


def representation_mse(source: Tensor, target: Tensor) -> Tensor:
    """Squared difference of two representations, averaged over features: (B, C), (B, C) -> (B,)."""
    return (at_least_float32(source) - at_least_float32(target)).square().mean(dim=-1)
