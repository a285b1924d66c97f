"""From the states of subword pieces to the states of words (X-Mixup, ICLR 2022, section 4.1 and the released code)."""

from __future__ import annotations

import torch
from torch import Tensor

from .precision import at_least_float32

POOLINGS = ("first", "mean", "sum")


def pool_words(states: Tensor, words: Tensor, how: str) -> Tensor:
    """One vector per word from those of its pieces.

    Args:
        states: (B, T, C) final states.
        words: (B, T) number of the word that a piece belongs to, counted from 1; 0 for special tokens and padding. The
            words of a row are numbered 1, 2, ... without gaps, and the pieces of a word are neighbours.
        how: ``mean`` or ``sum`` over the pieces, or the ``first`` piece.

    Returns:
        (B, W, C) in the type of ``states``, W the largest number; zeros for words that a row does not have. Sums are
        taken in float32.

    Raises:
        ValueError: ``how`` is none of :data:`POOLINGS`.
    """
    if how not in POOLINGS:
        raise ValueError(f"how must be one of {', '.join(POOLINGS)}, got {how!r}")
    numbers = torch.arange(1, int(words.max()) + 1, device=words.device)
    member = words[:, None, :] == numbers[None, :, None]  # (B, W, T)
    if how == "first":
        starts = words.clone()
        starts[:, 1:] = words[:, 1:] * (words[:, 1:] != words[:, :-1])
        member = starts[:, None, :] == numbers[None, :, None]
    # a product with a 0/1 matrix: unlike a scatter it is deterministic on every device
    weights = at_least_float32(member.to(states.dtype))
    if how == "mean":
        weights = weights / weights.sum(dim=-1, keepdim=True).clamp(min=1)
    with torch.autocast(states.device.type, enabled=False):
        return torch.bmm(weights, at_least_float32(states)).to(states.dtype)
