"""Linear warm-up, then linear decay to zero over the whole run, be it given in epochs or in updates."""

from dataclasses import dataclass, field
from typing import Any, List, Optional

from fairseq.dataclass import FairseqDataclass
from fairseq.optim.lr_scheduler import FairseqLRScheduler, register_lr_scheduler
from omegaconf import II

from ..errors import UserError
from .progress import PROGRESS


@dataclass
class XLLinearConfig(FairseqDataclass):
    """Warm-up of the linear schedule (X-Mixup C.1: none for classification, 10 % for question answering)."""

    warmup_ratio: float = field(
        default=0.0, metadata={"help": "share of the run over which the learning rate rises from 0"}
    )
    lr: List[float] = II("optimization.lr")
    max_epoch: int = II("optimization.max_epoch")
    max_update: int = II("optimization.max_update")
    update_freq: List[int] = II("optimization.update_freq")


@register_lr_scheduler("xl_linear", dataclass=XLLinearConfig)
class XLLinearSchedule(FairseqLRScheduler):
    """lr(i) = lr * i / warm-up, then lr * (total - i) / (total - warm-up); total from --max-update, else from
    --max-epoch."""

    def __init__(self, cfg: Any, optimizer: Any) -> None:
        super().__init__(cfg, optimizer)
        if not 0 <= cfg.warmup_ratio < 1:
            raise UserError(f"--warmup-ratio {cfg.warmup_ratio}: expected a share from 0 up to (not including) 1")
        if not cfg.max_epoch and not cfg.max_update:
            raise UserError("--lr-scheduler xl_linear needs the length of the run: give --max-epoch or --max-update")
        self.optimizer.set_lr(cfg.lr[0])

    def total_updates(self) -> Optional[int]:
        """Length of the run; None until the training batches are known."""
        limits = [self.cfg.max_update] if self.cfg.max_update else []
        if self.cfg.max_epoch and PROGRESS.batches_per_epoch is not None:
            limits.append(PROGRESS.updates_before(self.cfg.max_epoch + 1, self.cfg.update_freq))
        return min(limits) if limits else None

    def step_update(self, num_updates: int) -> float:
        total = self.total_updates()
        peak = self.cfg.lr[0]
        if total is not None:
            warmup = self.cfg.warmup_ratio * total
            if num_updates < warmup:
                # update number num_updates + 1 is about to run; a first update at rate 0 would be wasted
                peak *= (num_updates + 1) / (warmup + 1)
            else:
                peak *= max(0.0, (total - num_updates) / max(1.0, total - warmup))
        self.optimizer.set_lr(peak)
        return self.optimizer.get_lr()
