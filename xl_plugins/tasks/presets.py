"""The two readings of X-Mixup that the package offers under one name each."""

from __future__ import annotations

# Where the article is silent or contradicted, `official` follows the released TensorFlow code. Defects of that code
# (results that depend on padding, leaks, crashes) are in neither. `representation` is for sentence pairs,
# `position_representation` for tagging and question answering.
XMIXUP_PRESETS = {
    "paper": {"representation": "mean", "position_representation": "mean", "inference_average": "prob"},
    "official": {"representation": "cls", "position_representation": "sum", "inference_average": "logit"},
}
