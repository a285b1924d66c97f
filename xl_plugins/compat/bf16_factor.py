"""bfloat16 with an optimizer that scales inside its step (apex's fused Adam) forgets each update's factor.

Gradients are multiplied by 1 / sample size and the clipping coefficient through one pending factor, which such an
optimizer leaves pending. Only loss scaling, which bfloat16 goes without, sets it anew; so it shrank every update.

For fairseq 0.12; facebookresearch/metaseq#330, which mended it there.
It can go when fairseq resets the factor in zero_grad.
"""

from __future__ import annotations

from typing import Any

from .patching import Function, wrap


def reset_bf16_factor() -> None:
    """Make the repair; calling it again changes nothing."""
    from fairseq.optim import fp16_optimizer

    def make(zero_grad: Function) -> Function:
        def zero_grad_and_factor(self: Any) -> None:
            zero_grad(self)
            if self.scaler is None:
                self._multiply_factor = 1.0

        return zero_grad_and_factor

    wrap(fp16_optimizer._FP16OptimizerMixin, "zero_grad", make)
