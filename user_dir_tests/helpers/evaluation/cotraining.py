"""A checkpoint of a co-training run of XLA, made in a second without training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from user_dir_tests.helpers.evaluation.checkpoints import checkpoint_state
from user_dir_tests.helpers.toys.tiny import build

SCORES = [61.5, 58.25, 60.0]


def cotraining(data: tuple[str, Path], active: int | None = None, scores: list[float] = SCORES) -> dict[str, Any]:
    """A run's checkpoint at the end of a stage, or within one of member ``active``; weights are random."""
    setup = build(
        data[1], "xla_cotrain_task", problem=data[0], xla_target="de", word_pooling="sum",
        **({"max_length": 20} if data[0] == "tagging" else {}),
    )  # fmt: skip
    for member, seed in zip(setup.model.members, (1, 2, 3)):
        torch.manual_seed(seed)
        with torch.no_grad():
            for parameter in member.parameters():
                parameter.normal_(0, 0.3)
    if active is not None:
        setup.model.activate(active)
        setup.model.remember()
        with torch.no_grad():
            for parameter in setup.model.member.parameters():
                parameter.add_(1)
    state = checkpoint_state(setup)
    progress: dict[str, Any] = {"epoch": 8, "scores": torch.tensor(scores, dtype=torch.float64)}
    if active is not None:
        progress["stage"] = {"best": 63.125, "entry": json.dumps({"member": active + 1})}
    state["extra_state"]["train_iterator"] = progress
    state["last_optimizer_state"] = {"state": {0: torch.ones(3)}}
    return state
