"""How a task's training set comes in updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fairseq.data import data_utils

from ..data.training.update_iterator import UpdateIterator
from ..errors import UserError
from ..functional.draws.updates import Shares, count_updates, plan_epoch, update_sizes


def training_iterator(
    task: Any, dataset: Any, max_tokens: int | None = None, max_sentences: int | None = None,
    max_positions: Any = None, ignore_invalid_inputs: bool = False, required_batch_size_multiple: int = 1,
    seed: int = 1, num_shards: int = 1, shard_id: int = 0, num_workers: int = 0, epoch: int = 1,
    data_buffer_size: int = 0, skip_remainder_batch: bool = False, **unused: Any,
) -> UpdateIterator:  # fmt: skip
    """fairseq's :meth:`FairseqTask.get_batch_iterator` for a training set.

    The order of examples is a function of seed and epoch; ``task.progress`` learns how many updates an epoch has.
    """
    dataset.set_epoch(epoch)
    with data_utils.numpy_seed(seed + epoch):
        order = dataset.ordered_indices()
    if max_positions is not None:
        order = task.filter_indices_by_size(order, dataset, max_positions, ignore_invalid_inputs)
    if not len(order):
        raise UserError("no training example fits --max-positions and --max-tokens; raise them")
    rows = max_sentences
    if rows is not None and rows > required_batch_size_multiple > 1:
        rows -= rows % required_batch_size_multiple
    shares = Shares(num_shards, steps_of(task.cfg.update_freq, epoch), rows, max_tokens)
    tokens = dataset.tokens_per_unit

    def updates(steps: int) -> int:
        other = replace(shares, steps=steps)
        return count_updates(update_sizes(order, tokens, other), other, skip_remainder_batch)

    task.progress.learn(updates)
    plan = plan_epoch(order, dataset.sizes, tokens, shares, (seed, epoch), skip_remainder_batch)
    return UpdateIterator(
        dataset, plan, shares, seed=seed, shard_id=shard_id, num_workers=num_workers, epoch=epoch,
        buffer_size=data_buffer_size,
    )  # fmt: skip


def steps_of(update_freq: Sequence[int], epoch: int) -> int:
    """Micro-batches per update and process in an epoch (from 1), as fairseq reads ``--update-freq``."""
    return update_freq[min(epoch, len(update_freq)) - 1]
