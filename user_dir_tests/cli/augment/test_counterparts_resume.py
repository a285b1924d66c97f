"""xl-augment counterparts in parts: shards, kills and what is there already give the bytes of one unbroken run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.running.killing import die, dies_in_call, killed, never
from user_dir_tests.helpers.toys.toy_counterparts import LANGUAGES, World
from xl_plugins.augment.counterparts import files as counterpart_files
from xl_plugins.augment.counterparts.finder import CounterpartFinder
from xl_plugins.cli.augment import main
from xl_plugins.data.binary.blocks import BlockStore
from xl_plugins.errors import UserError
from xl_plugins.models import pretrained
from xl_plugins.output import folder

Bytes = dict[str, bytes]


def count_blocks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The first text of every block that is scored from now on."""
    blocks: list[int] = []
    find = CounterpartFinder.find

    def counted(self: Any, numbers: np.ndarray, progress: Any = None) -> Any:
        blocks.append(int(numbers[0]))
        return find(self, numbers, progress)

    monkeypatch.setattr(CounterpartFinder, "find", counted)
    return blocks


def test_blocks_and_shards_give_the_bytes_of_one_run(
    world: World, whole: Bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = count_blocks(monkeypatch)
    for shard, expected in (("2/3", [9, 36]), ("3/3", [18, 45]), ("3/3", []), ("7/7", []), ("1/3", [0, 27])):
        blocks.clear()
        assert main(world.options(shard=shard)) == 0
        assert blocks == expected
        out = capsys.readouterr().out.splitlines()
        assert out[-1] == f"shard {shard} is through; when all are, run the same command without --shard"
        assert not (world.pairs / "en/counterparts/fr").exists()
    blocks.clear()
    monkeypatch.setattr(pretrained, "load_language_model", never)  # nothing is left to be scored
    assert main(world.options()) == 0
    assert blocks == [] and tree(world.pairs) == whole
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()[-4:]] == list(LANGUAGES)
    assert main(world.options(shard="1/3")) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing is left to be done"


def test_one_run_does_what_shards_left(world: World, whole: Bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    main(world.options(shard="2/3"))
    blocks = count_blocks(monkeypatch)
    main(world.options())
    assert blocks == [0, 18, 27, 45] and tree(world.pairs) == whole


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ("scoring", [18, 27, 36, 45]),
        ("writing", [18, 27, 36, 45]),
        ("merging", []),
        ("renaming", []),
        ("removing", []),
    ],
)
def test_killed_and_resumed(
    world: World, whole: Bytes, monkeypatch: pytest.MonkeyPatch, where: str, left: list[int]
) -> None:
    """Finished blocks are kept, no language is half there, and the next run gives the bytes of an unbroken one."""

    def work() -> None:
        if where == "scoring":
            CounterpartFinder.find = dies_in_call(3, CounterpartFinder.find)  # type: ignore[method-assign]
        elif where == "writing":
            os.replace = dies_in_call(4, os.replace)  # the folder's mark and three blocks
        elif where == "merging":  # the third language
            counterpart_files.gather = dies_in_call(6, counterpart_files.gather)
        elif where == "renaming":
            folder.exchange = dies_in_call(3, folder.exchange)
        else:  # the finished blocks
            BlockStore.remove = die  # type: ignore[method-assign]
        main(world.options())

    killed(work)
    there = sorted(p.name for p in (world.pairs / "en/counterparts").iterdir() if not p.name.startswith("."))
    assert there == {"renaming": ["en", "fr"], "removing": ["de", "en", "es", "fr"]}.get(where, [])
    for name in there:
        assert all(
            content == whole[name] for name, content in tree(world.pairs).items() if f"counterparts/{name}/" in name
        )
    blocks = count_blocks(monkeypatch)
    assert main(world.options()) == 0
    assert blocks == left
    assert tree(world.pairs) == whole


def test_a_killed_shard_is_resumed(world: World, whole: Bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    main(world.options(shard="1/2"))

    def work() -> None:
        write = BlockStore.write

        def late(self: BlockStore, block: int, *rest: Any) -> None:
            if block == 3:
                die()
            write(self, block, *rest)

        BlockStore.write = late  # type: ignore[method-assign]
        main(world.options(shard="2/2"))

    killed(work)
    blocks = count_blocks(monkeypatch)
    main(world.options(shard="2/2"))
    assert blocks == [27, 45]
    main(world.options())
    assert blocks == [27, 45] and tree(world.pairs) == whole


def test_two_processes_do_not_do_the_same_shard(world: World) -> None:
    """Others may run side by side; a finished process gives its shard back."""

    class Seen(Exception):
        pass

    def inside(self: Any, *args: Any) -> None:
        CounterpartFinder.find = find  # type: ignore[method-assign]
        with pytest.raises(UserError, match=r"shard 1/2: xl-augment counterparts \(process \d+ on .*\) is writing it"):
            main(world.options(shard="1/2"))
        assert main(world.options(shard="2/2")) == 0
        raise Seen

    find = CounterpartFinder.find
    CounterpartFinder.find = inside  # type: ignore[method-assign]
    try:
        with pytest.raises(Seen):
            main(world.options(shard="1/2"))
    finally:
        CounterpartFinder.find = find  # type: ignore[method-assign]
    assert main(world.options(shard="1/2")) == 0


def test_up_to_date(
    made: tuple[World, Bytes], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    world, files = made
    monkeypatch.setattr(pretrained, "load_language_model", never)
    assert main(world.options(json=tmp_path / "r.json")) == 0
    lines = capsys.readouterr().out.splitlines()[-4:]
    assert lines == [f"{name}: up to date in {world.pairs}/en/counterparts/{name}" for name in LANGUAGES]
    assert tree(world.pairs) == files
    found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert {name: json.loads(files[f"en/counterparts/{name}/manifest.json"]) for name in LANGUAGES} == found


def test_a_lost_file_is_made_again(world: World, whole: Bytes, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(world.options()) == 0
    (world.pairs / "en" / "counterparts" / "fr" / "input1" / "train.idx").unlink()
    capsys.readouterr()
    assert main(world.options()) == 0
    assert capsys.readouterr().out.count("up to date") == len(LANGUAGES) - 1
    assert tree(world.pairs) == whole
