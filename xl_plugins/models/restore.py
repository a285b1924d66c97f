"""Putting the weights of a fine-tuned checkpoint into a model, with nothing missing and nothing made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..errors import UserError
from ..ranges import ranges_of
from .config import XLMRConfig

_SIZES = ("encoder_layers", "encoder_embed_dim", "encoder_ffn_embed_dim", "encoder_attention_heads", "max_positions")


def refuse_unlike_weights(cfg: Any, state: Mapping[str, Tensor], where: str) -> None:
    """UserError where a checkpoint's options ask for an encoder unlike its weights, before it is built."""
    prefix = "encoder.sentence_encoder."
    ranges = ranges_of(XLMRConfig)
    for option in _SIZES:
        value = getattr(cfg, option, None)
        if not isinstance(value, int) or not ranges[option].holds(value):
            raise UserError(f"{where}: its options say {option} {value!r:.40}, no size of an encoder; save it again")
    table, first = state.get(f"{prefix}embed_tokens.weight"), state.get(f"{prefix}layers.0.fc1.weight")
    positions = state.get(f"{prefix}embed_positions.weight")
    layers = {key.split(".")[3] for key in state if key.startswith(f"{prefix}layers.")}
    for option, found in (
        ("encoder_layers", len(layers) or None),
        ("encoder_embed_dim", None if table is None else table.size(-1)),
        ("encoder_ffn_embed_dim", None if first is None else first.size(0)),
        ("max_positions", None if positions is None else len(positions) - 2),
    ):
        if found is not None and found != getattr(cfg, option):
            raise UserError(
                f"{where}: its options say {option} {getattr(cfg, option)}, its weights {found}; give the checkpoint as"
                " it was saved"
            )


def restore_strictly(model: Any, state: Mapping[str, Tensor], head_name: str, where: str) -> Any:
    """Load ``state`` into ``model``; fairseq would fill in a head that is missing with random weights.

    Args:
        head_name: of the problem; the checkpoint must have it.
        where: option or path for messages.

    Raises:
        UserError: the head is missing, or names or shapes differ.
    """
    model.strict_restore = True
    heads = tuple(f"{group}.{head_name}." for group in ("classification_heads", "position_heads"))
    missing = [key for key in model.state_dict() if key.startswith(heads) and key not in state]
    if missing:
        raise UserError(f"{where}: no {missing[0]} in it; give a checkpoint that was fine-tuned on this problem")
    try:
        model.load_state_dict(state, strict=True)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    except RuntimeError as error:  # torch lists the keys over several lines
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{where}: its weights do not fit its own options ({reason})") from None
    return model
