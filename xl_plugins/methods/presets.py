"""Hyper-parameters that methods share: X-Mixup's (Yang et al., ICLR 2022), whose baselines, plain fine-tuning on the
source language or on translations, were trained alike. SALT and XLA replace what their own articles say."""

from __future__ import annotations

from typing import Any

# C.1 and Table 10, for all problems; then what differs by problem
TRAINING: dict[str, Any] = {
    "optimizer": "adam",
    "adam_betas": "(0.9, 0.999)",
    "adam_eps": 1e-8,
    "weight_decay": 0.0,
    "lr": [5e-6],
    "lr_scheduler": "xl_linear",
    "clip_norm": 1.0,
    "max_epoch": 4,
    "batch_size": 16,
    "required_batch_size_multiple": 1,
    "maximize_best_checkpoint_metric": True,
}
BY_PROBLEM: dict[str, dict[str, Any]] = {"qa": {"max_epoch": 2, "batch_size": 8, "warmup_ratio": 0.1}}
ROWS_PER_UPDATE = 64  # Table 10: 4 devices x 16, question answering 8 x 8
