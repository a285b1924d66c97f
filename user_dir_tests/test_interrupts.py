"""A signal that asks a command to end is an interrupt; a child ends with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# the module alone: the package would import torch
LOAD = """
import os, runpy, signal, subprocess, time
globals().update(runpy.run_path("xl_plugins/interrupts.py"))
"""
CLEANING = """
clean_up_on_signals()
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt as error:
    print("cleaning", error, flush=True)
    time.sleep(0.5)  # another signal does not disturb it
    print("clean", error.status, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_are_interrupts(repo: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LOAD + CLEANING], cwd=repo, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == f"cleaning {number.name}\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == f"clean {128 + number}\n"
    assert process.returncode == 0


def test_an_ignored_signal_stays_ignored(repo: Path) -> None:
    code = (
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nclean_up_on_signals()\n"
        "os.kill(os.getpid(), signal.SIGHUP); print('alive')"
    )
    assert subprocess.check_output([sys.executable, "-c", LOAD + code], cwd=repo, text=True) == "alive\n"


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_a_child_dies_with_its_parent(repo: Path) -> None:
    code = (
        "child = subprocess.Popen(['sleep', '60'], preexec_fn=death_with_parent())\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", LOAD + code], cwd=repo, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert _lives(child)
        os.kill(process.pid, signal.SIGKILL)
    for _ in range(100):
        if not _lives(child):
            return
        time.sleep(0.05)
    raise AssertionError("it lives on")
