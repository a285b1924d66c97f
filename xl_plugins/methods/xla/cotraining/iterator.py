"""Stages as fairseq's epochs: labelling before a stage, its batches, the return to its best weights after it.

fairseq asks for an epoch's batches before anything else of the epoch happens, stores what this iterator's
``state_dict`` gives in every checkpoint, and hands it back before the first batch after a resume. So the selection of a
stage lives here: a run that goes on in the middle of a stage labels nothing.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from typing import Any

from fairseq.data.iterators import EpochBatchIterator

from ....functional.selection import training_length
from ..schedule import StageClock
from .distil import (
    DistilOptions,
    describe,
    refuse_empty,
    select,
)
from .labelling import Labeller
from .plan import Stage
from .pools import Pools
from .stage_data import StageData, make_data
from .stage_log import StageLog
from .stage_options import Loading, StageOptions
from .stage_state import ResumableStages

logger = logging.getLogger(__name__)


class StageIterator(ResumableStages):
    """The training iterator of a whole run; ``epoch`` is the stage's number.

    Args:
        task: of co-training; its ``datasets["train"]`` becomes the data of the stage.
        model: all members.
    """

    def __init__(
        self, task: Any, model: Any, plan: Sequence[Stage], pools: Pools, labeller: Labeller, distil: DistilOptions,
        options: StageOptions, log: StageLog,
    ) -> None:  # fmt: skip
        self.task, self.model, self.plan, self.pools, self.labeller = task, model, plan, pools, labeller
        self.distil, self.options, self.log, self.loading = distil, options, log, Loading()
        self.clock = StageClock()
        self.epoch = 1
        self.scores = [math.nan] * len(model.members)  # dev score of every member as it is
        self.data: StageData | None = None
        self.fresh = False  # no update of the stage yet
        self.optimizer: Any = None
        self._inner: EpochBatchIterator | None = None
        self._current: Any = None
        self._pending = False  # restored within a stage
        self._open = False  # a stage has begun that is not finished
        self._best, self._improved = -math.inf, False
        self._entry: dict[str, Any] = {}  # of the log
        self._began = time.perf_counter()  # the stage, or this process within it

    @property
    def stage(self) -> Stage:
        """The current one."""
        return self.plan[self.epoch - 1]

    # -- what fairseq asks --

    @property
    def next_epoch_idx(self) -> int:
        return self.epoch + 1 if self._current is not None and not self._pending and self.end_of_epoch() else self.epoch

    def next_epoch_itr(
        self, shuffle: bool = True, fix_batches_to_gpus: bool = False, set_dataset_epoch: bool = True
    ) -> Any:
        if self._pending:
            assert self._inner is not None
            self._pending = False
            self._current = self._inner.next_epoch_itr(shuffle=False)
            return self._current
        self.epoch = self.next_epoch_idx
        self.finish()
        return self._begin()

    def end_of_epoch(self) -> bool:
        return self._current is not None and not self._current.has_next()

    @property
    def iterations_in_epoch(self) -> int:
        return self._inner.iterations_in_epoch if self._inner is not None else 0

    @property
    def n(self) -> int:
        return self.iterations_in_epoch

    def __len__(self) -> int:
        return len(self._inner) if self._inner is not None else 0

    # -- a stage --

    def _begin(self) -> Any:
        stage, options = self.stage, self.options
        if not stage.is_warmup and math.isnan(sum(self.scores)):
            self.scores = [self._score(member) for member in range(len(self.scores))]
        begin, passes_before, seconds_before = time.perf_counter(), self.labeller.passes, self.labeller.seconds
        chosen, reports = select(stage, self.pools, self.labeller, self.distil)
        accumulation, workers = options.accumulation(stage), self.loading.num_shards
        per_update = options.batch_size * accumulation * workers
        passes = options.warmup_passes if stage.is_warmup else options.passes
        examples = sum(len(one.rows) for one in chosen)
        batching = options.batch_size, accumulation, workers
        total, warmup = training_length(examples, passes, *batching, options.warmup_ratio)
        refuse_empty(stage, reports, total, per_update, passes)
        self._began = begin
        self.data = make_data(chosen, self.pools, options.alpha)
        self.clock.set(total, warmup, options.warmup_lr if stage.is_warmup else None)
        self._best = -math.inf if stage.is_warmup else self.scores[stage.member]
        self._improved, self.fresh, self._open = False, True, True
        self.model.activate(stage.member)
        self.model.best = None
        if options.keep_best:
            self.model.remember()
        self._entry = {
            "stage": stage.number, "epoch": stage.epoch, "peers": [peer + 1 for peer in stage.peers],
            "member": stage.member + 1, "pools": describe(reports), "updates": total,
            "start_score": None if stage.is_warmup else self._best,
            "labelling_passes": self.labeller.passes - passes_before,
            "labelling_seconds": round(self.labeller.seconds - seconds_before, 3),
            "selection_seconds": round(time.perf_counter() - begin, 3),  # labelling included
        }  # fmt: skip
        self.log.begin(stage, self._entry)
        self._inner = self._batches(total * accumulation * workers)
        self._current = self._inner.next_epoch_itr(shuffle=False)
        return self._current

    def _batches(self, count: int) -> EpochBatchIterator:
        """fairseq's iterator over the stage's micro-batches, with loader workers of its own."""
        assert self.data is not None
        self.task.datasets["train"] = dataset = self.data.dataset
        load = self.loading
        batches = self.data.batches(self.options.batch_size, count, self.options.seeds(self.stage))
        return EpochBatchIterator(
            dataset, dataset.collater, batches,
            seed=self.options.seed, num_shards=load.num_shards, shard_id=load.shard_id, num_workers=load.num_workers,
            epoch=self.epoch, buffer_size=load.data_buffer_size, disable_shuffling=True, reuse_dataloader=False,
            persistent_workers=False,
        )  # fmt: skip

    def first_update(self, optimizer: Any) -> None:
        """Before the first update of a stage: an optimiser that remembers nothing."""
        self.optimizer = optimizer
        if self.fresh:
            optimizer.optimizer.state.clear()
            self.fresh = False

    def validated(self, score: float, updates: int) -> None:
        """A score of the active member. Only those on the grid of updates count, whatever else made fairseq validate:
        an interrupted run must go on as if nothing had happened."""
        if not self._open:
            return
        at_end, every = self.end_of_epoch(), self.options.validate_every
        if not at_end and (not every or updates % every):
            return
        if not self.options.keep_best:
            self._best, self._improved = score, True
        elif score > self._best:
            self._best, self._improved = score, True
            self.model.remember()
        if at_end:
            self.finish()

    def finish(self) -> None:
        """End a stage: the member becomes its best self, before the checkpoint is written."""
        if not self._open:
            return
        self._open, stage = False, self.stage_of_data
        if self.options.keep_best:
            self.model.go_back()
        if self._improved or not self.options.keep_best:
            self.labeller.changed(stage.member)
        if not stage.is_warmup:
            self.scores[stage.member] = self._best
        if self.optimizer is not None:
            self.optimizer.optimizer.state.clear()
        seconds = round(time.perf_counter() - self._began, 3)
        self._entry |= {"score": self._best, "improved": self._improved, "seconds": seconds}
        if stage.ends_epoch:
            self._entry |= self._epoch_report()
        self.log.end(stage, self._entry)

    @property
    def stage_of_data(self) -> Stage:
        """The stage that the current data belong to."""
        return self.plan[self._entry["stage"] - 1]

    @property
    def dev(self) -> float:
        """Mean over the members of their dev scores; 0 during the warm-up, which another dev set judges."""
        scores = list(self.scores)
        if self._open and not self.stage.is_warmup:
            scores[self.stage.member] = self._best
        return 0.0 if math.isnan(sum(scores)) else sum(scores) / len(scores)

    def _score(self, member: int) -> float:
        target = self.task.target_language
        return self.labeller.scores([member], self.task.datasets["valid"], [target])[target]

    def _epoch_report(self) -> dict[str, Any]:
        """Dev scores of the members and of their ensemble at the end of an XLA epoch."""
        members, valid = list(range(len(self.scores))), self.task.datasets["valid"]
        languages = self.task.valid_languages
        return {
            "members": [self.labeller.scores([member], valid, languages) for member in members],
            "ensemble": self.labeller.scores(members, valid, languages),
        }
