"""A rank that ends while gloo's threads still hold tensors exits with its own status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from user_dir_tests.helpers.running.training import REPO

PROGRAM = """
import sys, time
import torch
from torch import distributed
{plugin}
distributed.init_process_group("gloo", init_method="file://{store}", rank={rank}, world_size=2)
sys.setswitchinterval(1000)  # whoever waits for the interpreter's lock gets it when the program ends
works = [distributed.all_reduce(torch.ones(100_000), async_op=True) for _ in range({works})]
del works
{end}
sys.exit(38)
"""


def start(store: Path, plugin: str = "import xl_plugins", works: tuple[int, int] = (20, 20), end: str = "") -> list:
    env = {**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}
    codes = [PROGRAM.format(plugin=plugin, store=store, rank=rank, works=works[rank], end=end) for rank in (0, 1)]
    return [subprocess.Popen([sys.executable, "-c", code], env=env, stderr=subprocess.DEVNULL) for code in codes]


def statuses(store: Path, **how: Any) -> list[int]:
    return [rank.wait(timeout=120) for rank in start(store, **how)]


def test_ranks_that_end_while_tensors_are_on_their_way(tmp_path: Path) -> None:
    assert statuses(tmp_path / "store") == [38, 38]


def test_a_group_taken_down_by_the_program_itself(tmp_path: Path) -> None:
    assert statuses(tmp_path / "store", end="distributed.destroy_process_group()") == [38, 38]


def test_a_rank_that_waits_in_vain_does_not_stay(tmp_path: Path) -> None:
    """Rank 1 offers a tensor more than rank 0, which never ends."""
    end = "if distributed.get_rank() == 0: time.sleep(1000)\nxl_plugins.compat.process_groups.MAY_TAKE = 0.5"
    first, second = start(tmp_path / "store", works=(1, 2), end=end)
    try:
        second.wait(timeout=60)
        assert first.poll() is None
    finally:
        first.kill()
        first.wait()
        second.kill()


def test_without_it_a_rank_aborts(tmp_path: Path) -> None:
    """If this fails, torch has mended it and compat/process_groups.py can go."""
    assert statuses(tmp_path / "store", plugin="") != [38, 38]
