"""Hyper-parameters of X-Mixup (Yang et al., ICLR 2022) by problem and size, besides those that it shares
with its baselines (``methods/presets.py``)."""

from __future__ import annotations

from ...problems import published_name

# alpha (Table 10) and the KL term, which needs both texts of a pair to have one label (4.2)
WEIGHTS = {
    "sentence_pair": {"mixup_alpha": 0.4, "kl_weight": 1.0},
    "tagging": {"mixup_alpha": 0.8, "kl_weight": 0.0},
    "qa": {"mixup_alpha": 0.2, "kl_weight": 0.0},
}

# Layer m that mixes (5.1), of encoders with 12 and 24 layers; sentence pairs mix in the first one of any.
MIXUP_LAYERS = {"tagging": {12: 4, 24: 4}, "qa": {12: 8, 24: 16}}


# Two readings under one name each. Where the article is silent or contradicted, `official` follows the released
# TensorFlow code. Defects of that code (results that depend on padding, leaks, crashes) are in neither.
# `representation` is for whole texts, `position_representation` for tagging and question answering.
XMIXUP_PRESETS = {
    "paper": {"representation": "mean", "position_representation": "mean", "inference_average": "prob"},
    "official": {"representation": "cls", "position_representation": "sum", "inference_average": "logit"},
}


def mixup_layer(problem: str, layers: int) -> int:
    """The article's layer m; of encoders that it has not, the same share of the depth as of 12 layers."""
    published = MIXUP_LAYERS.get(published_name(problem))
    if published is None:
        return 1
    return published.get(layers) or max(1, round(layers * published[12] / 12))
