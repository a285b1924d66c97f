"""Hyper-parameters of X-Mixup (Yang et al., ICLR 2022) by problem and size."""

from __future__ import annotations

# Layer m that mixes (5.1), of encoders with 12 and 24 layers; sentence pairs mix in the first one of any.
MIXUP_LAYERS = {"tagging": {12: 4, 24: 4}, "qa": {12: 8, 24: 16}}


def mixup_layer(problem: str, layers: int) -> int:
    """The article's layer m; of encoders that it has not, the same share of the depth as of 12 layers."""
    published = MIXUP_LAYERS.get(problem)
    if published is None:
        return 1
    return published.get(layers) or max(1, round(layers * published[12] / 12))
