"""Training logs: resumed, torn, and what no run wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from user_dir_tests.helpers.evaluation.reported import end, start, train, valid, write_log
from xl_plugins.errors import UserError
from xl_plugins.logs.reading import TrainingLog, number, read_log


def read(folder: str) -> TrainingLog:
    return read_log(Path(folder) / "log.jsonl")


def losses(log: TrainingLog) -> list[tuple[int, float]]:
    return [(event["updates"], event["stats"]["loss"]) for event in log.train]


def test_a_whole_run(tmp_path: Path) -> None:
    log = read(write_log(tmp_path, start(), train(10, 1.0), valid(10, 60), train(20, 0.5), valid(20, 70), end(20, 70)))
    assert losses(log) == [(10, 1.0), (20, 0.5)] and [event["updates"] for event in log.valid] == [10, 20]
    assert (log.seconds, log.superseded, log.torn) == (10.0, 0, 0) and log.end and log.end["best"] == 70


def test_reports_after_the_point_of_a_resumption_are_those_of_the_resumed_run(tmp_path: Path) -> None:
    """Interrupted at 30, taken up at 20: what was reported at 30 is superseded, 20 is not."""
    first = (start(), train(10, 1.0), train(20, 0.8), valid(20, 60), train(30, 0.6), valid(30, 99))
    log = read(write_log(tmp_path, *first, start(20), train(30, 0.7), valid(30, 65), end(30, 65)))
    assert losses(log) == [(10, 1.0), (20, 0.8), (30, 0.7)]
    assert [event["stats"]["acc_select"] for event in log.valid] == [60, 65]
    assert log.superseded == 2 and [event["updates"] for event in log.starts] == [0, 20]


def test_time_is_that_of_all_processes(tmp_path: Path) -> None:
    """15 s to the update at which it was killed, then 12.5 s of a second process, whose clock begins anew."""
    second = {**train(30, 0.7), "seconds": 12.5}
    assert read(write_log(tmp_path, start(), train(20, 0.8), train(30, 0.6), start(20), second)).seconds == 27.5


def test_a_run_begun_anew_replaces_the_old_one(tmp_path: Path) -> None:
    log = read(write_log(tmp_path, start(), train(10, 1.0), end(10, 50), start(0), train(5, 0.9)))
    assert losses(log) == [(5, 0.9)] and log.end is None


def test_a_validation_made_again_counts_once(tmp_path: Path) -> None:
    log = read(write_log(tmp_path, start(), train(10, 1.0), valid(10, 60), start(10), valid(10, 61)))
    assert [event["stats"]["acc_select"] for event in log.valid] == [61] and log.superseded == 1


TAILS = [
    '{"event":"train","upda',
    '{"event":"train"',
    "\0\0\0\0",
    "\ud83d".encode("utf-8", "surrogatepass").decode("latin1"),
]


@pytest.mark.parametrize("tail", TAILS)
def test_a_torn_last_line_is_passed_over(tmp_path: Path, tail: str) -> None:
    log = read(write_log(tmp_path, start(), train(10, 1.0), tail=tail))
    assert losses(log) == [(10, 1.0)] and log.torn == 1


@pytest.mark.parametrize("between", ["", "\n"])
def test_a_torn_line_before_a_resumption(tmp_path: Path, between: str) -> None:
    """The resumed run begins a line of its own, or goes on where the torn one ends."""
    resumed = "".join(f"{json.dumps(event, separators=(',', ':'))}\n" for event in (start(10), train(20, 0.7)))
    log = read(write_log(tmp_path, start(), train(10, 1.0), tail=f'{{"event":"train","upda{between}{resumed}'))
    assert losses(log) == [(10, 1.0), (20, 0.7)] and log.torn == 1 and len(log.starts) == 2


@pytest.mark.parametrize(
    "line", ["no JSON", "[]", '{"updates":3}', '{"event":"train"}', '{"event":"train","updates":-1}',
             '{"event":"train","updates":true}', '{"event":"train","updates":1e3}'],
)  # fmt: skip
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    folder = write_log(tmp_path, start(), train(10, 1.0))
    with open(f"{folder}/log.jsonl", "a") as file:
        file.write(f"{line}\n{json.dumps(train(20, 0.5))}\n")
    with pytest.raises(UserError, match=r"log\.jsonl:3: expected an event of a training log"):
        read(folder)


@pytest.mark.parametrize("text", ["", "\n\n", '{"event":'])
def test_an_empty_log_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.jsonl").write_text(text)
    with pytest.raises(UserError, match=r"log\.jsonl: holds no event"):
        read_log(tmp_path / "log.jsonl")


def test_further_events_and_fields_are_no_fault(tmp_path: Path) -> None:
    log = read(write_log(tmp_path, start(), {"event": "note", "updates": 3, "x": [1]}, {**train(10, 1.0), "new": 1}))
    assert losses(log) == [(10, 1.0)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1.0), ("0.25", 0.25), (float("nan"), None), (float("inf"), None), (True, None), ("x", None), (None, None),
     ([1], None), (10**400, None), (1e300, None)],
)  # fmt: skip
def test_numbers_that_can_be_drawn(value: object, expected: float | None) -> None:
    assert number(value) == expected
