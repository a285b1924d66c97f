"""Half-precision arithmetic with float32 weights, in training steps and in labelling."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

from ....errors import UserError

_LEAST = 2.0**-14  # as fairseq's --min-loss-scale
TYPES = {"none": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(precision: str, device: torch.device) -> Any:
    """A context in which matrix products are computed in ``precision``: none, bf16 or fp16."""
    dtype = TYPES[precision]
    return contextlib.nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)


class GradientScale:
    """Scaling of losses for float16, whose gradients underflow; with bfloat16 or float32 it does nothing.

    The scaled loss makes scaled gradients; as the sample size that fairseq divides them by is scaled too, clipping and
    optimiser see the true ones. A gradient that overflows skips its update and halves the factor.
    """

    def __init__(self, wanted: bool, initial: float = 128.0) -> None:
        self.factor = float(initial) if wanted else 1.0
        self.wanted = wanted

    def watch(self, optimizer: Any) -> None:
        """Look at the norm of every update's gradients: fairseq gives up where it is not finite, before it asks the
        task for the update, and an optimiser of another class would not take the state of earlier checkpoints."""
        if not self.wanted:
            return
        clip = optimizer.clip_grad_norm

        def clip_grad_norm(*args: Any, **kwargs: Any) -> Any:
            norm = clip(*args, **kwargs)
            if not torch.isfinite(norm):
                self.factor = self.factor / 2
                if self.factor < _LEAST:
                    raise UserError(
                        "--xla-autocast fp16: gradients overflow whatever the loss scale, the training has diverged;"
                        " lower --lr or --xla-warmup-lr, or pass --xla-autocast bf16"
                    )
                raise OverflowError(f"gradient overflow; loss scale reduced to {self.factor:g}")
            return norm

        optimizer.clip_grad_norm = clip_grad_norm

    def scaled(self, loss: Any, size: Any, logged: Any) -> tuple[Any, Any, Any]:
        """A criterion's result with its loss scaled."""
        return (loss * self.factor if self.wanted else loss), size, logged
