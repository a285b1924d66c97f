"""Exempting single parameters from weight decay, whatever precision wrapper holds the optimizer.

fairseq builds one parameter group, and its half-precision optimizers flatten all parameters into one tensor, so a
group without decay cannot be asked for. Its Adam and Adamax apply decoupled decay, p <- p - wd lr p, which can be
given back exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

_DECOUPLED = {"FairseqAdam", "FairseqAdamax"}


def _masters(optimizer: Any, parameters: Sequence[Tensor]) -> list[Tensor]:
    """The tensors that the optimizer really updates: float32 copies under --fp16 and --bf16, else the parameters."""
    if not hasattr(optimizer, "fp32_params"):
        return [p.data for p in parameters]
    copies: dict[int, Tensor] = {}
    if isinstance(optimizer.fp32_params, dict):  # one flat tensor per device
        for flat in optimizer.fp32_params.values():
            offset = 0
            for p in optimizer.fp16_params:
                copies[id(p)] = flat.data[offset : offset + p.numel()].view_as(p)
                offset += p.numel()
    else:
        copies = {id(p): copy.data for p, copy in zip(optimizer.fp16_params, optimizer.fp32_params)}
    return [copies[id(p)] for p in parameters]


def decay_frozen(optimizer: Any, tables: Sequence[Any]) -> None:
    """Note the weight decay of the update just made in tables whose frozen rows the optimizer does not know.

    Args:
        tables: of :class:`~xl_plugins.models.active.ActiveEmbedding`; those that do not train have no decay.
    """
    group = optimizer.param_groups[0]
    rate = group.get("weight_decay", 0.0) * group["lr"]
    for table in tables:
        if rate and table.active.requires_grad:
            table.decayed(rate, copies=hasattr(optimizer, "fp32_params"))


@contextmanager
def without_decay(optimizer: Any, parameters: Sequence[Tensor]) -> Iterator[None]:
    """Run the enclosed ``optimizer.step()`` without weight decay on ``parameters``.

    Args:
        optimizer: fairseq optimizer of any precision.
        parameters: model parameters, part of the optimizer.
    """
    inner = getattr(optimizer, "fp32_optimizer", None) or getattr(optimizer, "wrapped_optimizer", optimizer)
    group = optimizer.param_groups[0]
    decay = group.get("weight_decay", 0.0) * group["lr"]
    if not decay or not parameters or type(inner).__name__ not in _DECOUPLED:
        yield
        return
    masters = _masters(optimizer, parameters)
    before = [master.clone() for master in masters]
    yield
    with torch.no_grad():
        for parameter, master, old in zip(parameters, masters, before):
            master.add_(old, alpha=decay)
            if master.data_ptr() != parameter.data_ptr():
                parameter.data.copy_(master)
