"""xTune's entry: another criterion for the tasks of plain fine-tuning."""

from __future__ import annotations

from typing import Any

from ..base import Method, Run
from . import presets


def defaults(run: Run) -> dict[str, Any]:
    """Appendix B; either stage, whichever data set."""
    problem = run.problem.published
    return {
        "max_length": presets.MAX_LENGTH[problem],
        "max_epoch": presets.EPOCHS[problem],
        "warmup_ratio": presets.WARMUP_RATIO,
        **run.batches(presets.ROWS_PER_UPDATE, presets.ROWS_AT_ONCE[problem]["large" if run.large else "base"]),
    }


METHOD = Method(
    name="xtune", prefix="xl", modules=("criterion",), criterion="xtune_criterion", arch="xl_xlmr", defaults=defaults
)
