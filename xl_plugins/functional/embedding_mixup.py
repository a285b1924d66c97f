"""Random interpolation of two word embeddings (SALT, Wang et al., Findings of ACL 2023, section 2.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from .draws.noise import counter_noise

GRANULARITIES = ("instance", "token", "scalar")
_VIEW = 0x6D6978  # "mix": keeps r apart from noise with the same counters


def mixing_ratio(seed: int, update: int, ids: Tensor, length: int, width: int, granularity: str = "instance") -> Tensor:
    """r, uniform on [0, 1] and independent in every component; a pure function of (seed, update, id, component).

    Args:
        ids: (B,) int64, training instances; rows of one instance share their r.
        length, width: positions T and channels C.
        granularity: ``instance`` one vector for all positions (the article), ``token`` one per position, ``scalar`` one
            number per instance.

    Returns:
        (B, 1, C), (B, T, C) or (B, 1, 1) float32.
    """
    if granularity not in GRANULARITIES:
        raise ValueError(f"granularity is {', '.join(GRANULARITIES)}, not {granularity!r}")
    shape = {"instance": (1, width), "token": (length, width), "scalar": (1, 1)}[granularity]
    return counter_noise(seed, update, ids, *shape, eps=0.5, kind="uniform", view=_VIEW) + 0.5


def mix_embeddings(original: Tensor, counterpart: Tensor, ratio: Tensor) -> Tensor:
    """h = r * E[s] + (1 - r) * E[t], exactly E[s] where r is 1 or both are the same, exactly E[t] where r is 0.

    Args:
        original, counterpart: E[s], E[t], (B, T, C); gradients reach both.
        ratio: r, broadcast to (B, T, C), cast to the embeddings' type.
    """
    return torch.lerp(counterpart, original, ratio.to(original))
