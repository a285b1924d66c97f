"""Linear schedule over a run given in epochs or in updates."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

import pytest

from xl_plugins.errors import UserError
from xl_plugins.optim.linear import XLLinearSchedule
from xl_plugins.optim.progress import Progress


class Optimizer:
    """Holds a learning rate."""

    lr = 0.0

    def set_lr(self, lr: float) -> None:
        self.lr = lr

    def get_lr(self) -> float:
        return self.lr


def batches(count: int) -> Callable[[int], int]:
    """Updates of an epoch of so many batches, by ``--update-freq``."""
    return lambda freq: -(-count // freq)


def schedule(monkeypatch: pytest.MonkeyPatch, **changed: object) -> XLLinearSchedule:
    monkeypatch.setattr("fairseq.optim.lr_scheduler.fairseq_lr_scheduler.FairseqOptimizer", Optimizer)
    cfg = Namespace(
        **{"lr": [2e-3], "warmup_ratio": 0.0, "max_epoch": 0, "max_update": 0, "update_freq": [1], **changed}
    )
    return XLLinearSchedule(cfg, Optimizer())


def test_decay_to_zero_in_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    made = schedule(monkeypatch, max_update=10)
    assert [made.step_update(i) for i in (0, 1, 5, 9, 10, 12)] == pytest.approx([2e-3, 1.8e-3, 1e-3, 2e-4, 0, 0])


def test_decay_over_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known once the task has said how long an epoch is: 7 batches in twos are 4 updates."""
    made = schedule(monkeypatch, max_epoch=3, update_freq=[2])
    assert made.step_update(0) == 2e-3 and made.total_updates() is None
    made.progress.learn(batches(7))
    assert made.total_updates() == 12
    assert [made.step_update(i) for i in (0, 3, 6, 12)] == pytest.approx([2e-3, 1.5e-3, 1e-3, 0])


def test_the_earlier_end_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    for epochs, expected in ((3, 12), (1, 10)):
        made = schedule(monkeypatch, max_epoch=epochs, max_update=12)
        made.progress.learn(batches(10))
        assert made.total_updates() == expected


def test_warm_up_then_decay(monkeypatch: pytest.MonkeyPatch) -> None:
    """BERT's and xTune's: T = 100, W = 10."""
    made = schedule(monkeypatch, max_update=100, warmup_ratio=0.1)
    rates = [made.step_update(i) for i in range(101)]
    assert [rates[s] / 2e-3 for s in (0, 5, 10, 55, 99)] == pytest.approx([0, 0.5, 1, 0.5, 1 / 90])
    assert rates[:11] == sorted(rates[:11]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(1e-3) and rates[100] == 0.0


@pytest.mark.parametrize("total, ratio, warmup", [(105, 0.1, 10), (100, 0.29, 29), (9, 0.1, 0)])
def test_warm_up_takes_whole_updates(monkeypatch: pytest.MonkeyPatch, total: int, ratio: float, warmup: int) -> None:
    made = schedule(monkeypatch, max_update=total, warmup_ratio=ratio)
    assert [i for i in range(total) if made.step_update(i) == 2e-3] == [warmup]


@pytest.mark.parametrize("ratio", [-0.1, 1.0, float("nan")])
def test_warm_up_must_be_a_share(monkeypatch: pytest.MonkeyPatch, ratio: float) -> None:
    with pytest.raises(UserError, match="--warmup-ratio"):
        schedule(monkeypatch, max_update=5, warmup_ratio=ratio)


def test_length_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="--max-epoch or --max-update"):
        schedule(monkeypatch)


@pytest.mark.parametrize("freq, expected", [([1], [0, 5, 10, 15]), ([2], [0, 3, 6, 9]), ([1, 5], [0, 5, 6, 7])])
def test_updates_before_an_epoch(freq: list[int], expected: list[int]) -> None:
    progress = Progress()
    progress.learn(batches(5))
    assert [progress.updates_before(epoch, freq) for epoch in (1, 2, 3, 4)] == expected
