"""A checkpoint of mere weights ({"args" or "cfg", "model"}) is a starting point of training.

``_upgrade_state_dict`` takes one without ``optimizer_history`` for an early format and fails on ``best_loss``.

For fairseq 0.12; facebookresearch/fairseq#4541, #5060.
It can go when fairseq starts from weights without a history.
"""

from __future__ import annotations

from typing import Any

from .patching import Function, wrap


def complete_checkpoints() -> None:
    """Make the repair; calling it again changes nothing."""
    from fairseq import checkpoint_utils

    def make(upgrade: Function) -> Function:
        def upgrade_state_dict(state: dict[str, Any]) -> dict[str, Any]:
            if not state.get("optimizer_history") and "best_loss" not in state:
                fresh = {"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0}
                state["optimizer_history"] = [fresh]
                state.pop("last_optimizer_state", None)  # means nothing without the history
            if state.get("extra_state") is None:
                state.pop("extra_state", None)
            if "epoch" not in state and "epoch" not in state.setdefault("extra_state", {}):
                state["extra_state"].setdefault("train_iterator", {"epoch": 1, "iterations_in_epoch": 0})
            return upgrade(state)

        return upgrade_state_dict

    wrap(checkpoint_utils, "_upgrade_state_dict", make)
