"""A linear schedule for each training of co-training (XLA, ACL 2021, Table 8): up from 0, then down to 0, and anew."""

from dataclasses import asdict, dataclass
from typing import Any, List, Optional

from fairseq.dataclass import FairseqDataclass
from fairseq.optim.lr_scheduler import FairseqLRScheduler, register_lr_scheduler
from omegaconf import II

from ...functional.selection import linear_factor


@dataclass
class StageClock:
    """Where the current stage begins and how long it is, in updates; ``peak``: its highest rate, None for ``--lr``.

    The iterator over the stages has one and sets it when a stage begins, before the schedule is asked for its first
    rate; how many updates there were before (``start``) the schedule is told then.
    """

    start: Optional[int] = None
    total: int = 0
    warmup: int = 0
    peak: Optional[float] = None

    def set(self, total: int, warmup: int, peak: Optional[float], start: Optional[int] = None) -> None:
        self.start, self.total, self.warmup, self.peak = start, total, warmup, peak

    def state_dict(self) -> dict:
        return asdict(self)


@dataclass
class StageLinearConfig(FairseqDataclass):
    """No options: the task says how long a stage and its warm-up are."""

    lr: List[float] = II("optimization.lr")


@register_lr_scheduler("xla_stage_linear", dataclass=StageLinearConfig)
class StageLinearSchedule(FairseqLRScheduler):
    """Rate of update s of a stage of T updates with W of warm-up: s / W of the peak, then (T - s) / (T - W)."""

    def __init__(self, cfg: Any, optimizer: Any) -> None:
        super().__init__(cfg, optimizer)
        self.clock = self.next_clock = StageClock()
        self.optimizer.set_lr(cfg.lr[0])

    def state_dict(self) -> dict:
        return self.clock.state_dict()

    def load_state_dict(self, state_dict: dict) -> None:
        self.clock = StageClock(**state_dict)

    def follow(self, clock: StageClock) -> None:
        """Take the rates of ``clock`` from the next stage on; those of a restored state hold until it begins."""
        self.next_clock = clock

    def step_begin_epoch(self, epoch: int) -> None:
        self.clock = self.next_clock

    def step_update(self, num_updates: int) -> float:
        clock = self.clock
        if clock.start is None:  # fairseq asks for the rate right after the epoch has begun
            clock.start = num_updates
        peak = self.cfg.lr[0] if clock.peak is None else clock.peak
        if clock.total:
            peak *= linear_factor(num_updates - clock.start, clock.total, clock.warmup)
        self.optimizer.set_lr(peak)
        return self.optimizer.get_lr()
