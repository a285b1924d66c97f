"""Options of the model that follow from the encoder a run starts from: sizes, order of the norms, activation."""

from __future__ import annotations

import os
from typing import Any

from ..checkpoints.glance import glance
from ..errors import UserError
from ..huggingface.cached import hub_folder
from ..huggingface.encoder import read_shape
from ..huggingface.folder import open_folder

KEPT = (  # what no shape of a weight tells
    "encoder_attention_heads",
    "encoder_normalize_before",
    "layernorm_embedding",
    "activation_fn",
    "layer_norm_eps",
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
    last = os.path.join(save_dir, "checkpoint_last.pt")
    named = restore_file if restore_file != os.path.basename(last) else None
    chosen = (named, finetune_from, (members or "").split(",")[0], last)
    return next((path for path in chosen if path and os.path.exists(path)), "")


def follow_encoder(path: str) -> dict[str, Any]:
    """The model's options by a checkpoint of fairseq or a folder of Hugging Face; what cannot be known is left out, and
    reading the weights says what is wrong with them."""
    if not path:
        return {}
    if folder := hub_folder(path):
        found: dict[str, Any] = vars(read_shape(open_folder(folder, "--restore-file")).options())
        return {name: found[name] for name in OPTIONS}
    try:
        seen = glance(path) if os.path.isfile(path) else None
    except (OSError, UserError):
        seen = None
    if seen is None:
        return {}
    options = {name: seen.options[name] for name in OPTIONS if seen.options.get(name) is not None}
    return options | _sizes(seen.shapes)


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
