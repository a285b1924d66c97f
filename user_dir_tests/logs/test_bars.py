"""A training says a line per validation, and notes every figure in its log."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from user_dir_tests.helpers.running.training import PROGRAM, environment, train, train_here, train_ranks, words
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.logs.bars import duration, validation_line
from xl_plugins.logs.reading import TrainingLog, read_log

TASK = "xl_sentence_pair"
RUN = {"lr": 0.001, "batch_size": 4, "update_freq": 1, "dropout": 0.1, "disable_validation": None, "max_update": 4,
       "validate_interval_updates": 2, "log_interval": 1}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("toy") / "data", train=24, valid=6, test=2)


def go(monkeypatch: pytest.MonkeyPatch, data: Path, save: Path, **options: object) -> TrainingLog:
    train_here(monkeypatch, words(data, save, TASK, **{**RUN, **options}))
    return read_log(save / "log.jsonl")


def updates(events: list[dict]) -> list[int]:
    return [event["updates"] for event in events]


def lines(caplog: pytest.LogCaptureFixture, name: str = "xl_plugins.logs.bars") -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == name]


def test_every_figure_is_noted(
    monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        log = go(monkeypatch, data, tmp_path)
    kinds = [(event["event"], event["updates"]) for event in map(json.loads, (tmp_path / "log.jsonl").open())]
    assert kinds[:7] == [
        ("start", 0),
        ("train", 1),
        ("train", 2),
        ("valid", 2),
        ("train", 3),
        ("train", 4),
        ("valid", 4),
    ]
    assert sorted(kinds[7:]) == [("end", 4), ("epoch", 4)]
    start, first = log.starts[0], log.valid[0]
    assert start["command"][0] == "fairseq-train" and str(data) in start["command"] and start["metric"] == "acc_select"
    assert {"xl_plugins", "fairseq", "torch"} <= start["versions"].keys()
    assert first["languages"].keys() == set(start["languages"]) and first["subset"] == "valid"
    accuracies = [scores["acc"] for scores in first["languages"].values()]
    assert first["score"] == pytest.approx(sum(accuracies) / len(accuracies), abs=1e-4)
    assert log.train[0]["stats"]["num_updates"] == 1 and log.train[0]["stats"]["loss"] > 0
    said = lines(caplog)
    assert len(said) == 2 and said[0].startswith("valid: update 2 of 4 | acc_select ") and said[0].endswith(" left")
    for language, scores in first["languages"].items():
        assert f"{language} {scores['acc']:.1f}" in said[0]
    assert not any("valid on" in line for line in lines(caplog, "valid"))


def test_best_so_far(monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path) -> None:
    log = go(monkeypatch, data, tmp_path, max_update=8)
    scores = [event["score"] for event in log.valid]
    assert [event["best"] for event in log.valid] == [
        pytest.approx(max(scores[: count + 1])) for count in range(len(scores))
    ]
    assert log.end and log.end["best"] == pytest.approx(max(scores))


def test_a_run_that_goes_on_and_one_that_has_ended(monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path) -> None:
    go(monkeypatch, data, tmp_path)
    log = go(monkeypatch, data, tmp_path, max_update=6)
    assert updates(log.starts) == [0, 4] and updates(log.valid) == [2, 4, 6]
    size = (tmp_path / "log.jsonl").stat().st_size
    go(monkeypatch, data, tmp_path, max_update=6)
    assert (tmp_path / "log.jsonl").stat().st_size == size


def test_epochs_bound_a_run(
    monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An epoch of any length: the line after the first of two says that half of the updates are done."""
    with caplog.at_level(logging.INFO):
        log = go(monkeypatch, data, tmp_path, max_update=None, max_epoch=2, validate_interval_updates=None,
                    train_languages="all")  # fmt: skip
    assert log.end and updates(log.epochs) == [log.end["updates"] // 2, log.end["updates"]]
    assert lines(caplog)[0].startswith(f"valid: update {log.epochs[0]['updates']} of {log.end['updates']} |")


def test_a_run_that_saves_nothing_logs_nothing(monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path) -> None:
    train_here(monkeypatch, words(data, tmp_path, TASK, **RUN, no_save=True))
    assert not (tmp_path / "log.jsonl").exists()


def test_quiet_and_verbose(data: Path, tmp_path: Path) -> None:
    """The real command: the configuration, the model and hydra's warnings are printed on request alone."""
    quiet, verbose = (train(data, tmp_path / str(flag), TASK, **RUN, verbose=flag).output for flag in (False, True))
    loud = ("'common': {", "(sentence_encoder)", "valid on 'valid' subset", "loaded 24 examples")
    assert [text in quiet for text in loud] == [False] * 4 and [text in verbose for text in loud] == [True] * 4
    assert "UserWarning" not in quiet and "FutureWarning" not in quiet and "hydra" in verbose
    for text in (quiet, verbose):
        assert len(re.findall(r"valid: update \d of 4 \| acc_select", text)) == 2


@pytest.mark.slow
def test_a_bar_on_a_terminal_and_lines_above_it(data: Path, tmp_path: Path) -> None:
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 150, 0, 0))
    options = {**RUN, "no_progress_bar": None, "log_format": None}
    command = [sys.executable, "-c", PROGRAM, *words(data, tmp_path, TASK, **options)]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=terminal) as process:
        os.close(terminal)
        seen = b""
        with contextlib.suppress(OSError):  # how a terminal ends
            while found := os.read(screen, 65536):
                seen += found
    os.close(screen)
    assert process.returncode == 0
    lines = re.split(r"[\r\n]+", seen.decode())
    assert any(line.startswith("epoch 001:") and "it/s" in line for line in lines)
    told = [line for line in lines if "valid: update" in line]
    assert len(told) == 2 and all("%|" not in line for line in told), told


@pytest.mark.slow
def test_two_ranks_write_one_log(data: Path, tmp_path: Path) -> None:
    train_ranks(2, data, tmp_path, TASK, **{**RUN, "max_update": 2})
    log = read_log(tmp_path / "log.jsonl")
    assert (len(log.starts), updates(log.train), updates(log.valid)) == (1, [1, 2], [2])


def test_lines() -> None:
    line = validation_line("valid", 350, 700, "acc_select", 60.33, 61.0, {"de": 57.25, "en": 62.7}, 240.0)
    assert line == "valid: update 350 of 700 | acc_select 60.33 (best 61) | de 57.2, en 62.7 | 4 min left"
    assert validation_line("valid", 3, None, "loss", None, None, {}, None) == "valid: update 3"
    assert validation_line("valid", 3, None, "loss", 1.5, None, {}, None).endswith("loss 1.5 (best so far)")
    assert [duration(seconds) for seconds in (0.4, 99, 100, 7199, 7500)] == [
        "0 s",
        "99 s",
        "2 min",
        "2 h 00 min",
        "2 h 05 min",
    ]
