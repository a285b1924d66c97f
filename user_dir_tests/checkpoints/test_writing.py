"""Checkpoint files get their names in one step: nothing in between is seen, whatever fails."""

from __future__ import annotations

import errno
import os
import re
import resource
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.dataclass.configs import CheckpointConfig

from user_dir_tests.helpers.running.killing import die, dies_in_call, killed
from xl_plugins.checkpoints import writing
from xl_plugins.checkpoints.safe_load import load_restricted
from xl_plugins.checkpoints.writing import clear_temporary, give_name
from xl_plugins.errors import UserError


def state(number: int) -> dict:
    return {"model": {"weight": torch.full((40, 50), float(number))}, "optimizer_history": [{"num_updates": number}]}


def updates(path: Path) -> int:
    return load_restricted(path)["optimizer_history"][-1]["num_updates"]


class Stub:
    """As much of fairseq's trainer as saving needs."""

    checkpoint_suffix, data_parallel_rank, data_parallel_world_size = "", 0, 1
    should_save_checkpoint_on_current_rank = True
    always_call_state_dict_during_save_checkpoint = False

    def __init__(self, task: str = "xl_sentence_pair") -> None:
        self.cfg = SimpleNamespace(task=SimpleNamespace(_name=task))
        self.task, self.number = object(), 0

    def consolidate_optimizer(self) -> None:
        pass

    def get_num_updates(self) -> int:
        return self.number

    def save_checkpoint(self, filename: str, extra_state: dict) -> str:
        checkpoint_utils.torch_persistent_save({**state(self.number), "extra_state": extra_state}, filename)
        return filename


def save(
    folder: Path, number: int, score: float | None = 1.0, task: str = "xl_sentence_pair", **options: object
) -> None:
    cfg = CheckpointConfig(save_dir=str(folder), save_interval_updates=2, maximize_best_checkpoint_metric=True)
    for name, value in options.items():
        setattr(cfg, name, value)
    iterator = SimpleNamespace(epoch=1, end_of_epoch=lambda: False, state_dict=lambda: {"epoch": 1})
    trainer = Stub(task)
    trainer.number = number
    checkpoint_utils.save_checkpoint(cfg, trainer, iterator, score)


@pytest.fixture(autouse=True)
def no_best_score() -> None:
    vars(checkpoint_utils.save_checkpoint).pop("best", None)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_one_file_with_three_names(tmp_path: Path) -> None:
    save(tmp_path, 2)
    save(tmp_path, 4, 2.0)
    assert names(tmp_path) == ["checkpoint_1_2.pt", "checkpoint_1_4.pt", "checkpoint_best.pt", "checkpoint_last.pt"]
    inodes = {name: (tmp_path / name).stat().st_ino for name in names(tmp_path)}
    assert inodes["checkpoint_1_4.pt"] == inodes["checkpoint_best.pt"] == inodes["checkpoint_last.pt"]
    assert updates(tmp_path / "checkpoint_1_2.pt") == 2  # the second save wrote into no name of the first


def test_an_old_best_stays_when_the_last_moves_on(tmp_path: Path) -> None:
    save(tmp_path, 2, 5.0)
    save(tmp_path, 4, 1.0)
    assert [updates(tmp_path / f"checkpoint_{name}.pt") for name in ("best", "last")] == [2, 4]


def test_old_checkpoints_are_deleted_as_before(tmp_path: Path) -> None:
    for number in (2, 4, 6):
        save(tmp_path, number, float(number), keep_interval_updates=1, keep_best_checkpoints=1)
    found = [name for name in names(tmp_path) if not name.startswith("checkpoint.best")]
    assert found == ["checkpoint_1_6.pt", "checkpoint_best.pt", "checkpoint_last.pt"]
    assert len(names(tmp_path)) == 4


def test_saving_the_same_update_again(tmp_path: Path) -> None:
    save(tmp_path, 2)
    save(tmp_path, 2)
    assert len(names(tmp_path)) == 3


def test_without_links_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    save(tmp_path, 2)
    save(tmp_path, 4)
    assert len({(tmp_path / name).stat().st_ino for name in names(tmp_path)}) == 4
    assert updates(tmp_path / "checkpoint_last.pt") == 4


