"""A run that has reached its end is told to be finished when it is started again, and nothing of it changes.

fairseq makes one more update of a run that ended by ``--max-update``, and forgets how long ``--patience`` has waited:
the latter is stored in the checkpoint here, so that an interrupted run stops where it would have stopped.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from .loop import loop_module

logger = logging.getLogger(__name__)
PATIENCE = "xl_patience"  # in a checkpoint's extra_state


class NoMoreEpochs:
    """The training iterator of a finished run: its next epoch is beyond every limit."""

    next_epoch_idx = math.nan  # compares as "not within" even to no limit at all


def patience_state() -> dict[str, Any]:
    """The count of ``--patience`` so far, for ``extra_state``."""
    seen = vars(getattr(loop_module(), "should_stop_early", object)) if loop_module() else {}
    return {PATIENCE: {name: seen[name] for name in ("best", "num_runs")}} if "num_runs" in seen else {}


def restore_patience(extra_state: Mapping[str, Any] | None) -> None:
    """Go on with what a checkpoint remembers of it, or anew."""
    function = getattr(loop_module(), "should_stop_early", None)
    if function is None:
        return
    for name in ("best", "num_runs"):
        vars(function).pop(name, None)
    vars(function).update((extra_state or {}).get(PATIENCE) or {})


def limit_reached(cfg: Any, updates: int, rate: float, iterator: Any, waited: int) -> str | None:
    """The option at whose value a restored run has ended, as on the command line; None for one that goes on.

    Args:
        cfg: the whole configuration.
        updates: of the checkpoint.
        rate: learning rate.
        iterator: of the training, restored.
        waited: validations without improvement.
    """
    limits = cfg.optimization
    if not updates:
        return None
    if limits.max_update and updates >= limits.max_update:
        return f"--max-update {limits.max_update}"
    if limits.max_epoch and iterator.next_epoch_idx > limits.max_epoch:
        return f"--max-epoch {limits.max_epoch}"
    if cfg.checkpoint.patience > 0 and waited >= cfg.checkpoint.patience:
        return f"--patience {cfg.checkpoint.patience}"
    if rate <= limits.stop_min_lr and iterator.iterations_in_epoch == 0:
        return f"--stop-min-lr {limits.stop_min_lr}"
    return None


def end_finished(trainer: Any, extra_state: Mapping[str, Any] | None, iterator: Any) -> Any:
    """The iterator to train with: ``iterator``, or one without epochs where the restored run has ended; says so."""
    updates = trainer.get_num_updates()
    restore_patience(extra_state if updates else None)
    waited = ((extra_state or {}).get(PATIENCE) or {}).get("num_runs", 0)
    limit = limit_reached(trainer.cfg, updates, trainer.get_lr(), iterator, waited)
    if limit is None:
        return iterator
    logger.info(
        "--save-dir %s: this run is finished: it ended after %d updates by %s; nothing is changed (to go on, give a"
        " further limit)", trainer.cfg.checkpoint.save_dir, updates, limit,
    )  # fmt: skip
    return NoMoreEpochs()
