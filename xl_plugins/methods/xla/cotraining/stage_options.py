"""How stages are trained, and how fairseq wants their batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .plan import Stage


@dataclass(frozen=True)
class StageOptions:
    """How stages are trained (XLA, Table 8)."""

    batch_size: int
    update_freq: Sequence[int]
    passes: float
    warmup_passes: float
    warmup_ratio: float
    warmup_lr: float
    alpha: float
    seed: int
    member_seeds: Sequence[int]
    keep_best: bool
    validate_every: int

    def accumulation(self, stage: Stage) -> int:
        """Micro-batches per update, as fairseq reads ``--update-freq``."""
        return self.update_freq[min(stage.number, len(self.update_freq)) - 1]

    def seeds(self, stage: Stage) -> list[int]:
        """Seeds of a stage's order of examples."""
        return [self.member_seeds[stage.member] if stage.is_warmup else self.seed, stage.number]


@dataclass(frozen=True)
class Loading:
    """How fairseq wants batches to be loaded: ``get_batch_iterator``'s arguments."""

    num_shards: int = 1
    shard_id: int = 0
    num_workers: int = 0
    data_buffer_size: int = 0
