"""xl-xtune and its child process: signals to the one and to the other."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from user_dir_tests.helpers.running.stand_in import calls, words
from user_dir_tests.helpers.running.warm import WarmProcess
from xl_plugins.cli.xtune import main
from xl_plugins.errors import UserError

# A test run in the background ignores these signals, and so would its children
CODE = """
import signal, sys
for number in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from xl_plugins.cli.xtune import cli_main
sys.argv[0] = "xl-xtune"
cli_main()
"""


def start(*arguments: str) -> WarmProcess:
    """Begin it in a process of its own with signals as in a terminal."""
    return WarmProcess(CODE, list(arguments), Path.cwd(), {"PATH": os.environ["PATH"]})


def wait_for_child(place: Path, command: WarmProcess) -> int:
    """Process number of the running stand-in."""
    mark = place / "save/stage1/pid"
    deadline = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()):
        assert command.process.is_alive() and time.monotonic() < deadline
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
    command.signal(number)
    code, _, err = command.finish(60)
    assert code == status and "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert len(calls(place)) == 1


def test_the_child_dies_with_a_killed_parent_and_no_second_one_is_started(place: Path) -> None:
    command = start(*words("xnli"), "--", "--wait")
    child = wait_for_child(place, command)
    with pytest.raises(
        UserError, match=rf"--save-dir save: xl-xtune \(process {command.process.pid} on .*\) is writing it"
    ):
        main(words("xnli", "--", "--wait"))
    command.signal(signal.SIGKILL)
    assert command.finish(60)[0] == -signal.SIGKILL
    deadline = time.monotonic() + 30
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(child, 0)
            time.sleep(0.05)
    assert len(calls(place)) == 1
    (place / "save/stage1/pid").unlink()
    again = start(*words("xnli"), "--", "--wait")  # the lock of the dead is free
    wait_for_child(place, again)
    again.signal(signal.SIGTERM)
    assert again.finish(60)[0] == 143


def test_a_child_killed_by_a_signal(place: Path) -> None:
    (place / "bin/fairseq-train").write_text("#!/bin/sh\nkill -9 $$\n")
    assert main(words("xnli")) == 137
