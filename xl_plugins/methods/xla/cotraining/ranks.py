"""Sums and copies over the ranks of a data-parallel run; without other ranks nothing happens."""

from __future__ import annotations

import numpy as np
import torch
import torch.distributed as dist
from fairseq.distributed import utils as distributed_utils


def rank_and_size() -> tuple[int, int]:
    """This process and how many there are."""
    if not dist.is_available() or not dist.is_initialized():
        return 0, 1
    return distributed_utils.get_data_parallel_rank(), distributed_utils.get_data_parallel_world_size()


def sum_over_ranks(*arrays: np.ndarray) -> None:
    """Add the arrays of all ranks, in place."""
    if rank_and_size()[1] == 1:
        return
    for array in arrays:
        tensor = torch.from_numpy(array).to(_device())
        distributed_utils.all_reduce(tensor, group=distributed_utils.get_data_parallel_group())
        array[...] = tensor.cpu().numpy()


def copy_from_first(array: np.ndarray) -> np.ndarray:
    """The array (of a type that torch has) of the first rank, on every rank; all have the same shape."""
    if rank_and_size()[1] == 1:
        return array
    tensor = torch.from_numpy(np.ascontiguousarray(array)).to(_device())
    distributed_utils.broadcast(tensor, src=0, group=distributed_utils.get_data_parallel_group())
    return tensor.cpu().numpy()


def _device() -> str:
    return "cuda" if dist.get_backend(distributed_utils.get_data_parallel_group()) == "nccl" else "cpu"
