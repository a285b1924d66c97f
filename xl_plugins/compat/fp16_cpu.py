"""``--fp16`` runs on the CPU: slow, but a way to try a recipe or test half-precision arithmetic without a GPU.

The flat float32 copy of the parameters is filed under the current CUDA device, where its updates would not find
parameters in main memory; their own device index is None. fairseq's ``--fp16-no-flatten-grads`` would do for new runs,
but neither way takes the optimiser's state of the other: a run could not go on on another device.

For fairseq 0.12; facebookresearch/fairseq#5296.
It can go when fairseq files the flat copy under the parameters' own device.
"""

from __future__ import annotations

import functools
from typing import Any

import torch

from .patching import MARK


def fp16_on_cpu() -> None:
    """Make the repair; calling it again changes nothing."""
    from fairseq.optim import fp16_optimizer

    build = vars(fp16_optimizer._FP16OptimizerMixin)["build_fp32_params"].__func__
    if hasattr(build, MARK):
        return

    @functools.wraps(build)
    def build_fp32_params(cls: type, args: Any, params: Any, flatten: bool = True) -> Any:
        if not flatten or params[0].device.type != "cpu":
            return build(cls, args, params, flatten=flatten)
        flat = torch.nn.Parameter(torch.cat([parameter.data.float().view(-1) for parameter in params]))
        flat.grad = torch.zeros_like(flat.data)
        return {None: flat}

    setattr(build_fp32_params, MARK, True)
    fp16_optimizer._FP16OptimizerMixin.build_fp32_params = classmethod(build_fp32_params)