def test_a_link_to_itself_leaves_no_temporary_name(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"a")
    give_name(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    give_name(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    assert names(tmp_path) == ["a.pt", "b.pt"]


def test_tasks_of_others_get_copies(tmp_path: Path) -> None:
    """fairseq without this package would write into the links."""
    save(tmp_path, 2, task="translation")
    assert len({(tmp_path / name).stat().st_ino for name in names(tmp_path)}) == 3


@pytest.mark.parametrize("write", [1, 2, 5])
@pytest.mark.parametrize("links", [True, False])
def test_killed_within_the_second_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: int, links: bool
) -> None:
    """At a rename: of the first file or of a further name; and within a write of the first."""
    save(tmp_path, 2)
    if not links:
        monkeypatch.setattr(os, "link", lambda *args: (_ for _ in ()).throw(OSError(errno.EPERM, "no")))
    if write < 4:
        monkeypatch.setattr(os, "replace", dies_in_call(write, os.replace))
    else:
        monkeypatch.setattr(writing._Watched, "write", dies_in_call(write, writing._Watched.write))
    killed(lambda: save(tmp_path, 4))
    monkeypatch.undo()
    assert all(updates(tmp_path / f"checkpoint_{name}.pt") in (2, 4) for name in ("best", "last"))
    assert any(name.endswith(".xl-tmp") for name in names(tmp_path))
    clear_temporary(str(tmp_path))
    assert not any(name.endswith(".xl-tmp") for name in names(tmp_path))
    save(tmp_path, 4)
    assert updates(tmp_path / "checkpoint_last.pt") == 4


@pytest.mark.parametrize("links", [True, False])
def test_the_last_checkpoint_changes_when_old_ones_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Killed while fairseq deletes, the run makes the save again: a finished one would leave the old file for ever."""
    if not links:
        monkeypatch.setattr(os, "link", lambda *args: (_ for _ in ()).throw(OSError(errno.EPERM, "no")))
    save(tmp_path, 2, keep_interval_updates=1)
    monkeypatch.setattr(os, "remove", die)
    killed(lambda: save(tmp_path, 4, keep_interval_updates=1))
    monkeypatch.undo()
    assert updates(tmp_path / "checkpoint_last.pt") == 2 and (tmp_path / "checkpoint_1_2.pt").exists()
    clear_temporary(str(tmp_path))
    save(tmp_path, 4, keep_interval_updates=1)
    assert names(tmp_path) == ["checkpoint_1_4.pt", "checkpoint_best.pt", "checkpoint_last.pt"]
    assert updates(tmp_path / "checkpoint_last.pt") == 4


@pytest.mark.parametrize("where", ["write", "fsync", "close"])
def test_a_full_disk_leaves_the_checkpoints_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    save(tmp_path, 2)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if where == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        calls = [0]
        write = writing._Watched.write

        def third(self: writing._Watched, data: object) -> int:
            calls[0] += 1
            self.file = SimpleNamespace(write=full, flush=full) if calls[0] > 2 else self.file
            return write(self, data)

        monkeypatch.setattr(writing._Watched, "write", third)
    with pytest.raises(UserError) as raised:
        save(tmp_path, 4)
    text = str(raised.value)
    assert text.startswith(f"--save-dir {tmp_path}: checkpoint_1_4.pt cannot be written (No space left on device)")
    assert "Traceback" not in caplog.text
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_a_full_disk_while_an_update_fails_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    checkpoint_utils.torch_persistent_save(state(1), str(tmp_path / "crash.pt"))
    assert names(tmp_path) == []


def test_a_limit_of_the_process(tmp_path: Path) -> None:
    """The kernel refuses a write in the middle."""
    save(tmp_path, 2)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        with pytest.raises(UserError, match=r"checkpoint_1_4\.pt cannot be written \(File too large\)"):
            save(tmp_path, 4)
        die()

    killed(limited)
    assert names(tmp_path) == ["checkpoint_1_2.pt", "checkpoint_best.pt", "checkpoint_last.pt"]


def test_asynchronous_writing_writes_whole_files(tmp_path: Path) -> None:
    save(tmp_path, 2, write_checkpoints_asynchronously=True)
    assert names(tmp_path) == ["checkpoint_1_2.pt", "checkpoint_best.pt", "checkpoint_last.pt"]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save(tmp_path, 2)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "checkpoint_last.pt").stat().st_mode) == 0o640


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_named_as_such() -> None:
    """torch itself tells of an unexpected position in its archive."""
    with open("/dev/full", "wb", buffering=0) as file, pytest.raises(OSError) as raised:
        writing.save_into(state(1), file)
    assert raised.value.errno == errno.ENOSPC


def test_all_checkpoints_are_written_here() -> None:
    package = Path(writing.__file__).parents[1]
    saving = [path for path in package.rglob("*.py") if re.search(r"\btorch\.save\(", path.read_text(encoding="utf-8"))]
    assert saving == [Path(writing.__file__)]
