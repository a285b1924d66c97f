"""One batch of X-Mixup for tagging or question answering: loss, sums and gradients, and how gradients are compared."""

from __future__ import annotations

import torch
from torch import Tensor

from user_dir_tests.helpers.toys.tiny import Setup, batch, gradients

IDS = [3, 18, 24, 42, 50]


def run(setup: Setup, sample: dict | list[int], split: str = "train") -> tuple[float, dict[str, float], dict]:
    """Loss, logged sums and gradients of a batch."""
    setup.model.zero_grad()
    loss, size, logged = setup.criterion(
        setup.model, sample if isinstance(sample, dict) else batch(setup, sample, split)
    )
    assert size == logged["nsentences"] == logged["sample_size"]
    loss.backward()
    return loss.item(), {name: float(value) for name, value in logged.items()}, gradients(setup.model)


def assert_same_gradients(one: dict[str, Tensor], other: dict[str, Tensor], **tolerance: float) -> None:
    for name in one.keys() | other.keys():
        first, second = one.get(name), other.get(name)
        zero = torch.zeros_like(first if first is not None else second)
        torch.testing.assert_close(
            zero if first is None else first, zero if second is None else second,
            msg=lambda text, name=name: f"{name}: {text}",
            **(tolerance or {"atol": 1e-9, "rtol": 1e-6}),
        )  # fmt: skip
