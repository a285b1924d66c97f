"""``SAVE_DIR/log.jsonl``: whole lines, nobody else's file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from xl_plugins.logs.run_log import RunLog, plain

START = {"updates": 0, "seed": 1}


def written(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_start_comes_before_the_first_event(tmp_path: Path) -> None:
    log = RunLog(str(tmp_path), START)
    assert not list(tmp_path.iterdir())  # a run that has ended, and is started again, notes nothing
    log.write("train", updates=5, stats={"loss": torch.tensor(0.5)})
    log.write("end", updates=6)
    events = written(tmp_path)
    assert [event["event"] for event in events] == ["start", "train", "end"]
    assert events[0]["seed"] == 1 and events[1]["stats"] == {"loss": 0.5}
    assert 0 <= events[1]["seconds"] <= events[2]["seconds"] < 60


def test_a_torn_line_goes_when_the_run_goes_on(tmp_path: Path) -> None:
    RunLog(str(tmp_path), START).write("train", updates=5)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"event": "tra')
    RunLog(str(tmp_path), {**START, "updates": 5}).write("train", updates=6)
    assert [event["updates"] for event in written(tmp_path)] == [0, 5, 5, 6]


def test_nothing_but_a_torn_start(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"event": "st')
    RunLog(str(tmp_path), START).write("train", updates=5)
    assert len(written(tmp_path)) == 2


@pytest.mark.parametrize("content", ["epoch 1\n", '{"epoch": 1}\n', "{"], ids=["text", "json", "brace"])
def test_a_file_of_that_name_which_is_no_log_stays(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "log.jsonl").write_text(content)
    log = RunLog(str(tmp_path), START)
    log.write("train", updates=5)
    log.write("train", updates=6)
    ours = content == "{"  # a start that was torn after its first character
    assert ours or (tmp_path / "log.jsonl").read_text() == content
    assert len(caplog.messages) == (not ours)
    assert ours or "no training of this package wrote" in caplog.messages[0]


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_stays(tmp_path: Path, make: Callable, caplog: pytest.LogCaptureFixture) -> None:
    make(tmp_path / "log.jsonl")
    RunLog(str(tmp_path), START).write("train", updates=5)
    assert not (tmp_path / "log.jsonl").is_file() and "no plain file" in caplog.messages[0]


def test_a_full_disk_does_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = RunLog(str(tmp_path), START)
    log.write("train", updates=5)
    before = (tmp_path / "log.jsonl").read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:7]))
    log.write("train", updates=6)
    log.write("train", updates=7)
    assert (tmp_path / "log.jsonl").read_bytes() == before
    assert len(caplog.messages) == 1 and "the disk is full" in caplog.messages[0]


def test_plain_values() -> None:
    class Meter:
        smoothed_value = 1.23456789

    given = {1: np.int64(3), "meter": Meter(), "list": (torch.tensor(2), "é"), "nan": math.nan, "yes": True, "no": None}
    assert plain(given) == {"1": 3, "meter": 1.234568, "list": [2, "é"], "nan": None, "yes": True, "no": None}
