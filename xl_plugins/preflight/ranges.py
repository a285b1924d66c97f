"""All options of a run that have a range: fairseq's own in a table, this package's in their fields."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fairseq.models import ARCH_MODEL_NAME_REGISTRY, MODEL_DATACLASS_REGISTRY
from fairseq.registry import REGISTRIES
from fairseq.tasks import TASK_DATACLASS_REGISTRY

from ..errors import UserError, flag
from ..ranges import COUNT, LARGEST, MORE_THAN_0, POSITIVE, SEED, SHARE, UNIT, WEIGHT, Range, ranges_of

_FROM_MINUS_1 = Range(-1, LARGEST)
# options of fairseq, which itself takes any number
RANGES: dict[str, dict[str, Range]] = {
    "common": {
        "seed": SEED, "log_interval": POSITIVE, "fp16_init_scale": POSITIVE, "fp16_scale_window": POSITIVE,
        "fp16_scale_tolerance": UNIT, "min_loss_scale": MORE_THAN_0, "threshold_loss_scale": MORE_THAN_0,
        "model_parallel_size": Range(1, 1), "empty_cache_freq": COUNT, "amp_batch_retries": COUNT,
        "amp_init_scale": POSITIVE,
    },
    "dataset": {
        "num_workers": COUNT, "batch_size": POSITIVE, "batch_size_valid": POSITIVE, "max_tokens": POSITIVE,
        "max_tokens_valid": POSITIVE, "required_batch_size_multiple": POSITIVE, "data_buffer_size": COUNT,
        "validate_interval": POSITIVE, "validate_interval_updates": COUNT, "validate_after_updates": COUNT,
        "fixed_validation_seed": SEED, "max_valid_steps": COUNT,
    },
    "optimization": {
        "max_epoch": COUNT, "max_update": COUNT, "stop_time_hours": WEIGHT, "clip_norm": WEIGHT,
        "update_freq": POSITIVE, "lr": WEIGHT,
    },
    "checkpoint": {
        "save_interval": POSITIVE, "save_interval_updates": COUNT, "keep_interval_updates": _FROM_MINUS_1,
        "keep_last_epochs": _FROM_MINUS_1, "keep_best_checkpoints": _FROM_MINUS_1, "patience": _FROM_MINUS_1,
    },
    "distributed_training": {"distributed_world_size": POSITIVE},
    "optimizer": {"adam_eps": MORE_THAN_0, "adam_betas": SHARE, "weight_decay": WEIGHT, "momentum": SHARE},
    "lr_scheduler": {"warmup_updates": COUNT, "power": MORE_THAN_0, "end_learning_rate": WEIGHT},
    "ema": {"ema_decay": UNIT},
}  # fmt: skip
_PARTS = ("task", "model", "criterion", "optimizer", "lr_scheduler", *RANGES)
_ENCODER = "xl_xlmr"  # fairseq's own encoders have options of the same names


def check_run_ranges(cfg: Mapping[str, Any]) -> None:
    """UserError for the first option of a run that is outside its range, or not a number at all (nan)."""
    for group in dict.fromkeys(_PARTS):
        options = cfg.get(group)
        if options is None or not hasattr(options, "items"):
            continue
        ranges = RANGES.get(group, {}) | _stated(group, options.get("_name"))
        for name, value in options.items():
            if name in ranges:
                ranges[name].check(flag(name), value)
            elif isinstance(value, float) and math.isnan(value):
                raise UserError(f"{flag(name)} {value}: expected a number")


def _stated(group: str, name: Any) -> dict[str, Range]:
    """Ranges in the fields of the chosen task, architecture, criterion, optimizer or schedule."""
    if group == "task":
        return ranges_of(TASK_DATACLASS_REGISTRY.get(name))
    if group == "model":
        chosen = MODEL_DATACLASS_REGISTRY.get(ARCH_MODEL_NAME_REGISTRY.get(name, name))
        return ranges_of(MODEL_DATACLASS_REGISTRY[_ENCODER]) | ranges_of(chosen)
    return ranges_of(REGISTRIES[group]["dataclass_registry"].get(name)) if group in REGISTRIES else {}
