"""``np.int``, ``np.float`` (gone since numpy 1.24), ``np.compat.long`` (since 2.0) in the modules that use them.

For fairseq 0.12 with numpy from 1.24; facebookresearch/fairseq#4945.
It can go when fairseq uses int and float.
"""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import numpy as np

from .patching import overlay

USES_OLD_NUMPY = (
    "fairseq.data.data_utils",
    "fairseq.data.language_pair_dataset",
    "fairseq.data.token_block_dataset",
    "fairseq.modules.dynamic_crf_layer",
)


def restore_numpy_names() -> None:
    """Make the repair; calling it again changes nothing."""
    names: dict[str, Any] = {name: kind for name, kind in (("int", int), ("float", float)) if name not in vars(np)}
    if not hasattr(getattr(np, "compat", None), "long"):
        names["compat"] = SimpleNamespace(long=int)
    if names:
        for name in USES_OLD_NUMPY:
            overlay(importlib.import_module(name), "np", **names)
