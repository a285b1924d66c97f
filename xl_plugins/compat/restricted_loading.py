"""Checkpoints load under torch >= 2.6, restricted.

There ``torch.load`` defaults to ``weights_only=True`` and fairseq does not list its classes, so neither XLM-R nor
its own checkpoints load. Switching the restriction off would let a downloaded file run code.

For fairseq 0.12 with torch from 2.6; facebookresearch/fairseq#5610.
It can go when fairseq loads with weights_only=True and lists its classes.
"""

from __future__ import annotations

from ..checkpoints.safe_load import load_checkpoint
from .patching import overlay


def restrict_loading() -> None:
    """Make the repair; calling it again changes nothing."""
    from fairseq import checkpoint_utils

    overlay(checkpoint_utils, "torch", load=load_checkpoint)
