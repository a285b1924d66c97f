"""The skeleton of xl-augment with a fifth generator: what a job has to state, and what it gets for that."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.running.killing import dies_in_call, killed, never
from xl_plugins.augment.generation.job import Block, Job, Progress
from xl_plugins.cli.shared import generation
from xl_plugins.cli.shared.generation import run_jobs
from xl_plugins.data.binary.blocks import BlockStore
from xl_plugins.errors import UserError
from xl_plugins.output import FolderLock

SIZES = (4, 4, 2)  # numbers of each block


class Powers(Job[int, int, int]):
    """The numbers from 0 to 9 to some powers, a file of each; the engine is a factor."""

    command, label, unit = "xl-augment powers", "powers", "number"

    def __init__(self, root: Path, outputs: Sequence[int] = (2, 3)) -> None:
        self.data: Any = SimpleNamespace(root=root)
        self.outputs = outputs
        self.done: list[int] = []

    def pending(self, overwrite: bool = False) -> list[int]:
        return [power for power in self.outputs if overwrite or not self.place(power)[1].exists()]

    def place(self, output: int) -> tuple[str, Path]:
        return str(output), self.data.root / f"{output}.txt"

    def store(self, outputs: Sequence[int] = ()) -> BlockStore:
        return BlockStore(str(self.data.root / ".job"), repr(self.outputs), len(SIZES), self.command)

    def clear(self) -> None:
        self.store().remove()

    def size(self, blocks: Iterable[int]) -> int:
        return sum(SIZES[block] for block in blocks)

    def make(self, engine: int, block: int, progress: Progress | None = None) -> Block:
        self.done.append(block)
        numbers = np.arange(4 * block, 4 * block + SIZES[block])
        if progress is not None:
            progress(len(numbers))
        return {str(power): engine * numbers**power for power in self.outputs}, {"numbers": len(numbers)}

    def write(self, store: BlockStore, outputs: Sequence[int]) -> int:
        found = [store.read(block) for block in range(store.count)]
        for power in outputs:
            values = np.concatenate([arrays[str(power)] for arrays, _ in found])
            self.place(power)[1].write_text(" ".join(map(str, values.tolist())), encoding="utf-8")
        return sum(stats["numbers"] for _, stats in found)

    def lines(self, counts: int) -> list[str]:
        return [f"{counts} numbers"]


WHOLE = {"2.txt": b"0 1 4 9 16 25 36 49 64 81", "3.txt": b"0 1 8 27 64 125 216 343 512 729"}


def run(job: Powers, shard: str | None = None, overwrite: bool = False, engine: Any = lambda *_: 1) -> bool:
    return run_jobs(argparse.Namespace(shard=shard, overwrite=overwrite), [job], engine)


def test_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = Powers(tmp_path)
    assert run(job) and job.done == [0, 1, 2] and tree(tmp_path) == WHOLE
    assert capsys.readouterr().out.splitlines() == ["10 numbers", f"2: {tmp_path}/2.txt", f"3: {tmp_path}/3.txt"]
    (tmp_path / "3.txt").unlink()
    assert run(job) and tree(tmp_path) == WHOLE
    assert capsys.readouterr().out.splitlines() == [
        f"2: up to date in {tmp_path}/2.txt", "10 numbers", f"3: {tmp_path}/3.txt",
    ]  # fmt: skip
    assert run(job, engine=never)  # nothing is pending, so nothing computes
    assert run(job, overwrite=True, engine=lambda *_: 2)
    assert tree(tmp_path)["2.txt"] == b"0 2 8 18 32 50 72 98 128 162"


def test_shards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = Powers(tmp_path)
    assert not run(job, "1/2") and job.done == [0, 2]
    assert not run(job, "1/2", engine=never)
    assert not run(job, "2/2") and job.done == [0, 2, 1]
    assert not (tmp_path / "2.txt").exists()
    line = "shard {} is through; when all are, run the same command without --shard"
    assert capsys.readouterr().out.splitlines() == [line.format(shard) for shard in ("1/2", "1/2", "2/2")]
    assert run(job, engine=never) and tree(tmp_path) == WHOLE
    assert run(job, "1/2", engine=never)  # the outputs are there: nothing is left for a shard


@pytest.mark.parametrize(("call", "left"), [(1, [0, 1, 2]), (2, [1, 2]), (3, [2])])
def test_killed_while_a_block_is_made(tmp_path: Path, call: int, left: list[int]) -> None:
    def work() -> None:
        Powers.make = dies_in_call(call, Powers.make)  # type: ignore[method-assign]
        run(Powers(tmp_path))

    killed(work)
    job = Powers(tmp_path)
    assert run(job) and job.done == left and tree(tmp_path) == WHOLE


def test_killed_before_the_blocks_are_removed(tmp_path: Path) -> None:
    def work() -> None:
        BlockStore.remove = dies_in_call(1, BlockStore.remove)  # type: ignore[method-assign]
        run(Powers(tmp_path))

    killed(work)
    assert any(name.startswith(".job/") for name in tree(tmp_path))
    assert run(Powers(tmp_path), engine=never) and tree(tmp_path) == WHOLE


def test_locks(tmp_path: Path) -> None:
    """One whole run at a time; shards run beside it, but not the same one twice. A refused engine leaves nothing."""
    with FolderLock.within(tmp_path, "xl-augment powers", "DATA"):
        with pytest.raises(UserError, match=rf"^DATA {tmp_path}: xl-augment powers \(process \d+ on "):
            run(Powers(tmp_path))
        assert not run(Powers(tmp_path), "2/3")
    with Powers(tmp_path).store().lock("shard 1/3"):
        with pytest.raises(UserError, match=r"shard 1/3: xl-augment powers \(process "):
            run(Powers(tmp_path), "1/3")
        assert not run(Powers(tmp_path), "3/3")
    Powers(tmp_path).clear()

    def refuse(*_: object) -> None:
        raise UserError("no such model")

    with pytest.raises(UserError, match="no such model"):
        run(Powers(tmp_path), engine=refuse)
    assert tree(tmp_path) == {}


def test_the_bar_starts_at_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    bar = generation.progress_bar

    def noted(job: Any, total: int, done: int = 0) -> Any:
        seen.append((total, done))
        return bar(job, total, done)

    monkeypatch.setattr(generation, "progress_bar", noted)
    run(Powers(tmp_path), "2/2")
    run(Powers(tmp_path))
    assert seen == [(4, 0), (10, 4)]
