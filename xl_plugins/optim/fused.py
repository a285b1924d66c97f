"""fairseq's Adam and gradient norm in torch's kernels for many tensors at once.

fairseq computes an update of Adam in eight passes over every tensor, torch's fused kernel in one. Both have the same
law but for epsilon, which fairseq adds to the root of the uncorrected second moment: the kernel gets it divided by the
root of that correction. The state keeps fairseq's form, so that checkpoints of either go on with the other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from fairseq.optim.adam import Adam
from torch import Tensor
from torch.optim.adamw import adamw


class FusedAdam(Adam):
    """fairseq's Adam with decoupled weight decay; float32 parameters are updated by one kernel."""

    @torch.no_grad()
    def step(self, closure: Callable | None = None) -> Any:  # type: ignore[override]
        """One update of the parameters that have a gradient."""
        if not all(_fits(p) for group in self.param_groups for p in group["params"] if p.grad is not None):
            return super().step(closure)
        loss = None if closure is None else closure()
        for group in self.param_groups:
            together: dict[tuple, list[Tensor]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    together[p.device, self._begin(p)].append(p)
            for (device, done), parameters in together.items():
                self._update(group, parameters, done, device)
        return loss

    def _begin(self, p: Tensor) -> int:
        """Updates that a parameter had so far; the first makes its state."""
        state = self.state[p]
        if not state:
            state |= {"step": 0, "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
        for name in ("exp_avg", "exp_avg_sq"):
            state[name] = state[name].to(p)  # of a checkpoint in another precision
        return int(state["step"])

    def _update(self, group: dict[str, Any], parameters: list[Tensor], done: int, device: torch.device) -> None:
        states, (beta1, beta2) = [self.state[p] for p in parameters], group["betas"]
        if group["weight_decay"]:  # as fairseq rounds it, on which the rows that are not trained rely
            torch._foreach_add_(parameters, parameters, alpha=-group["weight_decay"] * group["lr"])
        steps = torch.full((len(parameters),), float(done), device=device).unbind()  # the kernel adds 1
        adamw(
            parameters, [p.grad for p in parameters if p.grad is not None], [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states], [], list(steps), fused=True, amsgrad=False, beta1=beta1,
            beta2=beta2, lr=group["lr"], weight_decay=0.0, eps=group["eps"] / math.sqrt(1 - beta2 ** (done + 1)),
            maximize=False,
        )  # fmt: skip
        for state in states:
            state["step"] = done + 1


def _fits(p: Tensor) -> bool:
    grad = p.grad
    return grad is not None and p.dtype == grad.dtype == torch.float32 and not grad.is_sparse and p.is_contiguous()


def fuse(optimizer: Any) -> None:
    """Let a fairseq optimizer that holds fairseq's own Adam, in any precision, make its updates by the fused kernel,
    and norms of gradients for all of them at once."""
    outer = getattr(optimizer, "fp32_optimizer", None) or getattr(optimizer, "wrapped_optimizer", optimizer)
    inner: Any = getattr(outer, "optimizer", None)
    if type(inner) is not Adam or any(group.get("amsgrad") for group in inner.param_groups):
        return
    inner.__class__ = FusedAdam  # the state stays where schedules, wrappers and checkpoints have it
    outer.clip_grad_norm = lambda limit, aggregate_norm_fn=None: clip(outer.params, limit, aggregate_norm_fn)


def clip(parameters: Iterable[Tensor], limit: float, aggregate: Callable | None = None) -> Tensor:
    """The L2 norm of all gradients, computed in float32; they are scaled to ``limit``, unless that is 0, where it is
    larger.

    Args:
        aggregate: makes the norm of all processes of this one's.
    """
    grads = [p.grad.detach() for p in parameters if p.grad is not None]
    if not grads:
        return torch.tensor(0.0)
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads, 2, dtype=torch.float32)))
    norm = norm if aggregate is None else aggregate(norm)
    if limit > 0:
        torch._foreach_mul_(grads, (float(limit) / (norm + 1e-6)).clamp_(max=1))
    return norm
