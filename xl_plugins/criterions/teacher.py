"""The frozen teacher of R2: a fine-tuned checkpoint that must agree with the run (xTune, ACL 2021, section 3.1)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any

import torch
from fairseq import checkpoint_utils, models
from omegaconf import OmegaConf, open_dict

from ..errors import UserError
from ..methods import TASKS
from ..models.restore import refuse_unlike_weights, restore_strictly
from ..resuming.fitting import DICTIONARY, compare, compare_heads

_ADVICE = {
    "problem": "give a teacher of the same problem",
    DICTIONARY: "prepare both stages' data with the same files",
    "labels": "both must have the same in the same order",
}


def load_teacher(path: str, task: Any) -> torch.nn.Module:
    """The model of a checkpoint, built from its own options, in eval mode and without gradients.

    Any checkpoint of the package for the task's problem may teach, of plain fine-tuning as of X-Mixup (whose plain
    stream is read).

    Raises:
        UserError: there is no such file, or it does not fit ``task`` in problem, dictionary, labels, word pooling or
            length.
    """
    where = f"--teacher {path}"
    if not os.path.isfile(path):
        raise UserError(f"{where}: no such file; give checkpoint_best.pt of the first stage's run")
    try:
        state = checkpoint_utils.load_checkpoint_to_cpu(path)
    except UserError as error:
        raise UserError(f"--teacher {error}") from None
    state.pop("last_optimizer_state", None)  # twice the model's size
    cfg = state.get("cfg")
    _check_identity(where, cfg, state.get("task_state") or {}, task)
    _check_options(where, cfg, task)
    refuse_unlike_weights(cfg.model, state["model"], where)
    with open_dict(cfg.model) if OmegaConf.is_config(cfg.model) else contextlib.nullcontext():
        model = models.build_model(cfg.model, task, from_checkpoint=True)
    task.problem.register_head(model)
    restore_strictly(model, state["model"], task.problem.head_name, where)
    model.requires_grad_(False)
    return model.eval()


def placed_like(teacher: torch.nn.Module, student: torch.nn.Module) -> torch.nn.Module:
    """The teacher on the student's device and in its precision; nothing happens when it is there already."""
    parameter = next(student.parameters())
    return teacher.to(device=parameter.device, dtype=parameter.dtype).eval()


def refuse_as_start(teacher: str, path: str | None, save_dir: str, allowed: bool) -> None:
    """UserError where a run starts from its teacher, or would write over it: xTune's second stage starts from the
    pre-trained model like the first.

    Args:
        path: checkpoint that initialises the run; allowed: whether the user asked for that start.
    """
    if not os.path.isfile(teacher):
        return
    if os.path.isdir(save_dir) and os.path.samefile(os.path.dirname(os.path.abspath(teacher)), save_dir):
        raise UserError(
            f"--teacher {teacher} lies in --save-dir {save_dir}, where this run would overwrite it; save into another"
            " folder"
        )
    same = path is not None and os.path.isfile(path) and os.path.samefile(path, teacher)
    if same and not allowed:
        raise UserError(
            f"--teacher {teacher}: the run would start from its teacher; give the pre-trained model as --restore-file"
            " (both stages start from it), or pass --start-from-teacher"
        )


def _check_identity(where: str, cfg: Any, record: Mapping[str, Any], task: Any) -> None:
    name = OmegaConf.select(cfg, "task._name") if cfg is not None else None
    problem = record.get("problem") or TASKS.get(str(name))
    if not problem or DICTIONARY not in record:
        raise UserError(
            f"{where}: a checkpoint of task '{name or 'unknown'}', not one that this package fine-tuned; give"
            " checkpoint_best.pt of the first stage's run"
        )
    known = {**record, "problem": problem, "labels": list(record.get("labels") or [])}
    for found in compare(known, task.identity(), list(_ADVICE)):
        raise UserError(f"{where}: {found.than(found.place(task.data_bin.root))}; {_ADVICE[found.name]}")


def _check_options(where: str, cfg: Any, task: Any) -> None:
    for found in compare_heads(task.problem, cfg.task, task.cfg):
        raise UserError(f"{where}: {found.told()}; both must be the same")
    positions = cfg.model.get("max_positions")
    if positions is not None and positions < task.cfg.max_length:
        raise UserError(
            f"{where}: reads at most {positions} positions, but --max-length is {task.cfg.max_length}; shorten it or"
            " give another teacher"
        )
