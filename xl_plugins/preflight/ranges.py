"""Options of fairseq-train and the values that mean something; fairseq itself takes any."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UserError

_LARGEST = 2**31 - 1  # of a count
_SEEDS = 2**32 - 1  # of numpy's generator


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included unless ``open_low`` or ``open_high``; None where an option may be
    left out. ``example``: what to pass instead."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    example: str = ""

    def holds(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return False
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        low = f"more than {self.low:g}" if self.open_low else f"at least {self.low:g}"
        if self.high in (math.inf, _LARGEST):
            return low if self.high is not math.inf or self.open_low else f"{low} and finite"
        return f"{low} and {'less than' if self.open_high else 'at most'} {self.high:.10g}"


COUNT = Range(0, _LARGEST)
POSITIVE = Range(1, _LARGEST)
WEIGHT = Range(0)
SHARE = Range(0, 1, open_high=True)

RANGES: dict[str, dict[str, Range]] = {
    "common": {
        "seed": Range(0, _SEEDS), "log_interval": POSITIVE, "fp16_init_scale": POSITIVE, "fp16_scale_window": POSITIVE,
        "fp16_scale_tolerance": Range(0, 1), "min_loss_scale": Range(0, open_low=True),
        "threshold_loss_scale": Range(0, open_low=True), "model_parallel_size": Range(1, 1), "empty_cache_freq": COUNT,
        "amp_batch_retries": COUNT, "amp_init_scale": POSITIVE,
    },
    "dataset": {
        "num_workers": COUNT, "batch_size": POSITIVE, "batch_size_valid": POSITIVE, "max_tokens": POSITIVE,
        "max_tokens_valid": POSITIVE, "required_batch_size_multiple": POSITIVE, "data_buffer_size": COUNT,
        "validate_interval": POSITIVE, "validate_interval_updates": COUNT, "validate_after_updates": COUNT,
        "fixed_validation_seed": Range(0, _SEEDS), "max_valid_steps": COUNT,
    },
    "optimization": {
        "max_epoch": COUNT, "max_update": COUNT, "stop_time_hours": WEIGHT, "clip_norm": WEIGHT,
        "update_freq": Range(1, _LARGEST), "lr": Range(0),
    },
    "checkpoint": {
        "save_interval": POSITIVE, "save_interval_updates": COUNT, "keep_interval_updates": Range(-1, _LARGEST),
        "keep_last_epochs": Range(-1, _LARGEST), "keep_best_checkpoints": Range(-1, _LARGEST),
        "patience": Range(-1, _LARGEST),
    },
    "distributed_training": {"distributed_world_size": POSITIVE},
    "model": {
        "dropout": SHARE, "attention_dropout": SHARE, "activation_dropout": SHARE, "pooler_dropout": SHARE,
        "encoder_layerdrop": SHARE, "encoder_layers": Range(1, 1000), "encoder_embed_dim": Range(1, 1 << 20),
        "encoder_ffn_embed_dim": Range(1, 1 << 20), "encoder_attention_heads": Range(1, 1 << 20),
        "max_positions": Range(1, 1 << 24),
    },
    "optimizer": {"adam_eps": Range(0, open_low=True), "adam_betas": SHARE, "weight_decay": WEIGHT, "momentum": SHARE},
    "lr_scheduler": {"warmup_updates": COUNT, "power": Range(0, open_low=True), "end_learning_rate": WEIGHT},
    "task": {"max_length": POSITIVE},
    "ema": {"ema_decay": Range(0, 1)},
}  # fmt: skip
_PARTS = ("task", "model", "criterion", "optimizer", "lr_scheduler", *RANGES)


def check_ranges(cfg: Mapping[str, Any]) -> None:
    """UserError for the first option of a run that is outside its range, or not a number at all (nan)."""
    for group in dict.fromkeys(_PARTS):
        options, ranges = cfg.get(group), RANGES.get(group, {})
        if options is None or not hasattr(options, "items"):
            continue
        for name, value in options.items():
            if name in ranges:
                _check(name, value, ranges[name])
            elif isinstance(value, float) and math.isnan(value):
                raise UserError(f"--{name.replace('_', '-')} {value}: expected a number")


def _check(name: str, value: Any, allowed: Range) -> None:
    if value is None or _is_interpolation(value):
        return
    numbers = list(_numbers(value))
    if not numbers or not all(map(allowed.holds, numbers)):
        several = isinstance(value, (list, tuple)) or hasattr(value, "_content")
        shown = ",".join(map(str, value)) if several else value
        raise UserError(f"--{name.replace('_', '-')} {shown}: expected {allowed}{' for each' if several else ''}")


def _is_interpolation(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("${")


def _numbers(value: Any) -> Iterator[Any]:
    """The numbers of an option, of a list or of one written as text; the text itself where it is none."""
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            yield value
            return
    if isinstance(value, (int, float, str)) or value is None:
        yield value
    else:
        yield from value
