"""The entry of a method: all that has to be known of it before any of its code is read. Nothing here needs torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..problems import PROBLEMS, Facts
from .presets import BY_PROBLEM, ROWS_PER_UPDATE, TRAINING


@dataclass(frozen=True)
class Run:
    """The facts that the defaults of a run follow from.

    problem: what is predicted; large: whether the encoder is of the large size; ranks: processes that train;
    given: the options that the method decides by (:attr:`Method.deciding`), None where the user gave none.
    """

    problem: Facts
    large: bool
    ranks: int
    given: Mapping[str, str | None]

    def batches(self, per_update: int, at_once: int) -> dict[str, Any]:
        """``per_update`` rows per update on any number of processes, at most ``at_once`` per pass."""
        rows, passes = share_rows(per_update, at_once, self.ranks)
        return {"batch_size": rows, "update_freq": [passes]}


def share_rows(per_update: int, at_once: int, ranks: int) -> tuple[int, int]:
    """Rows per forward pass of a rank, at most ``at_once``, and passes per update: in all ``per_update`` rows, or as
    near to that as this number of ranks allows."""
    passes = math.ceil(per_update / (at_once * ranks))
    return min(at_once, max(1, round(per_update / (passes * ranks)))), passes


def shared_defaults(run: Run) -> dict[str, Any]:
    """Defaults of a method that is trained as X-Mixup and its baselines."""
    own = BY_PROBLEM.get(run.problem.published, {})
    return {**own, **run.batches(ROWS_PER_UPDATE, own.get("batch_size", TRAINING["batch_size"]))}


@dataclass(frozen=True)
class Method:
    """The entry of a method.

    Args:
        name: its folder.
        prefix: of the names of its tasks, ``<prefix>_<problem>``. Methods of one prefix have the same tasks and differ
            by the criterion, without which a task belongs to the first of them.
        modules: of its folder, those that register tasks, criterions, models and schedules with fairseq.
        criterion: that its tasks are trained with.
        arch: the model, unless the user names another.
        task: the documented name of a task that takes its problem from ``--problem``; ``<prefix>_<problem>`` are
            aliases of it then. Empty for a task per problem.
        problem: of ``--problem`` where it is not given.
        defaults: options of ``fairseq-train`` that replace :data:`~xl_plugins.methods.presets.TRAINING`.
        deciding: options by which ``defaults`` decides.
        counts_epochs: an epoch is a part of the method, whose number ``--max-update`` does not lift.
        starts: options that name checkpoints, separated by commas, whose weights a run starts with.
        free: options without effect on the result, which a resumed run may change.
        members: its models that hold several others, with the model of a single one each.
    """

    name: str
    prefix: str
    modules: tuple[str, ...]
    criterion: str
    arch: str
    task: str = ""
    problem: str = ""
    defaults: Callable[[Run], dict[str, Any]] = shared_defaults
    deciding: tuple[str, ...] = ()
    counts_epochs: bool = False
    starts: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    members: Mapping[str, str] = field(default_factory=dict)

    @property
    def tasks(self) -> dict[str, str]:
        """Documented names of its tasks with the problem of each, empty where that is an option."""
        if self.task:
            return {self.task: ""}
        return {f"{self.prefix}_{facts.name}": facts.name for facts in PROBLEMS.values() if facts.metric}

    @property
    def aliases(self) -> dict[str, tuple[str, str]]:
        """Regular names of a task that takes its problem from an option: that task, and the problem."""
        found = [facts.name for facts in PROBLEMS.values() if facts.metric and facts.changeable]  # texts made of texts
        return {f"{self.prefix}_{name}": (self.task, name) for name in found} if self.task else {}

    def problem_of(self, task: str, option: str | None) -> Facts:
        """The problem of a run with ``task`` and ``--problem option``; a name that is none is refused later."""
        fixed = self.tasks[task]
        return PROBLEMS[fixed] if fixed else PROBLEMS.get(option or self.problem, PROBLEMS[self.problem])
