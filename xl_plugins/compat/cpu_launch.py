"""``torchrun`` starts training on machines without CUDA.

fairseq takes the number of processes from the number of CUDA devices: it divides by zero, or, left to its default
of one process, trains the same model in every process of a machine with one device or none.

For fairseq 0.12; facebookresearch/fairseq#3318, #2879.
It can go when fairseq takes torchrun's number of processes.
"""

from __future__ import annotations

import os
from typing import Any

import torch

from .patching import Function, wrap


def launch_on_cpu() -> None:
    """Make the repair; calling it again changes nothing."""
    from fairseq.distributed import utils as distributed_utils

    def make_infer(infer: Function) -> Function:
        def infer_init_method(cfg: Any, *args: Any, **kwargs: Any) -> None:
            if "TORCHELASTIC_RUN_ID" in os.environ and cfg.distributed_init_method is None and not cfg.tpu:
                cfg.distributed_world_size = int(os.environ["WORLD_SIZE"])
            infer(cfg, *args, **kwargs)

        return infer_init_method

    def make_launch(launch: Function) -> Function:
        def infer_torch_distributed_launch_init(cfg: Any) -> None:
            if torch.cuda.device_count() > 0:
                launch(cfg)
                return
            cfg.distributed_init_method = "env://"
            cfg.distributed_world_size = int(os.environ["WORLD_SIZE"])
            cfg.distributed_rank = int(os.environ["RANK"])
            cfg.device_id = 0
            cfg.distributed_no_spawn = True  # torchrun has made the processes

        return infer_torch_distributed_launch_init

    wrap(distributed_utils, "infer_init_method", make_infer)
    wrap(distributed_utils, "_infer_torch_distributed_launch_init", make_launch)
