"""Noise as a function of where it goes: the same for an example in whatever batch, on whatever rank, however padded.

Each number comes from a hash of (seed, update, view, example id, position, channel) instead of a generator's state, so
a run with other data workers, ranks or accumulation adds the same noise, and two passes can be given the same.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .random import shift_tensor, signed, step_tensor

KINDS = ("normal", "uniform")
_PURPOSE = 0x6E6F697365  # "noise": keeps the numbers apart from other uses of the same counters
_AT_ONCE = 1 << 26  # elements; larger tensors are made in groups of rows, for the memory of the 64-bit hashes


def counter_noise(
    seed: int,
    update: int,
    ids: Tensor,
    length: int,
    width: int,
    eps: float,
    kind: str = "normal",
    view: int = 0,
    device: torch.device | str | None = None,
) -> Tensor:
    """Independent noise for the embeddings of some examples.

    Args:
        seed, update: of the run; negative seeds are as good as others.
        ids: (R,) int64, examples.
        length, width: positions T and channels C; a smaller tensor is the corner of a larger one.
        eps: standard deviation (normal) or greatest absolute value (uniform).
        kind: ``normal`` or ``uniform`` (on [-eps, eps]).
        view: tells several noises of one example and update apart.
        device: of the result, by default that of ``ids``.

    Returns:
        (R, T, C) float32.
    """
    if kind not in KINDS:
        raise ValueError(f"noise is {' or '.join(KINDS)}, not {kind!r}")
    device = torch.device(device) if device is not None else ids.device
    keys = torch.zeros(1, dtype=torch.int64, device=device)
    for counter in (_PURPOSE, seed, update, view):
        keys = step_tensor(keys ^ signed(counter))
    keys = step_tensor(keys ^ ids.to(device=device, dtype=torch.int64))
    positions = torch.arange(length, device=device)
    pairs = torch.arange((width + 1) // 2, device=device)  # one hash of 64 bits serves two channels
    group = max(1, _AT_ONCE // max(1, length * width))
    parts = [
        _numbers(step_tensor(step_tensor(some[:, None] ^ positions)[:, :, None] ^ pairs), eps, kind)[..., :width]
        for some in keys.split(group)
    ]
    return torch.cat(parts) if len(parts) != 1 else parts[0]


def _numbers(hashes: Tensor, eps: float, kind: str) -> Tensor:
    """Two numbers per hash, side by side: (R, T, P) int64 -> (R, T, 2P) float32."""
    high = _uniform(shift_tensor(hashes, 32))
    low = _uniform(hashes & 0xFFFFFFFF)
    if kind == "uniform":
        return torch.stack((high, low), dim=-1).flatten(-2).mul_(2).sub_(1).mul_(eps)
    radius = high.log_().mul_(-2).sqrt_().mul_(eps)  # Box and Muller, Ann. Math. Statist. 1958
    angle = low.mul_(2 * math.pi)
    return torch.stack((radius * angle.cos(), radius * angle.sin()), dim=-1).flatten(-2)


def _uniform(bits: Tensor) -> Tensor:
    """float32 in (0, 1] from integers of 32 bits."""
    return bits.to(torch.float32).add_(0.5).mul_(2.0**-32)
