"""``--bf16`` means bfloat16 on the CPU or GPU at hand.

On the command line it implies ``--tpu``, which fails without torch_xla; the trainer itself needs no TPU for it.

For fairseq 0.12; facebookresearch/fairseq#4696.
It can go when --bf16 and --tpu are apart in fairseq's options.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from .patching import Function, wrap


def bf16_without_tpu() -> None:
    """Make the repair; calling it again changes nothing."""
    from fairseq import options

    if importlib.util.find_spec("torch_xla"):
        return

    def make(parse: Function) -> Function:
        def parse_args_and_arch(parser: Any, input_args: Any = None, *args: Any, **kwargs: Any) -> Any:
            parsed = parse(parser, input_args, *args, **kwargs)
            options_read = parsed[0] if isinstance(parsed, tuple) else parsed
            if getattr(options_read, "tpu", False):  # absent when a caller asks for given options only
                options_read.tpu = "--tpu" in (sys.argv if input_args is None else input_args)
            return parsed

        return parse_args_and_arch

    wrap(options, "parse_args_and_arch", make)
