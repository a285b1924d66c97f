"""Ranks that decide together: what one of them cannot do, all of them leave."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.distributed as dist

from ..errors import UserError, find_user_error


def by_first_rank(trainer: Any, decide: Callable[[], Any]) -> Any:
    """Rank 0's decision (a plain value), on every rank; its UserError is raised on every rank."""
    if trainer.data_parallel_world_size == 1:
        return decide()
    answer: list[Any] = [None, None]
    if trainer.data_parallel_rank == 0:
        try:
            answer[0] = decide()
        except (UserError, OSError) as error:  # such as a full disk
            answer[1] = str(error)
    dist.broadcast_object_list(answer, src=0, group=_group(trainer), device=trainer.device)
    if answer[1] is not None:
        raise UserError(answer[1])
    return answer[0]


def any_rank(trainer: Any, number: int) -> int:
    """The largest ``number`` of all ranks."""
    if trainer.data_parallel_world_size == 1:
        return number
    value = torch.tensor([number], device=trainer.device)
    dist.all_reduce(value, op=dist.ReduceOp.MAX, group=_group(trainer))
    return int(value.item())


@contextlib.contextmanager
def fail_together(trainer: Any) -> Iterator[None]:
    """A UserError within the block on one rank ends the others by one as well, instead of leaving them waiting."""
    failed: BaseException | None = None
    try:
        yield
    except Exception as error:
        if find_user_error(error) is None and not isinstance(error, OSError):
            raise
        failed = error
    if any_rank(trainer, int(failed is not None)):
        raise failed or UserError("another rank could not save the checkpoint; its line says why")


def _group(trainer: Any) -> Any:
    group = trainer.data_parallel_process_group
    return group if isinstance(group, dist.ProcessGroup) else None
