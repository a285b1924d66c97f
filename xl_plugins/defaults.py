"""Defaults of ``fairseq-train`` that follow from the task (and, for xTune, from the criterion)."""

from __future__ import annotations

import argparse
import math
import os
from typing import Any

import torch
from fairseq.dataclass.configs import CheckpointConfig

from .methods.salt import presets as salt
from .methods.xla import presets as xla
from .methods.xmixup import presets as xmixup
from .methods.xtune import presets as xtune
from .problems import PROBLEMS, Facts, published_name

_ARCHS = {"xl": ("xl_criterion", "xl_xlmr"), "xmixup": ("xmixup_criterion", "xmixup_xlmr")}


def _of_problem(method: str, problem: Facts) -> dict[str, Any]:
    """Defaults of the task METHOD_PROBLEM."""
    criterion, arch = _ARCHS[method]
    known = problem.published
    own = {"best_checkpoint_metric": problem.select_metric, **xmixup.BY_PROBLEM.get(known, {})}
    weights = xmixup.WEIGHTS[known] if method == "xmixup" else {}
    return {"criterion": criterion, "arch": arch, **xmixup.TRAINING, **own, **weights}


TASK_DEFAULTS: dict[str, dict[str, Any]] = {
    f"{method}_{problem.name}": _of_problem(method, problem)
    for method in _ARCHS
    for problem in PROBLEMS.values()
    if problem.metric
}
TASK_DEFAULTS["salt_augment_task"] = {
    "criterion": "xl_criterion",
    "arch": "xl_xlmr",
    **xmixup.TRAINING,
    **salt.TRAINING,
}
TASK_DEFAULTS["xla_cotrain_task"] = {
    "criterion": "xla_criterion",
    "arch": "xla_cotrain_xlmr",
    **xmixup.TRAINING,
    **xla.TRAINING,
}


def given_options(input_args: list[str] | None) -> argparse.Namespace:
    """The options that decide on defaults, as far as the user gave them."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in (
        "--task",
        "--arch",
        "--criterion",
        "--problem",
        "--update-freq",
        "--batch-size",
        "--max-sentences",
        "--max-tokens",
        "--max-update",
        "--distributed-world-size",
        "--xla-epochs",
        "--xla-warmup-passes",
        "--restore-file",
        "--finetune-from-model",
        "--xla-init-members",
    ):
        parser.add_argument(option, default=None)
    parser.add_argument("--save-dir", default=CheckpointConfig.save_dir)
    return parser.parse_known_args(input_args)[0]


def task_defaults(given: argparse.Namespace) -> dict[str, Any]:
    """Defaults of one of our tasks, empty for others; without a batch size, accumulation makes up the paper's 64
    rows per update (xTune and SALT 32; XLA 32 pairs or 16 sentences)."""
    defaults = dict(TASK_DEFAULTS.get(given.task, {}))
    method, _, problem = (given.task or "").partition("_")
    if defaults:
        ranks = count_ranks(given.distributed_world_size)
        rows, freq = share_rows(xmixup.PAIRS_PER_UPDATE, defaults["batch_size"], ranks)
        defaults |= {"batch_size": rows, "update_freq": [freq]}
        if method == "salt":
            defaults |= _salt_defaults(given.problem or salt.PROBLEM, (given.arch or "").endswith("_large"), ranks)
        if method == "xla":
            defaults |= _xla_defaults(given, ranks)
        if method == "xl" and given.criterion == "xtune_criterion":
            defaults |= _xtune_defaults(problem, (given.arch or "").endswith("_large"), ranks)
    if defaults and given.max_tokens is not None:
        del defaults["batch_size"]
    if defaults and given.max_update is not None and method != "xla":  # the user measures the run in updates
        del defaults["max_epoch"]
    if defaults and any((given.update_freq, given.batch_size, given.max_sentences, given.max_tokens)):
        del defaults["update_freq"]
    return defaults


def _salt_defaults(problem: str, large: bool, ranks: int) -> dict[str, Any]:
    """As many rows per update on any number of GPUs; the problem's own metric selects the checkpoint."""
    rows, freq = share_rows(salt.ROWS_PER_UPDATE, salt.ROWS_AT_ONCE["large" if large else "base"], ranks)
    metric = PROBLEMS.get(problem, PROBLEMS[salt.PROBLEM]).select_metric  # another name is refused later
    return {"batch_size": rows, "update_freq": [freq], "best_checkpoint_metric": metric}


def _xla_defaults(given: argparse.Namespace, ranks: int) -> dict[str, Any]:
    """XLA, Table 8; an epoch of fairseq is one training of Algorithm 1."""
    known = published_name(given.problem or xla.PROBLEM)
    problem = known if known in xla.BY_PROBLEM else xla.PROBLEM  # another name is refused later
    rows, freq = share_rows(*xla.ROWS[problem], ranks)
    stages = count_stages(given.xla_epochs, given.xla_warmup_passes)
    warmup = max(1, xla.WARMUP_ROWS[problem] // (rows * ranks))
    warms_up = warmup != freq and count_stages("0", given.xla_warmup_passes) == xla.WARMUP_STAGES
    freqs = [warmup] * xla.WARMUP_STAGES * warms_up + [freq]  # fairseq reads it by epoch, that is by stage
    defaults = {**xla.BY_PROBLEM[problem], "batch_size": rows, "update_freq": freqs}
    return defaults if stages is None else {**defaults, "max_epoch": stages}


def count_stages(epochs: str | None = None, warmup_passes: str | None = None) -> int | None:
    """Trainings of a co-training run, its warm-up included; None for options that are no numbers."""
    try:
        warmup = xla.WARMUP_STAGES if float(warmup_passes or 0) > 0 else 0
        return xla.STAGES_PER_EPOCH * int(epochs or xla.EPOCHS) + warmup
    except ValueError:
        return None


def _xtune_defaults(problem: str, large: bool, ranks: int) -> dict[str, Any]:
    """xTune, Appendix B; either stage, whichever data set."""
    problem = published_name(problem)
    rows, freq = share_rows(xtune.ROWS_PER_UPDATE, xtune.ROWS_AT_ONCE[problem]["large" if large else "base"], ranks)
    return {
        "max_length": xtune.MAX_LENGTH[problem],
        "max_epoch": xtune.EPOCHS[problem],
        "warmup_ratio": xtune.WARMUP_RATIO,
        "batch_size": rows,
        "update_freq": [freq],
    }


def count_ranks(world_size: str | int | None = None) -> int:
    """Processes that train: as given, as torchrun says, or one per GPU."""
    return int(world_size or os.environ.get("WORLD_SIZE") or 0) or torch.cuda.device_count() or 1


def share_rows(per_update: int, at_once: int, ranks: int) -> tuple[int, int]:
    """Rows per forward pass of a rank, at most ``at_once``, and passes per update: in all ``per_update`` rows, or as
    near to that as this number of ranks allows."""
    passes = math.ceil(per_update / (at_once * ranks))
    return min(at_once, max(1, round(per_update / (passes * ranks)))), passes
