"""docs/running.md: its command lines, signals and limits as a user meets them."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from user_dir_tests.helpers import cotrain
from user_dir_tests.helpers.cotrain import folders as folders  # a fixture
from user_dir_tests.helpers.running.training import (
    REPO,
    finish,
    load,
    same_parameters,
    start,
    train,
    train_here,
    words,
)
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.checkpoints import signals
from xl_plugins.checkpoints.safe_load import load_restricted
from xl_plugins.errors import find_user_error
from xl_plugins.methods.xla.cotraining.labelling import Labeller

SECTION = (REPO / "docs" / "running.md").read_text(encoding="utf-8")
TASK = "xl_sentence_pair"
DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1, "pooler_dropout": 0.1}
RUN = {"encoder_layers": 2, "lr": 1e-3, "batch_size": 4, "update_freq": 1, "lr_scheduler": "fixed", **DROPOUT}
SLOW_UPDATES = """
import time
from fairseq.trainer import Trainer as _T
_step = _T.train_step
def _slow(self, *args, **kwargs):
    print("STEP", flush=True)
    time.sleep(2)
    return _step(self, *args, **kwargs)
_T.train_step = _slow
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("claims") / "data", train=20, valid=6, test=2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """A run of six updates, five per epoch, that nothing stopped."""
    save = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        train_here(patch, words(data, save, TASK, **RUN, max_update=6))
    return save / "checkpoint_last.pt"


def updates(file: Path) -> int:
    return load(file)["optimizer_history"][-1]["num_updates"]


