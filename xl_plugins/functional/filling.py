"""The most probable piece, of which only one block of the vocabulary's logits is held at a time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def blockwise_argmax(states: Tensor, weight: Tensor, bias: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Best column of ``states @ weight.T + bias``; of equal ones the first.

    Args:
        states: (P, C).
        weight, bias: output projection (V, C), (V,); a bias of -inf takes a column out.
        width: columns whose logits are held at a time.

    Returns:
        columns (P,) int64 and their logits (P,)
    """
    best = states.new_full((len(states),), float("-inf"))
    columns = torch.zeros(len(states), dtype=torch.int64, device=states.device)
    for start in range(0, len(weight), width):
        logits = F.linear(states, weight[start : start + width], bias[start : start + width])
        values, places = logits.max(dim=1)
        better = (values > best) | values.isnan()  # nan shall be seen by the caller
        best = torch.where(better, values, best)
        columns = torch.where(better, places + start, columns)
    return columns, best
