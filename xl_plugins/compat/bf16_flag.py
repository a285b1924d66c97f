"""``--bf16`` means bfloat16 on the CPU or GPU at hand.

On the command line it implies ``--tpu``, which fails without torch_xla; the trainer itself needs no TPU for it.

For fairseq 0.12; facebookresearch/fairseq#4696.
It can go when --bf16 and --tpu are apart in fairseq's options.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from typing import Any


def bf16_without_tpu(parsed: Any, input_args: Sequence[str] | None) -> Any:
    """The result of ``options.parse_args_and_arch`` with ``tpu`` as it was given: our wrapper of that function
    (``hooks``) asks for this repair, so that there is one wrapper."""
    options_read = parsed[0] if isinstance(parsed, tuple) else parsed
    if getattr(options_read, "tpu", False) and not importlib.util.find_spec("torch_xla"):  # absent in a partial parse
        options_read.tpu = "--tpu" in (sys.argv if input_args is None else input_args)
    return parsed
