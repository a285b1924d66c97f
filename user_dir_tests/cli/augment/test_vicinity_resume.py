"""xl-augment vicinity in parts: shards, kills and what is there already give the bytes of one unbroken run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.running.killing import dies_in_call, killed, never
from user_dir_tests.helpers.toys.toy_vicinity import World, in_blocks, make_world
from xl_plugins.augment.generation import files as generated_files
from xl_plugins.augment.vicinity.examples import ExampleMaker
from xl_plugins.cli.augment import main
from xl_plugins.data.binary import blocks
from xl_plugins.models import pretrained
from xl_plugins.output import folder

Bytes = dict[str, bytes]
ROWS = 7  # of a block; 30 rows are five


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Bytes]:
    """A world whose virtual sentences one run made in five blocks per language."""
    world = make_world(tmp_path_factory.mktemp("made"))
    with pytest.MonkeyPatch.context() as patch:
        in_blocks(patch, ROWS)
        assert main(world.options()) == 0
    return world, tree(world.tagged)


@pytest.fixture
def world(made: tuple[World, Bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    in_blocks(monkeypatch, ROWS)
    shutil.copytree(made[0].tagged, tmp_path / "data", ignore=shutil.ignore_patterns("vicinity"))
    return made[0]._replace(tagged=tmp_path / "data")


def count_blocks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Language and first row of every block that is made from now on."""
    blocks: list[tuple[str, int]] = []
    make = ExampleMaker.make

    def counted(self: ExampleMaker, rows: np.ndarray, progress: Any = None) -> Any:
        blocks.append((self.texts.language, int(rows[0])))
        return make(self, rows, progress)

    monkeypatch.setattr(ExampleMaker, "make", counted)
    return blocks


def test_one_block_gives_the_bytes_of_five(world: World, whole: Bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    in_blocks(monkeypatch, 1000)
    assert main(world.options()) == 0
    assert tree(world.tagged) == whole


def test_shards_give_the_bytes_of_one_run(
    world: World, whole: Bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = count_blocks(monkeypatch)
    for shard, rows in (("2/2", [7, 21]), ("2/2", []), ("1/2", [0, 14, 28])):
        blocks.clear()
        assert main(world.options(shard=shard)) == 0
        assert blocks == [(language, row) for language in ("de", "en") for row in rows]
        line = f"shard {shard} is through; when all are, run the same command without --shard"
        assert capsys.readouterr().out.splitlines() == [f"de: {line}", f"en: {line}"]
        assert not (world.tagged / "de" / "vicinity").exists()
    blocks.clear()
    monkeypatch.setattr(pretrained, "load_language_model", never)  # nothing is left to be done
    assert main(world.options()) == 0
    assert blocks == [] and tree(world.tagged) == whole
    assert main(world.options(shard="1/2")) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"{language}: up to date in {world.tagged}/{language}/vicinity" for language in ("de", "en")
    ]


@pytest.mark.parametrize(
    ("where", "there", "left"),
    [
        ("making", [], [("de", 14), ("de", 21), ("de", 28), *(("en", row) for row in range(0, 30, 7))]),
        ("storing", ["de"], [("en", 7), ("en", 14), ("en", 21), ("en", 28)]),
        ("merging", ["de"], []),
        ("removing", ["de", "en"], []),
        ("renaming", [], [("en", row) for row in range(0, 30, 7)]),
    ],
)
def test_killed_and_resumed(
    world: World, whole: Bytes, monkeypatch: pytest.MonkeyPatch, where: str, there: list[str], left: list
) -> None:
    """Finished blocks are kept, no language is half there, and the next run gives the bytes of an unbroken one."""

    def work() -> None:
        if where == "making":
            ExampleMaker.make = dies_in_call(3, ExampleMaker.make)  # type: ignore[method-assign]
        elif where == "storing":
            blocks.atomic_file = dies_in_call(7, blocks.atomic_file)
        elif where == "merging":  # the second language
            generated_files._write = dies_in_call(2, generated_files._write)
        elif where == "removing":  # the finished blocks of the second language
            blocks.BlockStore.remove = dies_in_call(2, blocks.BlockStore.remove)  # type: ignore[method-assign]
        else:
            folder.exchange = dies_in_call(1, folder.exchange)
        main(world.options())

    killed(work)
    found = sorted(path.parent.name for path in world.tagged.glob("*/vicinity"))
    assert found == there
    made = count_blocks(monkeypatch)
    assert main(world.options()) == 0
    assert made == left
    assert tree(world.tagged) == whole


def test_up_to_date(made: tuple[World, Bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    world, files = made
    monkeypatch.setattr(pretrained, "load_language_model", never)
    assert main(world.options(json=tmp_path / "r.json")) == 0
    assert tree(world.tagged) == files
    found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert {name: json.loads(files[f"{name}/vicinity/manifest.json"]) for name in ("en", "de")} == found


@pytest.mark.parametrize("lost", ["input0/train.idx", "words/train.bin", "parents.npy"])
def test_a_lost_file_is_made_again(world: World, whole: Bytes, lost: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(world.options()) == 0
    (world.tagged / "de" / "vicinity" / lost).unlink()
    capsys.readouterr()
    assert main(world.options()) == 0
    assert capsys.readouterr().out.count("up to date") == 1
    assert tree(world.tagged) == whole


def test_a_language_alone_is_the_same(world: World, whole: Bytes) -> None:
    assert main(world.options(languages="de")) == 0
    found = tree(world.tagged)
    assert found == {name: content for name, content in whole.items() if not name.startswith("en/vicinity/")}


def test_replaced_only_when_told(world: World, whole: Bytes) -> None:
    assert main(world.options(seed=2)) == 0
    assert tree(world.tagged) != whole
    assert main(world.options(overwrite=True)) == 0
    assert tree(world.tagged) == whole
