"""Whether a batch has room for every example."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import UserError


def refuse_long_examples(dataset: Any, max_tokens: int | None) -> None:
    """UserError where an example has more positions than a batch may have; fairseq would skip it, or fail."""
    if not max_tokens or not len(dataset):
        return
    lengths = np.asarray(dataset.num_tokens_vec(np.arange(len(dataset))))
    longest, over = int(lengths.max()), int((lengths > max_tokens).sum())
    if over:
        raise UserError(
            f"--max-tokens {max_tokens}: {over} of {len(lengths)} examples are longer, the longest has {longest}"
            f" positions; pass at least {longest}, or a smaller --max-length"
        )
