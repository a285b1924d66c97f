"""Replacing folders as a whole: commands that die by SIGKILL between any two steps, and what the next one takes up."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from user_dir_tests.helpers.folders import COMMAND, make, tree
from user_dir_tests.helpers.running.killing import die, dies_in_call, killed
from xl_plugins.errors import UserError
from xl_plugins.output import MARK, Staging
from xl_plugins.output import exchange as exchange_module
from xl_plugins.output import folder as folder_module

STEPS = ("mkdir", "replace", "unlink", "rename", "rmdir")


def steps(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let the process die at its ``number``-th change of the file system."""
    count = [0]

    def counted(real):  # type: ignore[no-untyped-def]
        def step(*args: object, **options: object) -> object:
            count[0] += 1
            return die() if count[0] == number else real(*args, **options)

        return step

    for name in STEPS:
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    for module in (exchange_module,):
        monkeypatch.setattr(module, "swap", counted(module.swap))


def without_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*paths: object) -> None:
        raise OSError(errno.EINVAL, "not here")

    monkeypatch.setattr(exchange_module, "swap", fails)


@pytest.mark.parametrize("swaps", [True, False])
def test_killed_at_any_step_it_is_old_or_new_and_the_next_run_cleans_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swaps: bool
) -> None:
    if not swaps:
        without_exchange(monkeypatch)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # the slowest step, and none that changes names
    ends, number, done = set(), 0, False
    while not done:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        make(folder / "dest", "old")
        child = os.fork()
        if not child:
            steps(monkeypatch, number)
            make(folder / "dest", "new", overwrite=True)
            os._exit(7)
        _, status = os.waitpid(child, 0)
        done = os.WIFEXITED(status)
        there = folder / "dest" / "inner" / "file"
        assert not swaps or there.read_text() in ("old", "new")
        with pytest.raises(UserError, match="exists"):  # a refused run puts back what was between two renames
            make(folder / "dest", overwrite=False)
        ends.add(there.read_text())
        make(folder / "dest", "newest", overwrite=True)
        assert there.read_text() == "newest"
        assert tree(folder).keys() == {"dest", f"dest/{MARK}", "dest/inner", "dest/inner/file"}
    assert ends == {"old", "new"} and number > 12


def test_the_working_folder_of_a_killed_process_is_taken_up(tmp_path: Path) -> None:
    def work() -> None:
        with Staging(tmp_path / "dest", COMMAND, "DIR", resume=True) as staging:
            assert not staging.resumed
            (staging.new / "first").write_text("1")
            die()

    killed(work)
    with Staging(tmp_path / "dest", COMMAND, "DIR", resume=True) as staging:
        assert staging.resumed and (staging.new / "first").read_text() == "1"
        staging.commit()
    assert tree(tmp_path).keys() == {"dest", f"dest/{MARK}", "dest/first"}


def test_a_complete_folder_that_was_not_yet_put_in_place_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(folder_module, "exchange", die)
            make(tmp_path / "dest", "complete", overwrite=True)

    make(tmp_path / "dest", "old")
    killed(work)
    assert (tmp_path / "dest" / "inner" / "file").read_text() == "old"
    with Staging(tmp_path / "dest", COMMAND, "DIR", True, resume=True) as staging:
        assert staging.resumed and (staging.new / "inner" / "file").read_text() == "complete"
        staging.restart()
        assert not staging.resumed and tree(staging.new).keys() == {MARK}
    assert tree(tmp_path).keys() == {"dest", f"dest/{MARK}", "dest/inner", "dest/inner/file"}


def test_the_old_folder_is_not_taken_up_for_a_new_one(tmp_path: Path) -> None:
    def work() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(folder_module, "sync_folder", dies_in_call(2, folder_module.sync_folder))
            make(tmp_path / "dest", "new", overwrite=True)

    make(tmp_path / "dest", "old")
    killed(work)
    assert (tmp_path / "dest" / "inner" / "file").read_text() == "new"
    with Staging(tmp_path / "dest", COMMAND, "DIR", True, resume=True) as staging:
        assert not staging.resumed
    assert tree(tmp_path).keys() == {"dest", f"dest/{MARK}", "dest/inner", "dest/inner/file"}


def test_a_folder_that_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ValueError), Staging(tmp_path / "dest", COMMAND, "DIR", resume=True) as staging:
        staging.keep = True
        (staging.new / "first").write_text("1")
        raise ValueError
    with Staging(tmp_path / "dest", COMMAND, "DIR", resume=True) as staging:
        assert staging.resumed and (staging.new / "first").read_text() == "1"
    assert tree(tmp_path) == {}


def test_a_failing_second_rename_puts_the_first_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "dest", "old")
    before = tree(tmp_path)
    without_exchange(monkeypatch)
    for error in (OSError(errno.EBUSY, "busy"), KeyboardInterrupt()):
        real, count = os.rename, [0]

        def rename(left: object, right: object, real=real, count=count, error=error) -> None:  # type: ignore[no-untyped-def]
            count[0] += 1
            if count[0] == 2:
                raise error
            real(left, right)

        with monkeypatch.context() as patch, pytest.raises(type(error)):
            patch.setattr(os, "rename", rename)
            make(tmp_path / "dest", overwrite=True)
        assert tree(tmp_path) == before
