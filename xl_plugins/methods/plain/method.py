"""Plain fine-tuning's entry: zero-shot, translate-train and translate-train-all, trained as X-Mixup's baselines."""

from __future__ import annotations

from ..base import Method

METHOD = Method(name="plain", prefix="xl", modules=("tasks",), criterion="xl_criterion", arch="xl_xlmr")
