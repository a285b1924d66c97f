"""``all_gather_list`` allocates its buffers on a CUDA device whatever the backend; give it some in main memory.

It keeps them as attributes of the module's ``all_gather_list``, which is the wrapper.

For fairseq 0.12; facebookresearch/fairseq#2879.
It can go when fairseq's buffers follow the backend.
"""

from __future__ import annotations

from typing import Any

import torch

from .patching import Function, wrap


def gather_on_cpu() -> None:
    """Make the repair; calling it again changes nothing."""
    from fairseq.distributed import utils as distributed_utils

    def make(gather: Function) -> Function:
        def all_gather_list(data: Any, group: Any = None, max_size: int = 16384) -> list[Any]:
            group = distributed_utils.get_global_group() if group is None else group
            if not distributed_utils.use_xla() and torch.distributed.get_backend(group) == "gloo":
                own: Any = distributed_utils.all_gather_list
                size = max_size * distributed_utils.get_world_size(group)
                if not hasattr(own, "_buffer") or own._buffer.numel() < size:
                    own._buffer, own._cpu_buffer = torch.ByteTensor(size), torch.ByteTensor(max_size)
            return gather(data, group=group, max_size=max_size)

        return all_gather_list

    wrap(distributed_utils, "all_gather_list", make)
