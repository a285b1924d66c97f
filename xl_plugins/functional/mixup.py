"""Manifold mixup between a target and a source stream (X-Mixup, ICLR 2022, Eq. 2-5 and Appendix A.1).

I and J are the padded lengths of target and source, h heads of width d_h. Scores are the raw scaled products of
projected queries and keys, before masking and before dropout. Everything is computed in float32 (or float64 for
float64 input).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .precision import at_least_float32


def cross_scores(query: Tensor, key: Tensor) -> Tensor:
    """Scaled scores s[k, i, j] = q_i . k_j / sqrt(d_h) per head.

    Args:
        query: (B, h, I, d_h) projected target states.
        key: (B, h, J, d_h) projected source states.

    Returns:
        (B, h, I, J), at least float32: half precision would lose the entropies.
    """
    with torch.autocast(query.device.type, enabled=False):  # autocast would compute the product in half precision
        return torch.matmul(at_least_float32(query) * query.size(-1) ** -0.5, at_least_float32(key).transpose(-1, -2))


def _row_entropy(scores: Tensor, key_padding: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax over the last axis without padded keys, and its entropy in nats: (B, h, Q, K), (B, h, Q)."""
    padded = key_padding[:, None, None, :]
    log_weights = torch.log_softmax(scores.masked_fill(padded, float("-inf")), dim=-1)
    weights = log_weights.exp()
    return weights, -(weights * log_weights.masked_fill(padded, 0.0)).sum(dim=-1)  # 0 ln 0 = 0


def _mean_over_real_rows(entropy: Tensor, padding: Tensor) -> Tensor:
    """Mean of (B, h, Q) over heads and the real rows: (B,)."""
    real = (~padding).to(entropy.dtype)
    return (entropy.mean(dim=1) * real).sum(dim=-1) / real.sum(dim=-1)


def attention_entropies(
    scores: Tensor, target_padding: Tensor, source_padding: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Attention weights and the two entropies H(A) and H(A^T) of Eq. 5.

    H(A^T) is the entropy of the transposed scores normalised over the real target positions, not of the literal
    transpose of A. Entropies are taken per head, then averaged over heads and over the real query positions.

    Args:
        scores: (B, h, I, J) from :func:`cross_scores`.
        target_padding: (B, I) True at padding.
        source_padding: (B, J) True at padding.

    Returns:
        A (B, h, I, J), H(A) (B,) in [0, ln J], H(A^T) (B,) in [0, ln I], in nats.
    """
    weights, forward = _row_entropy(scores, source_padding)
    _, backward = _row_entropy(scores.transpose(-1, -2), target_padding)
    return weights, _mean_over_real_rows(forward, target_padding), _mean_over_real_rows(backward, source_padding)


def mixup_ratio(entropy_sum: Tensor, weight: Tensor, bias: Tensor, lambda0: float) -> Tensor:
    """lambda = lambda0 * sigmoid((H(A) + H(A^T)) * w + b) per pair (Eq. 5): (B,) -> (B,), float32."""
    return lambda0 * torch.sigmoid(at_least_float32(entropy_sum) * at_least_float32(weight) + at_least_float32(bias))


def mix(target: Tensor, cross: Tensor, ratio: Tensor) -> Tensor:
    """lambda * c + (1 - lambda) * a_T (Eq. 4, before the layer norm).

    Args:
        target: (I, B, C) target states a_T.
        cross: (I, B, C) output c of the cross attention.
        ratio: (B,) mixup ratio lambda.
    """
    ratio = ratio[None, :, None].to(target.dtype)
    return ratio * cross + (1 - ratio) * target
