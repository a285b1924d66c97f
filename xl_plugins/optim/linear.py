"""Linear warm-up, then linear decay to zero over the whole run, be it given in epochs or in updates."""

from dataclasses import dataclass, field
from typing import Any, List, Optional

from fairseq.dataclass import FairseqDataclass
from fairseq.optim.lr_scheduler import FairseqLRScheduler, register_lr_scheduler
from omegaconf import II

from ..errors import UserError
from ..functional.selection import linear_factor, warmup_updates
from ..ranges import SHARE, check_ranges
from .progress import Progress

WARM_UP = SHARE.said("a share from 0 up to (not including) 1")


@dataclass
class XLLinearConfig(FairseqDataclass):
    """Warm-up of the linear schedule (X-Mixup C.1: none for classification, 10 % for question answering)."""

    warmup_ratio: float = field(
        default=0.0,
        metadata={
            "help": "share of the run over which the learning rate rises from 0",
            "range": WARM_UP,
        },
    )
    lr: List[float] = II("optimization.lr")
    max_epoch: int = II("optimization.max_epoch")
    max_update: int = II("optimization.max_update")
    update_freq: List[int] = II("optimization.update_freq")


@register_lr_scheduler("xl_linear", dataclass=XLLinearConfig)
class XLLinearSchedule(FairseqLRScheduler):
    """Rate of update s (from 0) of T with W of warm-up: s / W of --lr, then (T - s) / (T - W); T from --max-update or
    --max-epoch, the shorter of both, W = floor(--warmup-ratio T). BERT's schedule: the first update has rate 0."""

    def __init__(self, cfg: Any, optimizer: Any) -> None:
        super().__init__(cfg, optimizer)
        check_ranges(cfg, XLLinearConfig)
        if not cfg.max_epoch and not cfg.max_update:
            raise UserError("--lr-scheduler xl_linear needs the length of the run: give --max-epoch or --max-update")
        self.progress = Progress()  # the task's, once the training begins
        self.optimizer.set_lr(cfg.lr[0])

    def total_updates(self) -> Optional[int]:
        """Length of the run; None until the training batches are known."""
        limits = [self.cfg.max_update] if self.cfg.max_update else []
        if self.cfg.max_epoch and self.progress.is_known:
            limits.append(self.progress.updates_before(self.cfg.max_epoch + 1, self.cfg.update_freq))
        return min(limits) if limits else None

    def step_update(self, num_updates: int) -> float:
        total = self.total_updates()
        peak = self.cfg.lr[0]
        if total is not None:
            peak *= linear_factor(num_updates, total, warmup_updates(total, self.cfg.warmup_ratio))
        self.optimizer.set_lr(peak)
        return self.optimizer.get_lr()
