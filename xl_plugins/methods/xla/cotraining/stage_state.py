"""Where a run of stages stands, as fairseq stores it in every checkpoint and hands it back after a resume."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from fairseq.data.iterators import EpochBatchIterating, EpochBatchIterator

from ....errors import UserError
from .distil import DistilOptions
from .labelling import Labeller
from .plan import Stage
from .pools import Pools
from .resume import describe_run, refuse_changes, refuse_other_batching
from .stage_data import StageData, make_data, restore_sets
from .stage_options import Loading, StageOptions


class ResumableStages(EpochBatchIterating):
    """The part of the training iterator that is saved: the plan, and within a stage its selection."""

    task: Any
    model: Any
    plan: Sequence[Stage]
    pools: Pools
    labeller: Labeller
    distil: DistilOptions
    options: StageOptions
    loading: Loading
    epoch: int
    scores: list[float]
    data: StageData | None
    fresh: bool
    _inner: EpochBatchIterator | None
    _current: Any
    _pending: bool
    _open: bool
    _best: float
    _improved: bool
    _entry: dict[str, Any]

    @property
    @abstractmethod
    def stage(self) -> Stage:
        """The current one."""

    @abstractmethod
    def finish(self) -> None:
        """End a stage that has begun."""

    @abstractmethod
    def _batches(self, count: int) -> EpochBatchIterator:
        """Micro-batches of the stage's data."""

    @property
    def _batching(self) -> list[int]:
        """Processes, examples per micro-batch and micro-batches per update of the current stage."""
        return [self.loading.num_shards, self.options.batch_size, self.options.accumulation(self.stage)]

    def state_dict(self) -> dict[str, Any]:
        """Where the run stands, and within a stage its selection."""
        if self.end_of_epoch():
            self.finish()
        unfinished = self._open
        state: dict[str, Any] = {
            "version": 2,
            "epoch": self.epoch if unfinished or self._current is None else self.epoch + 1,
            "iterations_in_epoch": self.iterations_in_epoch if unfinished else 0,
            "shuffle": False,
            "plan": describe_run(self.plan, self.options, self.distil),
            "pools": json.dumps(self.pools.fingerprint(), sort_keys=True),
            "scores": torch.tensor(self.scores, dtype=torch.float64),
            "versions": torch.tensor(self.labeller.versions),
            "loss_scale": self.task.scale.factor,
        }
        if unfinished:
            assert self.data is not None
            state["stage"] = {
                "sets": self.data.state_dict(), "clock": self.clock.state_dict(), "best": self._best,
                "improved": self._improved, "entry": json.dumps(self._entry), "batching": self._batching,
            }  # fmt: skip
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        members = len(self.model.members)
        refuse_changes(
            state_dict, members, self.pools.fingerprint(), describe_run(self.plan, self.options, self.distil)
        )
        self.epoch = state_dict["epoch"]
        self.scores = state_dict["scores"].tolist()
        self.labeller.versions = state_dict["versions"].tolist()
        self.task.scale.factor = state_dict["loss_scale"]
        stage = state_dict.get("stage")
        if stage is None:
            return
        refuse_other_batching(stage["batching"], self._batching)
        if self.task.forgets_updates:
            raise UserError(
                "--reset-optimizer: the checkpoint lies within a stage, whose rates follow the number of updates; leave"
                " it out, or resume from the end of a stage"
            )
        self.data = make_data(restore_sets(stage["sets"], self.pools), self.pools, self.options.alpha)
        self.clock.set(**stage["clock"])
        self._best, self._improved, self._entry = stage["best"], stage["improved"], json.loads(stage["entry"])
        self.fresh, self._open, self._pending = False, True, True
        self.model.activate(self.stage.member)
        count = self.clock.total * self.options.accumulation(self.stage) * self.loading.num_shards
        self._inner = self._batches(count)
        done = state_dict["iterations_in_epoch"] // stage["batching"][2] * self._batching[2]
        self._inner.load_state_dict({**state_dict, "iterations_in_epoch": done, "version": 2})
        if self.options.keep_best and self.model.best is None:
            raise UserError("the checkpoint lacks the best weights of its stage; resume from checkpoint_last.pt")
