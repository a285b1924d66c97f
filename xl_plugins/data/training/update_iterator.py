"""fairseq's iterator over training batches, with the order of examples made by updates."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from fairseq.data.iterators import EpochBatchIterator

from ...functional.draws.updates import Plan, Shares, arrange

logger = logging.getLogger(__name__)


class UpdateIterator(EpochBatchIterator):
    """Micro-batches of one process, so that ``steps`` of them on every process make an update of the plan.

    fairseq shuffles batches, and which ones meet in an update then depends on ranks and accumulation. Here whole
    updates are shuffled by (seed, epoch); not in the epochs of ``--curriculum``, which go by length. A checkpoint
    counts updates, so that a run may go on with another split of them.
    """

    def __init__(self, dataset: Any, plan: Plan, shares: Shares, **loading: Any) -> None:
        super().__init__(
            dataset, dataset.collater, plan.batches(), num_shards=shares.ranks, reuse_dataloader=False,
            persistent_workers=False, **loading,
        )  # fmt: skip
        self.plan, self.shares = plan, shares

    @property
    def first_batch(self) -> Any:
        """An example, which fairseq feeds to a process that has none: the first micro-batch may be empty."""
        return self.collate_fn([self.dataset[int(self.plan.ids[-1])]])

    def ordered_batches(self, epoch: int, fix_batches_to_gpus: bool, shuffle: bool) -> list[np.ndarray]:
        seed = (self.seed, epoch) if shuffle else None
        return [self.frozen_batches[number] for number in arrange(self.plan, self.shares, self.shard_id, seed)]

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        done = -(-state["iterations_in_epoch"] // self.shares.steps)
        return state | {"updates_in_epoch": done, "update": self.shares.same}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        done = state_dict.get("updates_in_epoch", state_dict["iterations_in_epoch"] // self.shares.steps)
        before, now = state_dict.get("update", self.shares.same), self.shares.same
        if done and before != now:
            if before[0] and now[0]:
                done = min(done * before[0] // now[0], self.plan.updates - 1)
            logger.warning("an update takes other examples than before: the epoch goes on at update %d", done + 1)
        super().load_state_dict({**state_dict, "iterations_in_epoch": done * self.shares.steps})
