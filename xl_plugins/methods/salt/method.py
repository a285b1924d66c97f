"""SALT's entry."""

from __future__ import annotations

from typing import Any

from ..base import Method, Run
from . import presets


def defaults(run: Run) -> dict[str, Any]:
    """Their scripts: as many rows per update on any number of GPUs."""
    at_once = presets.ROWS_AT_ONCE["large" if run.large else "base"]
    return {**presets.TRAINING, **run.batches(presets.ROWS_PER_UPDATE, at_once)}


METHOD = Method(
    name="salt", prefix="salt", modules=("task",), criterion="xl_criterion", arch="xl_xlmr", task="salt_augment_task",
    problem=presets.PROBLEM, defaults=defaults,
)  # fmt: skip
