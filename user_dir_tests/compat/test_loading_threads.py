"""A program that ends while batches are loaded ahead exits with its own status."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from user_dir_tests.helpers.running.training import REPO

PROGRAM = """
import sys, threading, time
import torch
{plugin}
from fairseq.data.iterators import BackgroundConsumer, BufferedIterator

class Loader:
    def __len__(self):
        return 10**6
    def __iter__(self):
        while True:
            {load}
            yield torch.stack([torch.ones(100)] * 50).sum()

batches = [BufferedIterator(size, Loader()) for size in (10**5, 3)]  # the second one soon waits for room
for each in batches:
    next(each)
time.sleep(0.2)
{end}
"""


def ended(plugin: str = "import xl_plugins", load: str = "pass", end: str = "") -> subprocess.CompletedProcess:
    code = PROGRAM.format(plugin=plugin, load=load, end=end)
    env = {**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, encoding="utf-8", timeout=120)


@pytest.mark.parametrize(("end", "code"), [("", 0), ("sys.exit(2)", 2), ("raise KeyError", 1)])
def test_status_of_a_program_that_ends_while_batches_are_loaded(end: str, code: int) -> None:
    done = ended(end=end)
    assert done.returncode == code and "terminate called" not in done.stderr, done.stderr


def test_threads_have_ended() -> None:
    """Called by the program itself: none is left, though one was waiting for room; calling it again is free."""
    alive = "print([t for t in threading.enumerate() if isinstance(t, BackgroundConsumer)])"
    done = ended(
        end=f"{alive}\nxl_plugins.compat.loading_threads.end_loading_threads()\n{alive}\nxl_plugins.compat.loading_threads.end_loading_threads()"
    )
    before, after = done.stdout.splitlines()
    assert before.count("BackgroundConsumer") == 2 and after == "[]", done.stdout + done.stderr


def test_a_batch_that_never_comes_does_not_hold_the_program() -> None:
    stuck = "sys.stuck = True; time.sleep(0.2); xl_plugins.compat.loading_threads.MAY_TAKE = 0.5"
    done = ended(load="time.sleep(1000 * hasattr(sys, 'stuck'))", end=stuck)
    assert done.returncode == 0, done.stderr


def test_without_it_the_program_aborts() -> None:
    """If this fails, fairseq or torch have mended it and compat/loading_threads.py can go."""
    assert ended(plugin="").returncode != 0
