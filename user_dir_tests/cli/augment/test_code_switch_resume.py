"""xl-augment code-switch in parts: shards, kills and what is there already give the bytes of one unbroken run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.running.killing import dies_in_call, killed
from user_dir_tests.helpers.toys.toy_switch import NAMES, World, make_world
from xl_plugins.augment.code_switch import job as code_switch_job
from xl_plugins.augment.code_switch.texts import SwitchedTexts
from xl_plugins.augment.generation import files as generated_files
from xl_plugins.cli.augment import main
from xl_plugins.data.binary import blocks
from xl_plugins.errors import UserError
from xl_plugins.output import FolderLock, folder

Bytes = dict[str, bytes]
OPTIONS = {"samples": 3, "ratio": 0.6}
ROWS = 5  # of a block; 24 rows are five


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, dict[str, Bytes]]:
    """A world whose copies one run made in one block, and all files of its data folders."""
    world = make_world(tmp_path_factory.mktemp("made"), repeat=4)
    for name in NAMES:
        assert main(world.options(getattr(world, name), **OPTIONS)) == 0
    return world, {name: tree(getattr(world, name)) for name in NAMES}


@pytest.fixture
def world(made: tuple[World, dict[str, Bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same world before those runs, in five blocks."""
    monkeypatch.setattr(code_switch_job, "_BLOCK", ROWS)
    found = {name: tmp_path / name for name in NAMES}
    for name, path in found.items():
        shutil.copytree(getattr(made[0], name), path, ignore=shutil.ignore_patterns("code-switch"))
    return made[0]._replace(**found)


@pytest.fixture
def whole(made: tuple[World, dict[str, Bytes]]) -> dict[str, Bytes]:
    """All files of each folder after one unbroken run."""
    return made[1]


def count_blocks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The first row of every block that is made from now on."""
    found: list[int] = []
    make = SwitchedTexts.make

    def counted(self: SwitchedTexts, rows: Any, counts: Any) -> Any:
        found.append(int(rows[0]))
        return make(self, rows, counts)

    monkeypatch.setattr(SwitchedTexts, "make", counted)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_shards_give_the_bytes_of_one_run(
    world: World, whole: dict[str, Bytes], name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    data, found = getattr(world, name), count_blocks(monkeypatch)
    for shard, rows in (("2/2", [5, 15]), ("2/2", []), ("1/2", [0, 10, 20])):
        found.clear()
        assert main(world.options(data, **OPTIONS, shard=shard)) == 0
        assert found == rows
        line = f"en: shard {shard} is through; when all are, run the same command without --shard\n"
        assert capsys.readouterr().out == line
        assert not (data / "en" / "code-switch").exists()
    found.clear()
    assert main(world.options(data, **OPTIONS)) == 0
    assert found == [] and tree(data) == whole[name]
    capsys.readouterr()
    assert main(world.options(data, **OPTIONS, shard="1/2")) == 0
    assert capsys.readouterr().out == f"en: up to date in {data}/en/code-switch\n"


@pytest.mark.parametrize(
    ("where", "left"),
    [("making", [10, 15, 20]), ("storing", [15, 20]), ("merging", []), ("renaming", []), ("removing", [])],
)
def test_killed_and_resumed(
    world: World, whole: dict[str, Bytes], where: str, left: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished blocks are kept, the copies are not half there, and the next run gives the bytes of an unbroken one."""

    def work() -> None:
        if where == "making":
            SwitchedTexts.make = dies_in_call(3, SwitchedTexts.make)  # type: ignore[method-assign]
        elif where == "storing":
            blocks.atomic_file = dies_in_call(4, blocks.atomic_file)
        elif where == "merging":
            generated_files._write = dies_in_call(1, generated_files._write)
        elif where == "renaming":
            folder.exchange = dies_in_call(1, folder.exchange)
        else:
            blocks.BlockStore.remove = dies_in_call(1, blocks.BlockStore.remove)  # type: ignore[method-assign]
        main(world.options(**OPTIONS))

    killed(work)
    assert (world.tagged / "en" / "code-switch").exists() == (where == "removing")
    found = count_blocks(monkeypatch)
    assert main(world.options(**OPTIONS)) == 0
    assert found == left
    assert tree(world.tagged) == whole["tagged"]


def test_a_killed_shard_is_resumed(world: World, whole: dict[str, Bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        SwitchedTexts.make = dies_in_call(2, SwitchedTexts.make)  # type: ignore[method-assign]
        main(world.options(**OPTIONS, shard="1/2"))

    killed(work)
    found = count_blocks(monkeypatch)
    for shard in ("1/2", "2/2", None):
        main(world.options(**OPTIONS, shard=shard))
    assert found == [10, 20, 5, 15] and tree(world.tagged) == whole["tagged"]


def test_one_run_does_what_shards_left_and_other_options_share_nothing(
    world: World, whole: dict[str, Bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(world.options(**OPTIONS, shard="2/3"))
    found = count_blocks(monkeypatch)
    main(world.options(**OPTIONS, seed=2, name="other"))
    assert found == [0, 5, 10, 15, 20]
    found.clear()
    main(world.options(**OPTIONS))
    assert found == [0, 10, 15]
    shutil.rmtree(world.tagged / "en" / "other")
    assert tree(world.tagged) == whole["tagged"]


def test_shards_that_are_none_and_a_shard_at_work(world: World) -> None:
    with pytest.raises(UserError, match=r"^--shard 3/2: expected I/N with 1 <= I <= N; the second of four parts"):
        main(world.options(shard="3/2"))

    def inside(self: SwitchedTexts, rows: np.ndarray, counts: Any) -> Any:
        SwitchedTexts.make = make  # type: ignore[method-assign]
        with pytest.raises(UserError, match=r"shard 1/2: xl-augment code-switch \(process \d+ on .*\) is writing it"):
            main(world.options(**OPTIONS, shard="1/2"))
        assert main(world.options(**OPTIONS, shard="2/2")) == 0
        return make(self, rows, counts)

    make = SwitchedTexts.make
    SwitchedTexts.make = inside  # type: ignore[method-assign, assignment]
    assert main(world.options(**OPTIONS, shard="1/2")) == 0
    with FolderLock.within(world.tagged, "xl-augment code-switch", "DATA"):  # of a run that is no shard
        assert main(world.options(**OPTIONS, shard="1/2")) == 0
