"""Noise on word embeddings (xTune, ACL 2021, section 3.2; R3F, Aghajanyan et al., ICLR 2021)."""

from __future__ import annotations

import torch
from torch import Tensor


def noisy_embeddings(embeddings: Tensor, noise: Tensor | None, detach: Tensor | None = None) -> Tensor:
    """Add noise to the output of the word embedding (B, T, C).

    Args:
        noise: (B, T, C), cast to the embeddings' type; None for none. What stands at padding has no effect.
        detach: (B,) True for rows through which no gradient reaches the word embeddings (R3F); None for none.
    """
    if detach is not None:
        embeddings = torch.where(detach[:, None, None], embeddings.detach(), embeddings)
    return embeddings if noise is None else embeddings + noise.to(embeddings)
