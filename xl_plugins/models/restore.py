"""Putting the weights of a fine-tuned checkpoint into a model, with nothing missing and nothing made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..errors import UserError


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
