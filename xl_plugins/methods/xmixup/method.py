"""X-Mixup's entry."""

from __future__ import annotations

from typing import Any

from ..base import Method, Run, shared_defaults
from .presets import WEIGHTS


def defaults(run: Run) -> dict[str, Any]:
    """Table 10: training as its baselines', and the weights of its objective."""
    return {**shared_defaults(run), **WEIGHTS[run.problem.published]}


METHOD = Method(
    name="xmixup", prefix="xmixup", modules=("model", "tasks", "criterion"),
    criterion="xmixup_criterion", arch="xmixup_xlmr", defaults=defaults,
)  # fmt: skip
