"""The tensors of a checkpoint that have a row per piece."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from fairseq.data import Dictionary
from torch import Tensor

from ..checkpoints.kinds import missing_file
from ..checkpoints.safe_load import load_checkpoint
from ..data.binary.layout import digest_of
from ..errors import UserError
from ..evaluation.members import refuse_cotraining

TABLES = ("embed_tokens.weight", "lm_head.weight", "lm_head.bias")  # ends of their names, whatever they begin with


def read_model(path: str, option: str, dictionary: Dictionary, dict_path: str) -> dict[str, Any]:
    """A checkpoint without its optimiser, which has a state per row as well.

    Raises:
        UserError: no checkpoint, one of several models, or one with another number of pieces.
    """
    if not os.path.isfile(path):
        otherwise = "no such file; give model.pt of a pre-trained model or a checkpoint"
        raise UserError(f"{option} {path}: {missing_file(path, otherwise)}")
    with open(path, "rb") as file:
        state = load_checkpoint(file)
    refuse_cotraining(path, ((state.get("cfg") or {}).get("task") or {}).get("_name"))
    tables = {name: table for name, table in state["model"].items() if table_kind(name)}
    if not any(name.endswith(TABLES[0]) for name in tables):
        raise UserError(f"{path}: holds no RoBERTa or XLM-R encoder (no embed_tokens.weight)")
    for name, table in tables.items():
        if len(table) != len(dictionary):
            raise UserError(
                f"{path}: {name} has {len(table)} rows, {dict_path} and the five special symbols make"
                f" {len(dictionary)}; give the dict.txt of this model"
            )
    return state


def table_kind(name: str) -> str:
    """Which of :data:`TABLES` a tensor is, empty for another."""
    return next((end for end in TABLES if name == end or name.endswith(f".{end}")), "")


def replace_tables(state: Mapping[str, Any], dictionary: Dictionary, make: Callable[[str, Tensor], Tensor]) -> dict:
    """A checkpoint whose tables are what ``make`` returns for name and table; tensors that were one stay one.

    See :func:`exported`.
    """
    made: dict[tuple[int, tuple[int, ...]], Tensor] = {}
    model = {}
    for name, tensor in state["model"].items():
        if table_kind(name):
            key = (tensor.data_ptr(), tuple(tensor.shape))
            tensor = made[key] if key in made else made.setdefault(key, make(name, tensor))
        model[name] = tensor
    return exported(state, model, dictionary_sha256=digest_of(dictionary))


def exported(state: Mapping[str, Any], model: Mapping[str, Tensor], **changed: Any) -> dict[str, Any]:
    """A checkpoint with other weights: a starting point or a finished model, without optimiser and position in the
    training data.

    Args:
        changed: entries of its record, if it is of one of our tasks.
    """
    history = state.get("optimizer_history") or []
    updates = int(history[-1].get("num_updates", 0)) if history else 0
    record = {name: value for name, value in (state.get("task_state") or {}).items() if name != "training_data"}
    if record:  # of one of our tasks
        record |= {**changed, "exported": True}
    extra = state.get("extra_state") or {}
    scores = {name: extra[name] for name in ("val_loss", "best") if name in extra}
    return {
        "args": state.get("args"),
        "cfg": state.get("cfg"),
        "model": dict(model),
        "task_state": record,
        "optimizer_history": [
            {"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": updates}
        ],
        "extra_state": {"epoch": 1, "train_iterator": {"epoch": 1, "iterations_in_epoch": 0}, **scores},
    }
