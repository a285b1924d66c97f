"""xl-xtune and its child process: signals to the one and to the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from user_dir_tests.helpers.running.stand_in import calls, words
from user_dir_tests.helpers.running.training import environment
from xl_plugins.cli.xtune import main
from xl_plugins.errors import UserError


def start(*arguments: str) -> subprocess.Popen:
    """In a process of its own with signals as in a terminal."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from xl_plugins.cli.xtune import cli_main; sys.argv[0] = 'xl-xtune'; cli_main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment(), stderr=subprocess.PIPE, encoding="utf-8",
        preexec_fn=_hear_signals,
    )  # fmt: skip


def _hear_signals() -> None:
    """A test run in the background ignores these, and so would its children."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def wait_for_child(place: Path, command: subprocess.Popen) -> int:
    """Process number of the running stand-in."""
    mark = place / "save/stage1/pid"
    deadline = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()):
        assert command.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    return int(mark.read_text())


@pytest.mark.parametrize(
    "number, status",
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_signals_end_the_child_too(place: Path, number: int, status: int) -> None:
    command = start(*words("xnli"), "--", "--wait")
    child = wait_for_child(place, command)
    command.send_signal(number)
    _, err = command.communicate(timeout=60)
    assert command.returncode == status and "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert len(calls(place)) == 1


def test_the_child_dies_with_a_killed_parent_and_no_second_one_is_started(place: Path) -> None:
    command = start(*words("xnli"), "--", "--wait")
    child = wait_for_child(place, command)
    with pytest.raises(UserError, match=rf"--save-dir save: xl-xtune \(process {command.pid} on .*\) is writing it"):
        main(words("xnli", "--", "--wait"))
    command.kill()
    command.wait(timeout=60)
    deadline = time.monotonic() + 30
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(child, 0)
            time.sleep(0.05)
    assert len(calls(place)) == 1
    (place / "save/stage1/pid").unlink()
    again = start(*words("xnli"), "--", "--wait")  # the lock of the dead is free
    wait_for_child(place, again)
    again.terminate()
    assert again.wait(timeout=60) == 143


def test_a_child_killed_by_a_signal(place: Path) -> None:
    (place / "bin/fairseq-train").write_text("#!/bin/sh\nkill -9 $$\n")
    assert main(words("xnli")) == 137
