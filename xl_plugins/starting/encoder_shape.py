"""Options of the model that follow from the encoder a run starts from: sizes, order of the norms, activation."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from fairseq import utils

from ..checkpoints.glance import glance
from ..checkpoints.writing import LAST
from ..errors import UserError, flag
from ..huggingface.cached import hub_folder
from ..huggingface.encoder import read_shape
from ..huggingface.folder import open_folder
from ..models.config import XLMRConfig

KEPT = (  # what no shape of a weight tells
    "encoder_attention_heads",
    "encoder_normalize_before",
    "no_layernorm_embedding",
    "activation_fn",
    "layer_norm_eps",
    "token_types",
)
_SIZES = ("encoder_layers", "encoder_embed_dim", "encoder_ffn_embed_dim", "max_positions")
_TABLE = "sentence_encoder.embed_positions.weight"
OPTIONS = (*_SIZES, *KEPT)


def starting_point(restore_file: str | None, finetune_from: str | None, members: str | None, save_dir: str) -> str:
    """The file or folder that a run's weights come from, empty where they are drawn.

    Args:
        restore_file, finetune_from, members, save_dir: values of ``--restore-file``, ``--finetune-from-model``,
            ``--xla-init-members`` and ``--save-dir``.
    """
    last = os.path.join(save_dir, LAST)
    named = restore_file if restore_file != LAST else None
    chosen = (named, finetune_from, (members or "").split(",")[0], last)
    return next((path for path in chosen if path and os.path.exists(path)), "")


def follow_encoder(path: str) -> dict[str, Any]:
    """The model's options by a checkpoint of fairseq or a folder of Hugging Face; what cannot be known is left out, and
    reading the weights says what is wrong with them."""
    if not path:
        return {}
    if folder := hub_folder(path):
        return _options(vars(read_shape(open_folder(folder, "--restore-file")).options()))
    try:
        seen = glance(path) if os.path.isfile(path) else None
    except (OSError, UserError):
        seen = None
    if seen is None:
        return {}
    return _options(seen.options) | _sizes(seen.shapes)


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a checkpoint's options that are of the right kind; what it has not, it has as XLM-R has it."""
    kinds = {field.name: type(field.default) for field in fields(XLMRConfig)}
    found = {name: given[name] for name in OPTIONS if type(given.get(name)) is kinds[name]}
    if given.get("layernorm_embedding") is False:  # fairseq's own name
        found["no_layernorm_embedding"] = True
    if found.get("activation_fn") not in (None, *utils.get_available_activation_fns()):
        del found["activation_fn"]
    return found


def differing(saved: Mapping[str, Any], current: Any) -> Iterator[tuple[str, Any, Any]]:
    """Options that no shape of a weight tells, and that a checkpoint and a run have otherwise: name, then, now.

    Args:
        saved: options of the checkpoint's model, empty where it has none.
        current: those of the run.
    """
    if not saved:
        return
    known = {"layer_norm_eps": XLMRConfig.layer_norm_eps, "no_layernorm_embedding": False, "token_types": 0, **saved}
    if saved.get("layernorm_embedding") is False:
        known["no_layernorm_embedding"] = True
    for option in KEPT:
        if known.get(option) is not None and str(known[option]) != str(getattr(current, option, known[option])):
            yield option, known[option], getattr(current, option)


def remedy(option: str, before: Any) -> str:
    """The words that say how to give an option the value that it had."""
    if isinstance(before, bool):
        return f"pass {flag(option)}" if before else f"leave out {flag(option)}"
    return f"pass {flag(option)} {before}"


def _sizes(shapes: dict[str, tuple[int, ...]]) -> dict[str, int]:
    """Sizes by the weights, empty where these are not those of one encoder."""
    tables = [name for name in shapes if name.endswith(_TABLE)]
    if len(tables) != 1:
        return {}
    prefix = tables[0].removesuffix("embed_positions.weight")
    inner = shapes.get(f"{prefix}layers.0.fc1.weight", ())
    if len(inner) != 2:
        return {}
    layers = {name.removeprefix(f"{prefix}layers.").partition(".")[0] for name in shapes if f"{prefix}layers." in name}
    return dict(zip(_SIZES, (len(layers), inner[1], inner[0], shapes[tables[0]][0] - 2)))
