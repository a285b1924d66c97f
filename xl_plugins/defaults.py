"""Defaults of ``fairseq-train`` that follow from the task (and, for xTune, from the criterion)."""

from __future__ import annotations

import argparse
import math
import os
from typing import Any

import torch

from .methods.xtune import presets as xtune

# X-Mixup C.1 and Table 10; its baselines were trained alike.
_COMMON = {
    "optimizer": "adam",
    "adam_betas": "(0.9, 0.999)",
    "adam_eps": 1e-8,
    "weight_decay": 0.0,
    "lr": [5e-6],
    "lr_scheduler": "xl_linear",
    "clip_norm": 1.0,
    "max_epoch": 4,
    "batch_size": 16,
    "required_batch_size_multiple": 1,
    "maximize_best_checkpoint_metric": True,
}
_PROBLEMS: dict[str, dict[str, Any]] = {
    "sentence_pair": {"best_checkpoint_metric": "acc_select"},
    "tagging": {"best_checkpoint_metric": "f1_select"},
    "qa": {"best_checkpoint_metric": "avg_select", "max_epoch": 2, "batch_size": 8, "warmup_ratio": 0.1},
}
_WEIGHTS = {  # alpha of X-Mixup Table 10; no KL where both texts of a pair have different labels (4.2)
    "sentence_pair": {"mixup_alpha": 0.4, "kl_weight": 1.0},
    "tagging": {"mixup_alpha": 0.8, "kl_weight": 0.0},
    "qa": {"mixup_alpha": 0.2, "kl_weight": 0.0},
}
PAIRS_PER_UPDATE = 64  # X-Mixup Table 10: 4 devices x 16, question answering 8 x 8
TASK_DEFAULTS: dict[str, dict[str, Any]] = {
    f"{method}_{problem}": {
        "criterion": criterion,
        "arch": arch,
        **_COMMON,
        **options,
        **(_WEIGHTS[problem] if method == "xmixup" else {}),
    }
    for method, criterion, arch in (("xl", "xl_criterion", "xl_xlmr"), ("xmixup", "xmixup_criterion", "xmixup_xlmr"))
    for problem, options in _PROBLEMS.items()
}

# SALT (Findings of ACL 2023) trains as Huang et al. (EMNLP 2021) do, whose scripts say: batches of 32, 2e-5, one epoch
# of XNLI's copies (PAWS-X three)
TASK_DEFAULTS["salt_augment_task"] = {
    "criterion": "xl_criterion",
    "arch": "xl_xlmr",
    **_COMMON,
    "lr": [2e-5],
    "max_epoch": 1,
}
SALT_ROWS_PER_UPDATE = 32
SALT_ROWS_AT_ONCE = {"base": 32, "large": 8}

# XLA (ACL 2021), Table 8, "X-lingual adaptation": entities and sentence pairs; first subwords: E.3
TASK_DEFAULTS["xla_cotrain_task"] = {
    "criterion": "xla_criterion",
    "arch": "xla_cotrain_xlmr",
    **_COMMON,
    "weight_decay": 0.01,
    "lr_scheduler": "xla_stage_linear",
    "best_checkpoint_metric": "xla_dev",
    "keep_last_epochs": 1,  # of three members each; checkpoint_best and checkpoint_last stay as well
}
_XLA_PROBLEMS: dict[str, dict[str, Any]] = {
    "sentence_pair": {"lr": [1e-6], "xla_warmup_lr": 1e-6, "validate_interval_updates": 25, "max_length": 128},
    "tagging": {
        "lr": [5e-6], "xla_warmup_lr": 3e-5, "validate_interval_updates": 50, "max_length": 280,
        "word_pooling": "first",
    },
}  # fmt: skip
XLA_ROWS = {"sentence_pair": (32, 16), "tagging": (16, 4)}  # per update, at once
XLA_WARMUP_ROWS = {"sentence_pair": 32, "tagging": 20}  # per update ("Warming up")
XLA_EPOCHS = 3  # section 3.4
STAGES_PER_EPOCH = 6  # Algorithm 1: each of the three members is trained by two ordered pairs of peers
WARMUP_STAGES = 3


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
    ):
        parser.add_argument(option, default=None)
    return parser.parse_known_args(input_args)[0]


def task_defaults(given: argparse.Namespace) -> dict[str, Any]:
    """Defaults of one of our tasks, empty for others; without a batch size, accumulation makes up the paper's 64
    rows per update (xTune and SALT 32; XLA 32 pairs or 16 sentences)."""
    defaults = dict(TASK_DEFAULTS.get(given.task, {}))
    method, _, problem = (given.task or "").partition("_")
    if defaults:
        ranks = count_ranks(given.distributed_world_size)
        rows, freq = share_rows(PAIRS_PER_UPDATE, defaults["batch_size"], ranks)
        defaults |= {"batch_size": rows, "update_freq": [freq]}
        if method == "salt":
            defaults |= _salt_defaults(given.problem or "sentence_pair", (given.arch or "").endswith("_large"), ranks)
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
    rows, freq = share_rows(SALT_ROWS_PER_UPDATE, SALT_ROWS_AT_ONCE["large" if large else "base"], ranks)
    metric = _PROBLEMS.get(problem, {}).get("best_checkpoint_metric", "acc_select")
    return {"batch_size": rows, "update_freq": [freq], "best_checkpoint_metric": metric}


def _xla_defaults(given: argparse.Namespace, ranks: int) -> dict[str, Any]:
    """XLA, Table 8; an epoch of fairseq is one training of Algorithm 1."""
    problem = given.problem if given.problem in _XLA_PROBLEMS else "tagging"
    rows, freq = share_rows(*XLA_ROWS[problem], ranks)
    stages = count_stages(given.xla_epochs, given.xla_warmup_passes)
    warmup = max(1, XLA_WARMUP_ROWS[problem] // (rows * ranks))
    warms_up = warmup != freq and count_stages("0", given.xla_warmup_passes) == WARMUP_STAGES
    freqs = [warmup] * WARMUP_STAGES * warms_up + [freq]  # fairseq reads it by epoch, that is by stage
    defaults = {**_XLA_PROBLEMS[problem], "batch_size": rows, "update_freq": freqs}
    return defaults if stages is None else {**defaults, "max_epoch": stages}


def count_stages(epochs: str | None = None, warmup_passes: str | None = None) -> int | None:
    """Trainings of a co-training run, its warm-up included; None for options that are no numbers."""
    try:
        warmup = WARMUP_STAGES if float(warmup_passes or 0) > 0 else 0
        return STAGES_PER_EPOCH * int(epochs or XLA_EPOCHS) + warmup
    except ValueError:
        return None


def _xtune_defaults(problem: str, large: bool, ranks: int) -> dict[str, Any]:
    """xTune, Appendix B; either stage, whichever data set."""
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
