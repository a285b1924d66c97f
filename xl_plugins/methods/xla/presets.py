"""Hyper-parameters of XLA (Bari et al., ACL 2021) by problem: Table 8, "X-lingual adaptation" and "Warming up"."""

from __future__ import annotations

from typing import Any

PROBLEM = "tagging"

TRAINING: dict[str, Any] = {
    "weight_decay": 0.01,
    "lr_scheduler": "xla_stage_linear",
    "best_checkpoint_metric": "xla_dev",
    "keep_last_epochs": 1,  # of three members each; checkpoint_best and checkpoint_last stay as well
}
# entities and sentence pairs; first subwords: E.3
BY_PROBLEM: dict[str, dict[str, Any]] = {
    "sentence_pair": {"lr": [1e-6], "xla_warmup_lr": 1e-6, "validate_interval_updates": 25, "max_length": 128},
    "tagging": {
        "lr": [5e-6], "xla_warmup_lr": 3e-5, "validate_interval_updates": 50, "max_length": 280,
        "word_pooling": "first",
    },
}  # fmt: skip
ROWS = {"sentence_pair": (32, 16), "tagging": (16, 4)}  # per update, at once
WARMUP_ROWS = {"sentence_pair": 32, "tagging": 20}  # per update
EPOCHS = 3  # section 3.4
STAGES_PER_EPOCH = 6  # Algorithm 1: each of the three members is trained by two ordered pairs of peers
WARMUP_STAGES = 3
