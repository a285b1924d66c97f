"""Hyper-parameters of SALT (Wang et al., Findings of ACL 2023), which trains as Huang et al. (EMNLP 2021) do."""

from __future__ import annotations

from typing import Any

PROBLEM = "sentence_pair"  # the article has no other

# their scripts: batches of 32, 2e-5, one epoch of XNLI's copies (PAWS-X three)
TRAINING: dict[str, Any] = {"lr": [2e-5], "max_epoch": 1}
ROWS_PER_UPDATE = 32
ROWS_AT_ONCE = {"base": 32, "large": 8}
