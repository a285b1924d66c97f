"""``xl-convert info``: what a checkpoint is, without running anything of it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

from ..checkpoints.checksums import is_zip
from ..checkpoints.glance import glance
from ..checkpoints.kinds import missing_file
from ..checkpoints.safe_load import load_restricted
from ..errors import UserError
from ..huggingface.cached import hub_folder
from ..huggingface.folder import open_folder
from ..huggingface.weights import Weights
from ..resuming.identity import read_record

_OPTIONS = {
    "layers": "encoder_layers", "width": "encoder_embed_dim", "feed-forward width": "encoder_ffn_embed_dim",
    "attention heads": "encoder_attention_heads", "positions": "max_positions", "activation": "activation_fn",
    "layer norm epsilon": "layer_norm_eps",
}  # fmt: skip
_RECORD = {
    "problem": "problem", "labels": "labels", "source language": "source_language",
    "training languages": "train_languages", "dictionary SHA-256": "dictionary_sha256", "method": "method",
    "versions": "versions",
}  # fmt: skip


def describe(path: str) -> dict[str, Any]:
    """Facts by name, those that are known: kind, architecture, sizes, task, labels, languages, selection, scores,
    updates, parameters.

    Raises:
        UserError: neither a checkpoint of fairseq nor a folder of Hugging Face.
    """
    if folder := hub_folder(path):
        return _of_folder(folder)
    if not os.path.isfile(path):
        raise UserError(f"PATH {path}: {missing_file(path, 'no such file; give a checkpoint or a folder')}")
    seen = glance(path)
    if seen is None:
        load_restricted(path)  # says what is wrong with it
        raise UserError(f"PATH {path}: not a checkpoint of fairseq")
    rest = load_restricted(path, mmap=True) if is_zip(path) else {}  # the old format is that of published archives
    cfg = rest.get("cfg") or {}
    record = read_record(rest.get("task_state"), path)
    found: dict[str, Any] = {"kind": "checkpoint of a task" if record else "pre-trained encoder or other checkpoint"}
    found["architecture"] = seen.options.get("_name") or seen.options.get("arch")
    found |= {name: seen.options.get(option) for name, option in _OPTIONS.items()}
    found |= {"task": (cfg.get("task") or {}).get("_name"), "criterion": (cfg.get("criterion") or {}).get("_name")}
    found |= {name: record.get(key) for name, key in _RECORD.items()}
    found |= _of_training(cfg, record, rest)
    heads = {".".join(name.split(".")[:2]) for name in seen.shapes if name.startswith(("classification_", "position_"))}
    found["heads"] = sorted(heads)
    found["parameters"] = sum(
        math.prod(shape) for name, shape in seen.shapes.items() if name != "encoder.lm_head.weight"
    )
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _of_training(cfg: Mapping[str, Any], record: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    extra, history = state.get("extra_state") or {}, state.get("optimizer_history") or [{}]
    return {
        "selection": record.get("select"),
        "selected on": record.get("select_languages"),
        "metric": (cfg.get("checkpoint") or {}).get("best_checkpoint_metric"),
        "score": extra.get("val_loss"),
        "best score": extra.get("best"),
        "updates": history[-1].get("num_updates"),
        "seed": (cfg.get("common") or {}).get("seed"),
        "training data SHA-256": record.get("training_data"),
        "can go on": bool(state.get("last_optimizer_state")) if record else None,
    }


def _of_folder(path: str) -> dict[str, Any]:
    folder = open_folder(path, "PATH")
    with Weights(folder) as weights:
        count = weights.size
    names = folder.config.get("id2label") or {}
    return {
        "kind": "folder of Hugging Face",
        "architecture": ", ".join(folder.config.get("architectures") or [folder.kind]),
        "layers": folder.config.get("num_hidden_layers"),
        "width": folder.config.get("hidden_size"),
        "attention heads": folder.config.get("num_attention_heads"),
        "layer norm epsilon": folder.config.get("layer_norm_eps"),
        "vocabulary": folder.config.get("vocab_size"),
        **({"labels": [str(name) for name in names.values()]} if isinstance(names, dict) and names else {}),
        "parameters": count,
    }
