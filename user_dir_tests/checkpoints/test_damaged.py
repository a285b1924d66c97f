"""A damaged checkpoint_last.pt, and what else can be wrong with a save folder."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fairseq import checkpoint_utils

from xl_plugins.checkpoints.damaged import mend_last
from xl_plugins.checkpoints.lock import RunLock
from xl_plugins.checkpoints.restoring import prepare_folder
from xl_plugins.checkpoints.safe_load import load_restricted
from xl_plugins.errors import UserError

TASK = "xl_sentence_pair"


def save(path: Path, updates: int, task: str = TASK, **changed: Any) -> Path:
    state = {
        "cfg": {"task": {"_name": task}, "checkpoint": {"no_save_optimizer_state": False}},
        "model": {"weight": torch.full((20, 30), float(updates))},
        "task_state": {},
        "optimizer_history": [{"num_updates": updates}],
        "extra_state": {"train_iterator": {"epoch": 1}},
        "last_optimizer_state": {},
    }  # fmt: skip
    state.update(changed)
    torch.save({key: value for key, value in state.items() if value is not None}, path)
    return path


def damage(path: Path, kind: str) -> None:
    content = bytearray(path.read_bytes())
    if kind == "flipped":
        content[torch._C.PyTorchFileReader(str(path)).get_record_offset("data/0") + 9] ^= 4
    path.unlink()  # it may be a link
    path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "noise": os.urandom(999)}.get(kind, content))


def updates(path: Path) -> int:
    return load_restricted(path)["optimizer_history"][-1]["num_updates"]


@pytest.mark.parametrize("kind", ["cut", "empty", "flipped", "noise"])
def test_the_newest_whole_one_takes_its_place(tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    last = save(tmp_path / "checkpoint_last.pt", 30)
    damage(last, kind)
    save(tmp_path / "checkpoint_1_20.pt", 20)
    os.utime(tmp_path / "checkpoint_1_20.pt", (1, 1))  # its updates count, not its time
    save(tmp_path / "checkpoint_best.pt", 10)
    save(tmp_path / "checkpoint_other.pt", 90, task="xl_tagging")
    save(tmp_path / "checkpoint_member.pt", 91, task_state={"member": 1})
    save(tmp_path / "checkpoint_stripped.pt", 92, last_optimizer_state=None)
    damage(save(tmp_path / "checkpoint_1_25.pt", 25), "cut")
    damage(save(tmp_path / "checkpoint_1_26.pt", 26), "flipped")
    with caplog.at_level(logging.WARNING):
        mend_last(str(tmp_path), TASK)
    assert updates(last) == 20
    assert len(caplog.records) == 1
    assert "checkpoint_last.pt: " in caplog.text and "going on from checkpoint_1_20.pt (20 updates)" in caplog.text


def test_none_is_whole(tmp_path: Path) -> None:
    damage(save(tmp_path / "checkpoint_last.pt", 30), "cut")
    damage(save(tmp_path / "checkpoint_best.pt", 20), "flipped")
    before = (tmp_path / "checkpoint_last.pt").read_bytes()
    with pytest.raises(UserError, match=r"checkpoint_last\.pt: .*truncated.* no whole checkpoint of this run"):
        mend_last(str(tmp_path), TASK)
    assert (tmp_path / "checkpoint_last.pt").read_bytes() == before


def test_a_whole_one_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mend_last(str(tmp_path), TASK)
    last = save(tmp_path / "checkpoint_last.pt", 5)
    save(tmp_path / "checkpoint_1_20.pt", 20)
    before = last.stat()
    mend_last(str(tmp_path), TASK)
    assert last.stat() == before and not caplog.records


# -- the save folder --


def options(folder: Path, **changed: Any) -> SimpleNamespace:
    fixed = {f"reset_{what}": False for what in ("optimizer", "lr_scheduler", "meters", "dataloader")}
    return SimpleNamespace(
        **{"save_dir": str(folder), "no_save": False, "restore_file": "checkpoint_last.pt", **fixed, **changed}
    )


def test_a_file_is_no_save_folder(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    with pytest.raises(UserError, match=r"--save-dir .*run: cannot be written \(is a file\)"):
        checkpoint_utils.verify_checkpoint_directory(str(tmp_path / "run"))
    with pytest.raises(UserError, match=r"--save-dir .*sub: cannot be written \(Not a directory\)"):
        checkpoint_utils.verify_checkpoint_directory(str(tmp_path / "run" / "sub"))
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be written"):
        checkpoint_utils.verify_checkpoint_directory(str(tmp_path))


def test_a_folder_with_a_checkpoints_name(tmp_path: Path) -> None:
    (tmp_path / "checkpoint_best.pt").mkdir()
    with pytest.raises(UserError, match=r"checkpoint_best\.pt is a folder, where a checkpoint belongs"):
        prepare_folder(options(tmp_path), TASK, RunLock())


def test_left_overs_of_killed_writers_go(tmp_path: Path) -> None:
    lock = RunLock()
    for name in (".checkpoint_last.pt.0123456789abcdef.xl-tmp", ".checkpoint_1_4.pt.0123456789abcdef.xl-tmp"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / "notes.pt.tmp").write_text("mine")
    prepare_folder(options(tmp_path), TASK, lock)
    assert sorted(os.listdir(tmp_path)) == [".xl-lock", "notes.pt.tmp"]
    lock.release()
    assert os.listdir(tmp_path) == ["notes.pt.tmp"]


def _hold(folder: str, told: int) -> None:
    RunLock().hold(folder)
    worker = os.fork()
    if worker:
        os.write(told, str(worker).encode())
    time.sleep(120)  # the child is like a loader worker, which outlives a run that is killed
    os._exit(0)


def test_the_second_run_is_told_of_the_first(tmp_path: Path) -> None:
    tells, told = os.pipe()
    holder = os.fork() or _hold(str(tmp_path), told)
    worker = int(os.read(tells, 20))
    try:
        with pytest.raises(UserError) as raised:
            prepare_folder(options(tmp_path), TASK, RunLock())
        where = f"--save-dir {tmp_path}: fairseq-train (process {holder} on {socket.gethostname()})"
        assert str(raised.value).startswith(where)
        prepare_folder(options(tmp_path, no_save=True), TASK, RunLock())
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
    lock = RunLock()
    try:
        prepare_folder(options(tmp_path), TASK, lock)  # though its worker lives
    finally:
        os.kill(worker, signal.SIGKILL)
        lock.release()


def test_runs_of_one_process_follow_each_other(tmp_path: Path) -> None:
    lock = RunLock()
    for name in ("one", "two", "one"):
        (tmp_path / name).mkdir(exist_ok=True)
        prepare_folder(options(tmp_path / name), TASK, lock)
    assert os.listdir(tmp_path / "two") == []
    lock.release()
