"""Confidence penalty of the models that co-training starts from (XLA, ACL 2021, section 3.1 and Eq. 1)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .precision import at_least_float32


def negative_entropy(logits: Tensor) -> Tensor:
    """-H(p) = sum_c p_c ln p_c in nats: (..., C) -> (...).

    Added to the cross entropy it keeps predictions from becoming certain: its gradient for logit i is p_i (ln p_i + H).
    Through log-softmax it stays finite where a probability underflows.
    """
    log_p = F.log_softmax(at_least_float32(logits), dim=-1)
    return (log_p.exp() * log_p).sum(dim=-1)
