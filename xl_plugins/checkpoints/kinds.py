"""Kinds of files that are given for fairseq checkpoints, and checks of a checkpoint's entries."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from xl_plugins.errors import UserError

_SHARD = re.compile(r"-(?:shard\d+|model_part-\d+)(?:-shard\d+)?\.pt$")
_HUGGING_FACE = ("roberta.", "xlm_roberta.", "bert.", "embeddings.", "encoder.layer.", "model.embeddings.", "lm_head.")
_HUGGING_FACE_FILES = ("model.safetensors", "pytorch_model.bin", "config.json")
_WANTED = "give the model.pt of a fairseq archive such as xlmr.base"
_CONVERT = "convert the folder by xl-convert from-hf"
_SHOWN = 3


def name_some(names: Iterable[str]) -> str:
    """The first names and how many there are besides."""
    listed = sorted(map(str, names))
    more = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def missing_file(path: str, otherwise: str) -> str:
    """The words for a ``path`` that is no file: a folder, or a shard beside it; else ``otherwise``."""
    if os.path.isdir(path):
        found = [name for name in _HUGGING_FACE_FILES if os.path.isfile(os.path.join(path, name))]
        if found:
            return f"is a folder of Hugging Face (it holds {found[0]}), not a fairseq checkpoint; {_CONVERT}"
        return f"is a folder; name the file, {os.path.join(path, 'model.pt')} or a checkpoint"
    shard = re.sub(r"\.pt$", "-shard0.pt", path)
    if shard != path and os.path.isfile(shard):
        return f"no such file, only {os.path.basename(shard)} and its like: {_of_shards()}"
    return otherwise


def foreign_kind(path: str) -> str | None:
    """The words for a file that torch cannot read, None where it is of no known kind."""
    try:
        with open(path, "rb") as file:
            head = file.read(9)
    except OSError:
        return None
    if len(head) == 9 and head[8:] == b"{" and 2 <= int.from_bytes(head[:8], "little") < os.path.getsize(path):
        return f"a safetensors file of Hugging Face, not a fairseq checkpoint; {_CONVERT}"
    return None


def is_exported(state: Mapping[str, Any]) -> bool:
    """Whether xl-convert wrote a checkpoint of one of our tasks: weights without the state of their run."""
    return not {"member", "exported"}.isdisjoint(state.get("task_state") or {})


def check_entries(state: Any, name: str) -> None:
    """UserError unless ``state``, read from the file ``name``, has the entries of a fairseq checkpoint."""
    if _SHARD.search(name) or (isinstance(state, Mapping) and "shard_metadata" in state):
        raise UserError(f"{name}: {_of_shards()}")
    if not isinstance(state, dict) or not isinstance(state.get("model"), Mapping):
        if isinstance(state, Mapping) and any(str(key).startswith(_HUGGING_FACE) for key in state):
            raise UserError(f"{name}: weights of Hugging Face, not a fairseq checkpoint; {_CONVERT}")
        found = f"entries {name_some(state)}" if isinstance(state, dict) else type(state).__name__
        raise UserError(f"{name}: not a fairseq checkpoint: no entry 'model' (found {found}); name a fairseq model.pt")
    wrong = [key for key, value in state["model"].items() if not (isinstance(key, str) and isinstance(value, Tensor))]
    if wrong:
        raise UserError(f"{name}: no tensors in its entry 'model': {name_some(wrong)}; download or save it again")
    _check_kinds(state, name)


def _check_kinds(state: Mapping[str, Any], name: str) -> None:
    history = state.get("optimizer_history")
    progress = (state.get("extra_state") or {}) if isinstance(state.get("extra_state"), Mapping) else {}
    for entry, value, kinds in (
        ("cfg", state.get("cfg"), Mapping),
        ("args", state.get("args"), argparse.Namespace),
        ("optimizer_history", history, list),
        *((f"optimizer_history[{i}]", item, dict) for i, item in enumerate(history if type(history) is list else [])),
        ("extra_state", state.get("extra_state"), dict),
        ("extra_state.train_iterator", progress.get("train_iterator"), dict),
        ("task_state", state.get("task_state"), Mapping),
    ):
        if value is not None and not isinstance(value, kinds):
            raise UserError(f"{name}: its entry '{entry}' is a {type(value).__name__}; download or save it again")
    for item in history or []:
        updates = item.get("num_updates", 0)
        if isinstance(updates, bool) or not isinstance(updates, int) or updates < 0:
            raise UserError(f"{name}: its entry 'num_updates' is {updates!r:.40}; download or save it again")


def _of_shards() -> str:
    return (
        "one part of a model that was saved in shards (--ddp-backend fully_sharded, or model parallel); give a"
        " checkpoint that holds the whole model"
    )
