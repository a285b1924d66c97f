"""The time from the command to the first update: counted from the start of the process, logged once by its parts."""

from __future__ import annotations

import multiprocessing
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from user_dir_tests.helpers.running.training import train
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.starting import clock
from xl_plugins.starting.clock import StartClock, process_age


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells when a process began")
def test_age_of_a_process_counts_what_came_before_the_package(repo: Path) -> None:
    code = "import time; time.sleep(0.7); from xl_plugins.starting.clock import process_age; print(process_age())"
    begin = time.monotonic()
    out = subprocess.check_output([sys.executable, "-c", code], cwd=repo, text=True, stderr=subprocess.DEVNULL)
    assert 0.69 <= float(out.splitlines()[-1]) <= time.monotonic() - begin + 0.05


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells when a process began")
def test_a_child_of_multiprocessing_counts_from_its_parent() -> None:
    with multiprocessing.get_context("fork").Pool(1) as pool:
        before, found, after = process_age(), pool.apply(process_age), process_age()
    assert before <= found <= after


def test_without_the_system_ages_differ_as_time_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock.os, "sysconf", lambda name: (_ for _ in ()).throw(ValueError(name)))
    first = process_age()
    time.sleep(0.02)
    assert 0 <= first <= process_age() - 0.02


def test_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    ages = iter([3.04, 10.0, 12.5])
    monkeypatch.setattr(clock, "process_age", lambda: next(ages))
    found = StartClock()
    for part in ("libraries", "data", "update"):
        found.mark(part)
    assert found.line() == "first update 12.5 s after the command: libraries 3.0 s, data 7.0 s, update 2.5 s"


@pytest.mark.parametrize("task", ["xl_sentence_pair", "xmixup_sentence_pair"])
def test_a_run_says_it_once(task: str, tmp_path: Path) -> None:
    data = make_data(tmp_path / "data")
    ended = train(data, tmp_path / "run", task, max_update=3)
    assert ended.code == 0, ended.output[-2000:]
    (line,) = [line for line in ended.output.splitlines() if "first update" in line]
    found = re.search(
        r"first update (\S+) s after the command: libraries, options and model (\S+) s, weights and training data (\S+)"
        r" s, first update (\S+) s$", line,
    )  # fmt: skip
    assert found, line
    whole, *parts = map(float, found.groups())
    assert sum(parts) == pytest.approx(whole, abs=0.21)
