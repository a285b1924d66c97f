"""SIGTERM, SIGUSR1 and SIGHUP: a checkpoint after the update at hand, a status of 128 + signal, no difference later."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from fairseq.trainer import Trainer

from user_dir_tests.helpers.running.training import (
    finish,
    load,
    same_parameters,
    start,
    start_ranks,
    train_here,
    two_ranks,
    words,
)
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.checkpoints import signals

TASK = "xl_sentence_pair"
RUN = {"lr": 0.001, "batch_size": 4, "update_freq": 2, "max_update": 4, "dropout": 0.1}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("toy") / "data", train=24, valid=6, test=2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """The uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        train_here(patch, words(data, folder, TASK, **RUN))
    return folder


def asks(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int, number: int) -> None:
    """Send a signal to this process within a call."""
    function, calls = getattr(owner, name), [0]

    def asking(*args: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            os.kill(os.getpid(), number)
        return function(*args, **options)

    monkeypatch.setattr(owner, name, asking)


def updates(folder: Path) -> int:
    return load(folder / "checkpoint_last.pt")["optimizer_history"][-1]["num_updates"]


@pytest.mark.parametrize(
    ("number", "owner", "name", "call", "saved"),
    [
        (signal.SIGTERM, Trainer, "train_step", 1, 1),
        (signal.SIGUSR1, Trainer, "valid_step", 1, 3),  # in the validation at the end of the epoch
        (signal.SIGHUP, Trainer, "train_step", 2, 2),
    ],
)
def test_saved_and_gone_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, whole: Path, number: int, owner: Any, name: str,
    call: int, saved: int,
) -> None:  # fmt: skip
    before = [signal.getsignal(each) for each in signals.SIGNALS]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as left:
        asks(patch, owner, name, call, number)
        train_here(patch, words(data, tmp_path, TASK, **RUN))
    assert left.value.code == 128 + number
    assert updates(tmp_path) == saved
    assert [signal.getsignal(each) for each in signals.SIGNALS] == before
    train_here(monkeypatch, words(data, tmp_path, TASK, **RUN))
    assert updates(tmp_path) == 4
    for name in ("last", "best"):
        same_parameters(whole / f"checkpoint_{name}.pt", tmp_path / f"checkpoint_{name}.pt")


def test_before_the_first_update_it_leaves_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, capfd: pytest.CaptureFixture
) -> None:
    asks(monkeypatch, Trainer, "begin_epoch", 1, signal.SIGTERM)
    monkeypatch.setattr(Trainer, "train_step", lambda *args: pytest.fail("an update"))
    with pytest.raises(SystemExit) as left:
        train_here(monkeypatch, words(data, tmp_path, TASK, **RUN))
    assert left.value.code == 143
    assert os.listdir(tmp_path) == ["xl_model"]
    assert "SIGTERM: left; the last checkpoint has all 0 updates" in capfd.readouterr().err


def test_an_ignored_signal_stays_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        asks(monkeypatch, Trainer, "train_step", 1, signal.SIGHUP)
        train_here(monkeypatch, words(data, tmp_path, TASK, **{**RUN, "max_update": 2}))
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert updates(tmp_path) == 2


SLOW_UPDATES = """
import time
from fairseq.trainer import Trainer as _T
_step = _T.train_step
def _slow(self, *args, **kwargs):
    print("STEP", flush=True)
    time.sleep({pause})
    return _step(self, *args, **kwargs)
_T.train_step = _slow
"""


def wait_for(process: Any, text: str, times: int = 1) -> str:
    seen = ""
    while times and (line := process.stdout.readline()):
        seen += line
        times -= text in line
    assert not times, seen
    return seen


@pytest.mark.slow
def test_a_whole_process_group_with_loader_workers(tmp_path: Path, data: Path, whole: Path) -> None:
    """As batch systems do it: every process is told, the workers too, and the update still ends."""
    prelude = "import os; os.setpgrp()\n" + SLOW_UPDATES.format(pause=1)
    process = start(words(data, tmp_path, TASK, **RUN, num_workers=2), prelude)
    wait_for(process, "STEP", 2)
    os.killpg(process.pid, signal.SIGTERM)
    [ended] = finish(process)
    assert ended.code == 143, ended.output[-2000:]
    assert updates(tmp_path) == 2 and "Traceback" not in ended.output
    [ended] = finish(start(words(data, tmp_path, TASK, **RUN, num_workers=2)))
    assert ended.code == 0
    same_parameters(whole / "checkpoint_last.pt", tmp_path / "checkpoint_last.pt")


@pytest.mark.slow
def test_a_second_signal_ends_at_once(tmp_path: Path, data: Path) -> None:
    process = start(words(data, tmp_path, TASK, **RUN), SLOW_UPDATES.format(pause=60))
    wait_for(process, "STEP")
    process.send_signal(signal.SIGTERM)
    time.sleep(signals.SAME + 0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    [ended] = finish(process, timeout=30)
    assert ended.code == -signal.SIGTERM


@pytest.mark.slow
@pytest.mark.parametrize("told", [[0], [1], [0, 1]], ids=["first", "second", "both"])
def test_ranks_leave_together(tmp_path: Path, data: Path, told: list[int]) -> None:
    run = {**RUN, "update_freq": 1}
    ranks = start_ranks(data, tmp_path / "run", TASK, prelude=SLOW_UPDATES.format(pause=1), **run)
    wait_for(ranks[0], "STEP", 2)
    for rank in told:
        ranks[rank].send_signal(signal.SIGUSR1)
    ended = finish(*ranks)
    assert [one.code for one in ended] == [138, 138], ended[0].output[-2000:] + ended[1].output[-2000:]
    assert updates(tmp_path / "run") in (2, 3)
    two_ranks(data, tmp_path / "run", TASK, **run)
    two_ranks(data, tmp_path / "whole", TASK, **run)
    same_parameters(tmp_path / "whole" / "checkpoint_last.pt", tmp_path / "run" / "checkpoint_last.pt")
