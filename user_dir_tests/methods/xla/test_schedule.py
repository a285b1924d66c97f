"""The schedule of co-training: every stage rises and falls by itself, and a resumed stage goes on."""

from __future__ import annotations

import copy
from argparse import Namespace

import pytest

from user_dir_tests.optim.test_linear import Optimizer
from xl_plugins.functional.selection import training_length
from xl_plugins.methods.xla.schedule import StageClock, StageLinearSchedule

PEAK = 2e-3
WORKED = {0: 0.0, 5: 0.5, 9: 0.9, 10: 1.0, 11: 0.9889, 55: 0.5, 99: 0.0111}  # T = 100, W = 10


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> StageLinearSchedule:
    monkeypatch.setattr("fairseq.optim.lr_scheduler.fairseq_lr_scheduler.FairseqOptimizer", Optimizer)
    return follower()


def follower() -> StageLinearSchedule:
    """A schedule with the clock of another run's iterator."""
    schedule = StageLinearSchedule(Namespace(lr=[PEAK]), Optimizer())
    schedule.follow(StageClock())
    return schedule


def begin(schedule: StageLinearSchedule, updates: int, total: int, warmup: int, peak: float | None = None) -> None:
    """Begin a stage after ``updates`` updates: the iterator sets the clock, the trainer asks."""
    schedule.next_clock.set(total, warmup, peak)
    schedule.step_begin_epoch(1)
    schedule.step_update(updates)


def rates(schedule: StageLinearSchedule, updates: range) -> list[float]:
    found = []
    for number in updates:
        found.append(schedule.step_update(number))
        assert schedule.optimizer.lr == found[-1]
    return found


@pytest.mark.parametrize("before", [0, 37, 1292])
def test_worked_factors(made: StageLinearSchedule, before: int) -> None:
    """s is counted from the stage's first update, whatever came before it."""
    begin(made, before, 100, 10)
    found = rates(made, range(before, before + 101))
    assert {s: round(found[s] / PEAK, 4) for s in WORKED} == WORKED
    assert found[100] == 0.0
    assert found[:11] == sorted(found[:11]) and found[10:] == sorted(found[10:], reverse=True)


def test_without_a_rise(made: StageLinearSchedule) -> None:
    """T = 7, W = 0."""
    begin(made, 5, 7, 0)
    assert rates(made, range(5, 12)) == pytest.approx([PEAK * (7 - s) / 7 for s in range(7)])


@pytest.mark.parametrize(
    "examples, batching, expected",
    [(20683, (4, 4, 1), (1292, 129)), (177000, (16, 2, 1), (5531, 553)), (177000, (4, 2, 4), (5531, 553))],
)
def test_length_of_the_articles_trainings(made: StageLinearSchedule, examples: int, batching: tuple,
                                          expected: tuple) -> None:  # fmt: skip
    total, warmup = training_length(examples, 1.0, *batching)
    assert (total, warmup) == expected
    begin(made, 0, total, warmup)
    assert rates(made, range(warmup, warmup + 1)) == [PEAK] and made.step_update(total - 1) == pytest.approx(
        PEAK / (total - warmup)
    )


def test_peak_of_the_warm_up_stages(made: StageLinearSchedule) -> None:
    """Their own, then --lr again."""
    begin(made, 0, 10, 1, peak=0.5)
    assert rates(made, range(3)) == pytest.approx([0.0, 0.5, 0.5 * 8 / 9])
    begin(made, 10, 4, 0)
    assert rates(made, range(10, 14)) == pytest.approx([PEAK, 0.75 * PEAK, 0.5 * PEAK, 0.25 * PEAK])


def test_stages_follow_each_other(made: StageLinearSchedule) -> None:
    """Stages of different lengths, without a gap; an empty rate between stages trains nothing."""
    start = 0
    for total, warmup in ((10, 1), (3, 0), (20, 2)):
        begin(made, start, total, warmup)
        found = rates(made, range(start, start + total))
        assert max(found) == PEAK and found[warmup] == PEAK and made.step_update(start + total) == 0.0
        start += total


def test_skipped_updates_do_not_shift_the_next_stage(made: StageLinearSchedule) -> None:
    """An overflow counts no update: the stage ends early, and the next one begins where the count is."""
    begin(made, 0, 10, 0)
    rates(made, range(9))
    begin(made, 9, 10, 0)
    assert made.step_update(9) == PEAK


@pytest.mark.parametrize("interrupted", [1, 5, 10, 37, 99])
def test_state_within_a_stage(monkeypatch: pytest.MonkeyPatch, made: StageLinearSchedule, interrupted: int) -> None:
    """The right rate before any stage has begun again: fairseq restores the schedule and asks it at once."""
    begin(made, 200, 100, 10, peak=0.3)
    whole = rates(made, range(200, 300))
    begin(made, 200, 100, 10, peak=0.3)
    rates(made, range(200, 200 + interrupted))
    state = copy.deepcopy(made.state_dict())
    assert state == {"start": 200, "total": 100, "warmup": 10, "peak": 0.3}
    other = follower()  # in another process
    other.load_state_dict(state)
    assert other.step_update(200 + interrupted) == whole[interrupted]
    other.next_clock.set(**state)  # as the restored iterator does
    other.step_begin_epoch(3)
    assert rates(other, range(200 + interrupted, 300)) == whole[interrupted:]


def test_restored_state_is_no_alias(made: StageLinearSchedule) -> None:
    """The words of the last stage's checkpoint must not change when the next one begins."""
    begin(made, 0, 10, 1)
    state = made.state_dict()
    begin(made, 10, 5, 0)
    assert state["total"] == 10 and made.state_dict() == {"start": 10, "total": 5, "warmup": 0, "peak": None}


def test_before_any_stage_the_rate_is_lr(made: StageLinearSchedule) -> None:
    assert made.optimizer.lr == PEAK and made.clock == StageClock()
    assert made.step_update(0) == PEAK
