"""Half precision is for matrix products; entropies, divergences and losses are computed in at least float32."""

from __future__ import annotations

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """float16 and bfloat16 become float32; float32 and float64 stay."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()
