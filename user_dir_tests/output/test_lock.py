"""One command at a time: the second is told who is there; what killed processes left is no obstacle."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from pathlib import Path

import pytest

from user_dir_tests.helpers.running.killing import die, killed
from xl_plugins.errors import UserError
from xl_plugins.output import FolderLock
from xl_plugins.output.lock import find_holder, is_lock


def take(path: Path) -> FolderLock:
    return FolderLock(path, "xl-mini make", f"DIR {path.parent}")


def test_it_is_held_noted_and_gone(tmp_path: Path) -> None:
    path = tmp_path / ".x.xl-lock"
    with take(path) as lock:
        note = json.loads(path.read_text())
        assert (note["pid"], note["host"], note["command"]) == (os.getpid(), socket.gethostname(), "xl-mini make")
        who = rf"xl-mini make \(process {os.getpid()} on {socket.gethostname()}\) is writing it"
        with pytest.raises(UserError, match=who):
            take(path).acquire()
        assert find_holder(path) and is_lock(path) and os.get_inheritable(lock.fileno()) is False
    assert not path.exists() and find_holder(path) is None


def test_a_killed_holder_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / ".x.xl-lock"
    killed(lambda: (take(path).acquire(), die()))
    assert path.exists() and is_lock(path) and find_holder(path) is None
    with take(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", ["mine", "{}", '{"package": "other"}', "[" * 5000, "\0", "[1]"])
def test_a_file_of_a_foreigner_stays(tmp_path: Path, content: str) -> None:
    path = tmp_path / ".x.xl-lock"
    path.write_text(content)
    with pytest.raises(UserError, match="is no lock file of this package; move it away"):
        take(path).acquire()
    assert path.read_text() == content and not is_lock(path)


@pytest.mark.parametrize("kind", ["folder", "link", "dangling", "fifo", "socket"])
def test_other_things_in_its_place(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".x.xl-lock"
    (tmp_path / "target").write_text("mine")
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        monkeypatch.chdir(tmp_path)
        socket.socket(socket.AF_UNIX).bind(path.name)
    else:
        path.symlink_to(tmp_path / ("target" if kind == "link" else "nowhere"))
    with pytest.raises(UserError, match="is no lock file of this package"):
        take(path).acquire()
    assert os.path.lexists(path) and (tmp_path / "target").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists() and not is_lock(path) and find_holder(path) is None


@pytest.mark.parametrize(
    "pid, host, free",
    [(1, None, False), (2**22 + 7, None, True), (1, "other", False), ("x", None, True), (0, None, True),
     (-1, None, True)],
)  # fmt: skip
def test_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: object, host: str | None, free: bool
) -> None:
    def fails(*args: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    path = tmp_path / ".x.xl-lock"
    note = {"package": "xl_plugins", "command": "c", "pid": pid, "host": host or socket.gethostname()}
    path.write_text(json.dumps(note))
    monkeypatch.setattr(fcntl, "flock", fails)
    assert (find_holder(path) is None) is free
    if free:
        with take(path):
            pass
        assert not path.exists()
    else:
        with pytest.raises(UserError, match=r"is writing it; wait for it, or remove .* if it has ended"):
            take(path).acquire()
        assert json.loads(path.read_text()) == note


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(FolderLock, "_note", full)
    with pytest.raises(OSError, match="full"):
        take(tmp_path / ".x.xl-lock").acquire()
    assert os.listdir(tmp_path) == []


def test_control_characters_of_a_note_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / ".x.xl-lock"
    path.write_text(json.dumps({"package": "xl_plugins", "command": "\x1b[2J", "pid": 1, "host": "h"}))
    with open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError) as error:
            take(path).acquire()
    assert "\x1b" not in str(error.value) and r"\x1b[2J" in str(error.value)


def test_children_of_a_killed_holder_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They inherit the lock and end a moment after it; one that goes on is an obstacle."""
    path = tmp_path / ".x.xl-lock"

    def hold(seconds: float) -> None:
        lock = FolderLock(path, "xl-xtune", "--save-dir x")
        lock.acquire()
        if os.fork() == 0:
            held = lock.fileno()
            os.closerange(3, held)  # among them what the test waits for
            os.closerange(held + 1, 256)
            time.sleep(seconds)
            os._exit(0)
        die()

    killed(lambda: hold(0.5))
    begin = time.monotonic()
    with FolderLock(path, "xl-xtune", "--save-dir x"):
        assert time.monotonic() - begin < 4
    killed(lambda: hold(8))
    monkeypatch.setattr("xl_plugins.output.lock._DYING", 0.2)
    with pytest.raises(UserError, match=r"xl-xtune \(process \d+ on .*\) is writing it"):
        FolderLock(path, "xl-xtune", "--save-dir x").acquire()
