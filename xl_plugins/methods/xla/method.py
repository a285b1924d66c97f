"""XLA's entry."""

from __future__ import annotations

from typing import Any

from ..base import Method, Run, share_rows
from . import presets


def defaults(run: Run) -> dict[str, Any]:
    """Table 8; an epoch of fairseq is one training of Algorithm 1."""
    known = run.problem.published
    problem = known if known in presets.BY_PROBLEM else presets.PROBLEM  # another one is refused later
    epochs, warmup_passes = run.given["xla_epochs"], run.given["xla_warmup_passes"]
    rows, freq = share_rows(*presets.ROWS[problem], run.ranks)
    warmup = max(1, presets.WARMUP_ROWS[problem] // (rows * run.ranks))
    warms_up = warmup != freq and count_stages("0", warmup_passes) == presets.WARMUP_STAGES
    freqs = [warmup] * presets.WARMUP_STAGES * warms_up + [freq]  # fairseq reads it by epoch, that is by stage
    own = {**presets.TRAINING, **presets.BY_PROBLEM[problem], "batch_size": rows, "update_freq": freqs}
    stages = count_stages(epochs, warmup_passes)
    return own if stages is None else {**own, "max_epoch": stages}


def count_stages(epochs: str | None = None, warmup_passes: str | None = None) -> int | None:
    """Trainings of a co-training run, its warm-up included; None for options that are no numbers."""
    try:
        warmup = presets.WARMUP_STAGES if float(warmup_passes or 0) > 0 else 0
        return presets.STAGES_PER_EPOCH * int(epochs or presets.EPOCHS) + warmup
    except ValueError:
        return None


METHOD = Method(
    name="xla", prefix="xla", modules=("model", "schedule", "task", "criterion"),
    criterion="xla_criterion", arch="xla_cotrain_xlmr", task="xla_cotrain_task", problem=presets.PROBLEM,
    defaults=defaults,
    deciding=("xla_epochs", "xla_warmup_passes"), counts_epochs=True, starts=("xla_init_members",),
    free=("xla_label_tokens",),
    members={"xla_cotrain_xlmr": "xl_xlmr", "xla_cotrain_xlmr_large": "xl_xlmr_large"},
)  # fmt: skip
