"""Checkpoints of random weights as fairseq-train writes them, made in a second without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from user_dir_tests.helpers.toys.tiny import Setup, build


def checkpoint_state(setup: Setup, score: float = 50.0, best: float = 50.0) -> dict[str, Any]:
    """The checkpoint that fairseq-train writes, as far as evaluation reads it."""
    return {
        "args": None,
        "cfg": OmegaConf.to_container(setup.cfg, resolve=True, enum_to_str=True),
        "model": setup.model.state_dict(),
        "task_state": setup.task.state_dict(),
        "optimizer_history": [{"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 7}],
        "extra_state": {"epoch": 1, "val_loss": score, "best": best, "train_iterator": {"epoch": 1}},
        "last_optimizer_state": {},
    }


def balance(setup: Setup) -> None:
    """Shift the head's bias so that every class is predicted: random weights tend to one. Pairs only."""
    setup.model.eval()
    if setup.task.problem.name != "sentence_pair":
        return
    dataset = setup.task.problem.build_dataset([setup.task.problem.build_part("en", 0, "test", 32)], shuffle=False)
    sample = dataset.collater([dataset[i] for i in range(len(dataset))])
    head = setup.model.classification_heads[setup.task.problem.head_name].out_proj
    with torch.no_grad():
        logits, _ = setup.model(**sample["net_input"], classification_head_name=setup.task.problem.head_name)
        head.bias -= logits.mean(0)
        factor = 1 / logits.std(0).mean()
        head.weight *= factor
        head.bias *= factor


def save_checkpoint(
    path: Path, data: Path, task: str = "xmixup_sentence_pair", score: float = 50.0, best: float = 50.0, **options: Any
) -> Setup:  # fmt: skip
    """Write a checkpoint of random weights at ``path`` and return what it was made of."""
    setup = build(data, task, **options)
    balance(setup)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint_state(setup, score, best), path)
    return setup
