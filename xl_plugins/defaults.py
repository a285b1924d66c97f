"""Defaults of ``fairseq-train`` that follow from the task and the criterion: each method's own."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

import torch
from fairseq.dataclass.configs import CheckpointConfig

from .errors import flag
from .methods import TASKS, from_all, method_of
from .methods.base import Run
from .methods.presets import TRAINING

# options besides task, model, criterion and the number of processes that decide on defaults of others
DECIDING = (
    "problem", "update_freq", "batch_size", "max_sentences", "max_tokens", "max_update", *from_all("deciding"),
)  # fmt: skip
_STARTS = ("restore_file", "finetune_from_model", *from_all("starts"))


def given_options(input_args: list[str] | None) -> argparse.Namespace:
    """The options that decide on defaults, as far as the user gave them."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in ("task", "arch", "criterion", *DECIDING, "distributed_world_size", *_STARTS):
        parser.add_argument(flag(option), default=None)
    parser.add_argument("--save-dir", default=CheckpointConfig.save_dir)
    return parser.parse_known_args(input_args)[0]


def start_options(value: Callable[[str], Any]) -> tuple[Any, Any, str, str]:
    """Where a run may start, as :func:`~xl_plugins.starting.encoder_shape.starting_point` takes it; ``value`` gives the
    value of an option by its name."""
    members = ",".join(filter(None, map(value, from_all("starts"))))
    return value("restore_file"), value("finetune_from_model"), members, value("save_dir")


def task_defaults(given: argparse.Namespace) -> dict[str, Any]:
    """Defaults of one of our tasks, empty for others; without a batch size, accumulation makes up the rows per update
    of the method's article."""
    if given.task not in TASKS:
        return {}
    method = method_of(given.task, given.criterion)
    run = Run(
        method.problem_of(given.task, given.problem), (given.arch or "").endswith("_large"),
        count_ranks(given.distributed_world_size), {name: getattr(given, name) for name in method.deciding},
    )  # fmt: skip
    defaults = {
        "criterion": method.criterion,
        "arch": method.arch,
        **TRAINING,
        "best_checkpoint_metric": run.problem.select_metric,
        **method.defaults(run),
    }
    if given.max_tokens is not None:
        del defaults["batch_size"]
    if given.max_update is not None and not method.counts_epochs:  # the user measures the run in updates
        del defaults["max_epoch"]
    if any((given.update_freq, given.batch_size, given.max_sentences, given.max_tokens)):
        del defaults["update_freq"]
    return defaults


def count_ranks(world_size: str | int | None = None) -> int:
    """Processes that train: as given, as torchrun says, or one per GPU."""
    return int(world_size or os.environ.get("WORLD_SIZE") or 0) or torch.cuda.device_count() or 1
