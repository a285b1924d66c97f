"""Resuming on several ranks: rank 0 reads the checkpoint and sends it to the others, which load it restricted too.

By then its configuration is an omegaconf object, whose classes the others refuse. It travels as plain values, so
that the only class to allow is fairseq's own placeholder for a tensor.

For fairseq 0.12 with torch from 2.6; facebookresearch/fairseq#5610.
It can go when fairseq sends plain values between ranks.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

from ..checkpoints.safe_load import load_restricted
from .patching import Function, overlay, wrap


def restrict_broadcast() -> None:
    """Make the repair; calling it again changes nothing."""
    from fairseq.distributed import utils as distributed_utils
    from omegaconf import OmegaConf

    allow = {"flags": {"allow_objects": True}} if "flags" in inspect.signature(OmegaConf.create).parameters else {}

    def make(broadcast: Function) -> Function:
        def broadcast_object(obj: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(obj, dict) and OmegaConf.is_config(obj.get("cfg")):
                obj = {**obj, "cfg": None, "plain_cfg": OmegaConf.to_container(obj["cfg"], enum_to_str=True)}
            obj = broadcast(obj, *args, **kwargs)
            if isinstance(obj, dict) and "plain_cfg" in obj:
                obj["cfg"] = OmegaConf.create(obj.pop("plain_cfg"), **allow)
            return obj

        return broadcast_object

    placeholder = [distributed_utils._TensorPlaceholder]
    overlay(distributed_utils, "torch", load=functools.partial(load_restricted, more=placeholder))
    wrap(distributed_utils, "broadcast_object", make)
