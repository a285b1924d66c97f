"""Members of a co-training run as checkpoints of their own, which evaluation opens as any other."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.tasks import TASK_DATACLASS_REGISTRY
from omegaconf import OmegaConf
from torch import Tensor

from ..checkpoints.kinds import missing_file
from ..checkpoints.writing import save_into
from ..errors import UserError
from ..methods import METHODS, PLAIN
from ..output import FileOutput, atomic_file
from ..problems import PROBLEMS

COMMAND = "xl-convert members"
COTRAINING = [method.task for method in METHODS.values() if method.members]  # tasks of runs with several models
_SINGLE = {arch: single for method in METHODS.values() for arch, single in method.members.items()}
_PREFIX, _SNAPSHOT = "members.", "snapshot."


@dataclass(frozen=True)
class Exported:
    """A written member: ``number`` from 1; ``score`` on the dev set that selected it, None where it has none yet;
    ``unfinished``: its training was going on, these are its best weights so far; ``members``: how many there are."""

    number: int
    path: str
    score: float | None
    unfinished: bool
    members: int


def export_members(path: str, folder: str, overwrite: bool = False, best_alone: bool = False) -> list[Exported]:
    """Write ``folder``/member-1.pt and so on from the co-training checkpoint ``path``, all of them or none.

    Each is a checkpoint of ``xl_tagging`` or ``xl_sentence_pair`` with the member's weights, without optimiser. Within
    a training, the member that trains has the best weights of it so far, with which it would go on if it got no better.

    Args:
        best_alone: write only the one with the best dev score.

    Raises:
        UserError: no co-training checkpoint, or a file is there and ``overwrite`` is not set.
    """
    if not os.path.isfile(path):
        otherwise = f"no such file; give a checkpoint of a run with --task {' or '.join(COTRAINING)}"
        raise UserError(f"{path}: {missing_file(path, otherwise)}")
    state = checkpoint_utils.load_checkpoint_to_cpu(path)
    state.pop("last_optimizer_state", None)
    name = OmegaConf.select(state["cfg"], "task._name") if state.get("cfg") is not None else None
    parts = {key.split(".")[1] for key in state["model"] if key.startswith(_PREFIX)}
    numbers = sorted(int(part) for part in parts if part.isdecimal())
    if name not in COTRAINING or not numbers:
        raise UserError(
            f"{path}: a checkpoint of task '{name or 'unknown'}', which has no members; give one of a run with --task"
            f" {' or '.join(COTRAINING)}"
        )
    _check_options(path, state["cfg"])
    progress = (state.get("extra_state") or {}).get("train_iterator") or {}
    active = _active(progress)
    scores = {number: _score(progress, number, active) for number in numbers}
    chosen = [max(numbers, key=lambda number: _or_least(scores[number]))] if best_alone else numbers
    targets = [os.path.join(folder, f"member-{number + 1}.pt") for number in chosen]
    cfg = _plain_config(OmegaConf.to_container(state["cfg"], resolve=True, enum_to_str=True))
    made = []
    with FileOutput(COMMAND, overwrite) as output, output.writing(targets), ExitStack() as files:
        for number, target in zip(chosen, targets):
            score = scores[number]
            content = _checkpoint(state, cfg, number, number == active, score)
            save_into(content, files.enter_context(atomic_file(target, "wb")))
            made.append(Exported(number + 1, target, score, number == active, len(numbers)))
    return made


def _check_options(path: str, cfg: Any) -> None:
    problem = PROBLEMS.get(OmegaConf.select(cfg, "task.problem"))
    groups = ("model", "criterion", "checkpoint")
    if problem is None or not all(OmegaConf.is_dict(cfg.get(group)) for group in groups):
        raise UserError(f"{path}: its options are not those of a co-training run; give the checkpoint as it was saved")


def member_weights(model: Mapping[str, Tensor], number: int, best: bool = False) -> dict[str, Tensor]:
    """Parameters of member ``number`` (from 0) by the names of a single model; ``best``: the snapshot's, if any."""
    prefix = f"{_PREFIX}{number}."
    found = {key.removeprefix(prefix): value for key, value in model.items() if key.startswith(prefix)}
    if not best:
        return found
    kept = {key: model[_SNAPSHOT + key] for key in found if _SNAPSHOT + key in model}
    # the snapshot names a tensor once, a checkpoint has it under every name; saved from a GPU these are tensors apart
    shared = {key: [kept[name] for name in kept if torch.equal(found[name], found[key])] for key in found.keys() - kept}
    return {key: kept.get(key, next(iter(shared.get(key, [])), value)) for key, value in found.items()}


def refuse_cotraining(path: str, name: Any) -> None:
    """UserError for a checkpoint of several models where one is wanted."""
    if name in COTRAINING:
        folder = os.path.join(os.path.dirname(path), "members")
        raise UserError(
            f"{path}: holds the members of a co-training run; write them as checkpoints of their own with xl-convert"
            f" members {path}, and give {os.path.join(folder, 'member-1.pt')} and so on (together with --ensemble)"
        )


def _active(progress: Mapping[str, Any]) -> int | None:
    """The member whose training the checkpoint interrupts, from 0."""
    stage = progress.get("stage")
    return json.loads(stage["entry"])["member"] - 1 if stage else None


def _score(progress: Mapping[str, Any], number: int, active: int | None) -> float | None:
    scores: Sequence[float] = progress["scores"].tolist() if "scores" in progress else []
    score = progress["stage"]["best"] if number == active else scores[number] if number < len(scores) else math.nan
    return float(score) if math.isfinite(score) else None


def _or_least(score: float | None) -> float:
    return -math.inf if score is None else score


def _plain_config(cfg: Any) -> dict[str, Any]:
    """The run's options as those of the plain task, model and criterion; others stay, as a record."""
    problem = cfg["task"]["problem"]
    task = f"{PLAIN.prefix}_{problem}"
    known = {field.name for field in fields(TASK_DATACLASS_REGISTRY[task])}
    cfg["task"] = {**{name: value for name, value in cfg["task"].items() if name in known}, "_name": task}
    cfg["model"]["_name"] = _SINGLE.get(cfg["model"]["_name"], cfg["model"]["_name"])
    cfg["criterion"]["_name"] = PLAIN.criterion
    cfg["checkpoint"]["best_checkpoint_metric"] = PROBLEMS[problem].select_metric  # of its own dev scores
    return cfg


def _checkpoint(
    state: Mapping[str, Any], cfg: Mapping[str, Any], number: int, best: bool, score: float | None
) -> dict[str, Any]:
    updates = int((state.get("optimizer_history") or [{}])[-1].get("num_updates", 0))
    scores = {} if score is None else {"val_loss": score, "best": score}
    return {
        "args": None,
        "cfg": cfg,
        "model": member_weights(state["model"], number, best),
        "task_state": {**(state.get("task_state") or {}), "member": number + 1},
        "optimizer_history": [
            {"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": updates}
        ],
        "extra_state": {"epoch": 1, "train_iterator": {"epoch": 1, "iterations_in_epoch": 0}, **scores},
    }
