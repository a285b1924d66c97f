"""Files that appear whole or not at all, and are replaced only where they are ours."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from user_dir_tests.helpers.folders import tree
from user_dir_tests.helpers.running.killing import die, killed
from xl_plugins.errors import UserError
from xl_plugins.output import MARK, FileOutput, atomic_file, check_file, read_mark, write_mark, write_together
from xl_plugins.output import files as files_module


def write(path: Path, text: str = "new", overwrite: bool = False) -> None:
    with FileOutput("xl-evaluate", overwrite) as output:
        output.plan([path])
        output.write({str(path): text})


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_file(path) as file:
        file.write("half")
        raise KeyboardInterrupt
    assert tree(tmp_path) == {"a": b"old"}

    def work() -> None:
        with atomic_file(path) as file:
            file.write("half")
            die()

    killed(work)
    assert path.read_text() == "old" and len(os.listdir(tmp_path)) == 2
    with atomic_file(path) as one:
        one.write("1")
        with atomic_file(path) as two:  # the first one lives: its file stays
            two.write("2")
        assert path.read_text() == "2"
    assert tree(tmp_path) == {"a": b"1"}
    with atomic_file(path, "wb") as file:
        file.write(b"\r\n")
    assert path.read_bytes() == b"\r\n"


def test_predictions_are_marked_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out" / "xnli" / "test-en.tsv"
    write(path)
    assert tree(tmp_path / "out").keys() == {"xnli", "xnli/test-en.tsv", f"xnli/{MARK}"}
    with pytest.raises(UserError, match="exists; pass --overwrite"):
        write(path, "newer")
    write(path, "newer", overwrite=True)
    write(path.with_name("test-de.tsv"))
    mark = read_mark(path.parent)
    assert path.read_text() == "newer" and mark is not None and mark["files"] == ["test-de.tsv", "test-en.tsv"]


@pytest.mark.parametrize("kind", ["file", "link", "folder", "fifo", "empty folder's mark"])
def test_what_is_not_ours_stays(tmp_path: Path, kind: str) -> None:
    path, target = tmp_path / "out" / "test-en.tsv", tmp_path / "target"
    path.parent.mkdir()
    target.write_text("gold")
    if kind == "link":
        path.symlink_to(target)
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_text("gold")
    if kind != "file":
        write_mark(path.parent, "xl-evaluate", [] if kind.startswith("empty") else ["test-en.tsv"])
    state = os.lstat(path)
    for overwrite in (False, True):
        with pytest.raises(UserError):
            write(path, overwrite=overwrite)
    assert os.path.samestat(os.lstat(path), state) and target.read_text() == "gold"
    assert {name for name in os.listdir(path.parent) if name.endswith("lock")} == set()


def test_a_folder_of_another_command_is_refused(tmp_path: Path) -> None:
    write_mark(tmp_path, "xl-prepare", ["a"])
    with pytest.raises(UserError, match="was made by xl-prepare; choose another output"):
        write(tmp_path / "test-en.tsv", overwrite=True)
    assert os.listdir(tmp_path) == [MARK]


def test_marks_above_count_for_commands_that_share_files(tmp_path: Path) -> None:
    path = tmp_path / "de" / "soft" / "train.npy"
    path.parent.mkdir(parents=True)
    path.write_text("old")
    write_mark(tmp_path, "xl-prepare", ["de/soft/train.npy"])
    with FileOutput("xl-augment soft-labels", True) as output, pytest.raises(UserError, match="did not make it"):
        output.plan([path])
    with FileOutput("xl-augment soft-labels", True, also=["xl-prepare"]) as output:
        output.write({str(path): "new"})
    assert path.read_text() == "new"


def test_errors_leave_nothing_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "old" / "test-en.tsv", "old")
    before = tree(tmp_path)

    def full(contents: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(files_module, "write_together", full)
    with FileOutput("xl-evaluate", True) as output, pytest.raises(OSError, match="full"):
        output.write({str(tmp_path / name / "test-de.tsv"): "x" for name in ("old", "new/deep")})
    assert tree(tmp_path) == before
    monkeypatch.undo()
    with pytest.raises(ZeroDivisionError), FileOutput("xl-evaluate") as output:
        output.plan([tmp_path / "other" / "a"])
        raise ZeroDivisionError
    assert tree(tmp_path) == before


def test_all_are_on_disk_before_the_first_gets_its_name(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_together({str(tmp_path / "new" / "a"): "whole", str(tmp_path / "new" / "b"): "half \udc80"})
    assert tree(tmp_path) == {}


def test_the_second_one_leaves(tmp_path: Path) -> None:
    path = tmp_path / "out" / "test-en.tsv"
    with FileOutput("xl-evaluate") as output:
        output.plan([path])
        with pytest.raises(UserError, match=rf"xl-evaluate \(process {os.getpid()} on .*is writing it"):
            write(path)
        output.write({str(path): "1"})
    assert path.read_text() == "1" and sorted(os.listdir(path.parent)) == [MARK, "test-en.tsv"]


def test_a_single_file_is_recognised_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("ours")
    check_file(path, True, "xl-evaluate", lambda name: Path(name).read_text() == "ours")
    with pytest.raises(UserError, match="exists; pass --overwrite"):
        check_file(path, False, "xl-evaluate", lambda name: True)
    path.write_text("mine")
    with pytest.raises(UserError, match="did not make it"):
        check_file(path, True, "xl-evaluate", lambda name: Path(name).read_text() == "ours")
    path.write_text("")  # as mktemp leaves it
    check_file(path, True, "xl-evaluate", lambda name: False)


def test_a_mark_above_a_link_does_not_speak_of_what_lies_behind_it(tmp_path: Path) -> None:
    """The mark of a data folder lists a file whose folder the user has put elsewhere, and another in its place."""
    mine, data = tmp_path / "mine" / "train.npy", tmp_path / "data"
    for folder in (mine.parent, data / "de"):
        folder.mkdir(parents=True)
    mine.write_text("mine")
    write_mark(data, "xl-prepare", ["de/soft/train.npy"])
    (data / "de" / "soft").symlink_to(mine.parent)
    (tmp_path / "link").symlink_to(data)  # a link above the mark is no hindrance
    (data / "de" / "own").mkdir()
    (data / "de" / "own" / "train.npy").write_text("old")
    with FileOutput("x", True, also=["xl-prepare"]) as output, pytest.raises(UserError, match="x did not make it"):
        output.plan([data / "de" / "soft" / "train.npy"])
    write_mark(data, "xl-prepare", ["de/own/train.npy"])
    with FileOutput("x", True, also=["xl-prepare"]) as output:
        output.write({str(tmp_path / "link" / "de" / "own" / "train.npy"): "new"})
    assert mine.read_text() == "mine" and (data / "de" / "own" / "train.npy").read_text() == "new"
    assert os.listdir(mine.parent) == ["train.npy"]


@pytest.mark.parametrize("kind", ["file", "link to nowhere", "fifo"])
def test_what_is_no_folder_is_told_before_any_work(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "out"
    if kind == "file":
        place.write_text("mine")
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to(tmp_path / "nowhere")
    before = tree(tmp_path)
    with pytest.raises(UserError, match="out: is no folder; choose another output"):
        FileOutput("xl-evaluate", True).check([place / "xnli" / "test-en.tsv"])
    assert tree(tmp_path) == before