def content(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def wait_for(process: subprocess.Popen, text: str, times: int = 1) -> None:
    assert process.stdout is not None
    while times and (line := process.stdout.readline()):
        times -= text in line
    assert not times, "the command ended early"


# -- where a run begins --


def test_restore_file_of_the_same_task_continues(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, whole: Path
) -> None:
    """In another folder, bit for bit; without it another folder starts anew, with other options as well."""
    train_here(monkeypatch, words(data, tmp_path / "first", TASK, **RUN, max_update=3))
    first = tmp_path / "first" / "checkpoint_last.pt"
    before = first.read_bytes()
    train_here(monkeypatch, words(data, tmp_path / "second", TASK, **RUN, max_update=6, restore_file=first))
    second = tmp_path / "second" / "checkpoint_last.pt"
    assert updates(second) == 6 and first.read_bytes() == before
    same_parameters(whole, second)
    train_here(monkeypatch, words(data, tmp_path / "third", TASK, **{**RUN, "lr": 0.1, "seed": 9}, max_update=1))
    assert updates(tmp_path / "third" / "checkpoint_last.pt") == 1


def test_a_flipped_bit_of_restore_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    """Refused in torch's zip format; its old format has no checksum that could tell."""
    values = torch.arange(600, dtype=torch.float32)
    for zipped, name in ((True, "new.pt"), (False, "old.pt")):
        torch.save({"model": {"weight": values}}, tmp_path / name, _use_new_zipfile_serialization=zipped)
        bytes_ = bytearray((tmp_path / name).read_bytes())
        bytes_[bytes_.index(values.numpy().tobytes()) + 4 * 9] ^= 4
        (tmp_path / name).write_bytes(bytes_)
    with pytest.raises(BaseException) as caught:
        given = words(data, tmp_path / "run", TASK, **RUN, max_update=1, restore_file=tmp_path / "new.pt")
        train_here(monkeypatch, given)
    text = find_user_error(caught.value)
    assert text is not None and "\n" not in text
    assert text.startswith(f"{tmp_path}/new.pt: damaged: record 'data/0' does not match its checksum")
    read = load_restricted(tmp_path / "old.pt")["model"]["weight"]
    assert (read != values).nonzero().flatten().tolist() == [9]


@pytest.mark.slow
def test_one_run_at_a_time(tmp_path: Path, data: Path) -> None:
    """The second command is refused in a line that names the first, which goes on undisturbed."""
    first = start(words(data, tmp_path / "run", TASK, **RUN, max_update=6), SLOW_UPDATES)
    wait_for(first, "STEP")
    first.send_signal(signal.SIGSTOP)  # until the second has ended, however long its start takes
    try:
        second = train(data, tmp_path / "run", TASK, **RUN, max_update=6)
    finally:
        first.send_signal(signal.SIGCONT)
    [ended] = finish(first)
    assert second.code == 2 and "Traceback" not in second.output
    assert f"--save-dir {tmp_path}/run: fairseq-train (process {first.pid} on " in second.output
    assert ended.code == 0 and updates(tmp_path / "run" / "checkpoint_last.pt") == 6


# -- where it ends --


@pytest.mark.parametrize(
    "option, value, further, options",
    [
        ("stop_min_lr", 6e-4, 2e-4, {"lr_scheduler": None, "max_update": 15}),  # 0.00067 after one epoch, 0.00033
        ("patience", 2, 3, {"lr": 0, "save_interval_updates": 1}),
    ],
)
def test_a_finished_run_names_its_limit_and_goes_on_with_a_further_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, data: Path, option: str,
    value: float, further: float, options: dict,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    given = {**RUN, "max_update": 15, **options}
    train_here(monkeypatch, words(data, tmp_path, TASK, **given, **{option: value}))
    before, done = content(tmp_path), updates(tmp_path / "checkpoint_last.pt")
    train_here(monkeypatch, words(data, tmp_path, TASK, **given, **{option: value}))
    line = f"this run is finished: it ended after {done} updates by --{option.replace('_', '-')} {value}"
    assert 0 < done < 15 and line in caplog.text
    assert content(tmp_path) == before
    train_here(monkeypatch, words(data, tmp_path, TASK, **given, **{option: further}))
    assert done < updates(tmp_path / "checkpoint_last.pt") <= 15


def test_figures_of_signals() -> None:
    assert sorted(signals.STATUSES, reverse=True) == [143, 138, 129] and "143, 138 or 129" in SECTION
    assert [float(seconds) for seconds in re.findall(r"\((\d+) seconds later\)", SECTION)] == [signals.SAME]


@pytest.mark.slow
@pytest.mark.parametrize("number, status", [(signal.SIGHUP, 129), (signal.SIGUSR1, 138), (signal.SIGTERM, 143)])
def test_statuses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, whole: Path, number: signal.Signals, status: int
) -> None:
    """The command is told; told twice within two seconds it is told once. The same command goes on bit for bit."""
    process = start(words(data, tmp_path, TASK, **RUN, max_update=6), SLOW_UPDATES)
    wait_for(process, "STEP", 2)
    for pause in (0.5, 0.0):
        process.send_signal(number)
        time.sleep(pause)
    [ended] = finish(process)
    assert ended.code == status, ended.output[-2000:]
    assert updates(tmp_path / "checkpoint_last.pt") == 2
    train_here(monkeypatch, words(data, tmp_path, TASK, **RUN, max_update=6))
    same_parameters(whole, tmp_path / "checkpoint_last.pt")


@pytest.mark.slow
def test_xlas_labelling_is_left_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict) -> None:
    """Within a batch that is labelled after some trainings: no other batch follows, and nothing is saved."""
    options = {"xla_warmup_passes": 1, "no_epoch_checkpoints": True}
    run = lambda name: cotrain.run(monkeypatch, folders, "tagging", tmp_path / name, **options)  # noqa: E731
    check, stages, saved = Labeller._check, [], {}

    def told(self: Any, *args: Any) -> None:
        stage = self.task.stages.epoch
        if stage >= 5:
            stages.append(stage)
            saved.update(content(tmp_path / "parts"))
            os.kill(os.getpid(), signal.SIGTERM)
        check(self, *args)

    monkeypatch.setattr(Labeller, "_check", told)
    with pytest.raises(SystemExit) as left:
        run("parts")
    monkeypatch.setattr(Labeller, "_check", check)
    assert left.value.code == 143 and len(stages) == 1
    assert updates(tmp_path / "parts" / "checkpoint_last.pt") > 0
    kept = content(tmp_path / "parts")
    assert kept == {name: saved[name] for name in kept}
    same_parameters(run("parts"), run("whole"))
