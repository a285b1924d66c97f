"""``xl-convert average``: one checkpoint whose weights are the mean of those of several."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..checkpoints.kinds import missing_file
from ..checkpoints.makers import MAKER, is_made_by
from ..checkpoints.safe_load import load_checkpoint
from ..checkpoints.writing import save_whole
from ..data.binary.kept import check_along, keep_along
from ..errors import UserError
from ..evaluation.members import refuse_cotraining
from ..output import check_file
from ..resuming.fitting import IDENTITY, compare
from .vocabulary import exported

COMMAND = "xl-convert average"


def average(paths: Sequence[str], out: str, overwrite: bool = False) -> int:
    """Write ``out``, the mean of the checkpoints ``paths``, with the options of the first; returns how many they are.

    Sums are in float64, so the order does not matter; what is no floating-point number must be the same everywhere.

    Raises:
        UserError: fewer than two, no checkpoint, or checkpoints of different models or data.
    """
    check_file(out, overwrite, COMMAND, is_made_by(COMMAND))
    if len(paths) < 2:
        raise UserError("CKPT: give at least two checkpoints")
    first = _read(paths[0])
    total = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in first["model"].items()}
    for path in paths[1:]:
        state = _read(path)
        _refuse_others(first, state, paths[0], path)
        for name, tensor in state["model"].items():
            if tensor.is_floating_point():
                total[name] += tensor
            elif not torch.equal(total[name], tensor):
                raise UserError(f"{path}: {name} differs from that in {paths[0]}; average checkpoints of one run")
    kinds = {name: tensor.dtype for name, tensor in first["model"].items()}
    model = _tied(first["model"], {
        name: (tensor / len(paths)).to(kinds[name]) if tensor.is_floating_point() else tensor
        for name, tensor in total.items()
    })  # fmt: skip
    content = exported(first, model)
    content["extra_state"] = {name: value for name, value in content["extra_state"].items()
                              if name not in ("val_loss", "best")}  # fmt: skip
    os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
    check_file(out, overwrite, COMMAND, is_made_by(COMMAND))
    check_along(paths[0], out, "OUT")
    save_whole({**content, MAKER: COMMAND}, out)
    keep_along(paths[0], out, "OUT")
    return len(paths)


def _read(path: str) -> dict[str, Any]:
    if not os.path.isfile(path):
        raise UserError(f"CKPT {path}: {missing_file(path, 'no such file; give checkpoints of a run')}")
    with open(path, "rb") as file:
        state = load_checkpoint(file)
    state.pop("last_optimizer_state", None)
    refuse_cotraining(path, ((state.get("cfg") or {}).get("task") or {}).get("_name"))
    return state


def _refuse_others(first: Mapping[str, Any], other: Mapping[str, Any], one: str, path: str) -> None:
    shapes = [{name: tuple(tensor.shape) for name, tensor in state["model"].items()} for state in (first, other)]
    if shapes[0] != shapes[1]:
        names = sorted({*shapes[0]} ^ {*shapes[1]}) or [n for n in shapes[0] if shapes[0][n] != shapes[1][n]]
        raise UserError(f"{path}: another model than {one} ({names[0]}); average checkpoints of one run")
    ours, theirs = (dict.fromkeys(IDENTITY, "none") | (state.get("task_state") or {}) for state in (first, other))
    for found in compare(theirs, ours):
        raise UserError(f"{path}: {found.than(one)}; average checkpoints of one run")


def _tied(before: Mapping[str, Tensor], model: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same with tensors that were one in ``before`` one again."""
    made: dict[tuple[int, tuple[int, ...]], Tensor] = {}
    return {name: made.setdefault((before[name].data_ptr(), tuple(before[name].shape)), tensor)
            for name, tensor in model.items()}  # fmt: skip
