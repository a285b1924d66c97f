"""xl-augment soft-labels in parts: shards and kills give the bytes of one unbroken run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.cli.augment.test_augment import save
from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.running.killing import dies_in_call, killed
from user_dir_tests.helpers.toys.toy_positions import make_tagging
from xl_plugins.cli.augment import main
from xl_plugins.data.binary import blocks
from xl_plugins.errors import UserError
from xl_plugins.evaluation import soft_labels
from xl_plugins.output import MARK

Bytes = dict[str, bytes]
BATCHES, SIZE = 3, 4  # 40 sentences of a language are ten batches, four blocks of at most 12 sentences


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], Bytes]:
    """A data folder, the options, and all files of the folder after one run in one block per language."""
    root = tmp_path_factory.mktemp("made")
    data = make_tagging(root / "data", train=40, soft=False, tagged=False)
    options = ["--path", save(root / "best.pt", data), "--batch-size", str(SIZE)]
    whole = shutil.copytree(data, root / "whole")
    assert main(["soft-labels", str(whole), *options]) == 0
    return data, options, tree(whole)


@pytest.fixture
def words(made: tuple[Path, list[str], Bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command on a copy of the folder, in four blocks per language."""
    monkeypatch.setattr(soft_labels, "BATCHES", BATCHES)
    return ["soft-labels", str(shutil.copytree(made[0], tmp_path / "data")), *made[1]]


@pytest.fixture
def whole(made: tuple[Path, list[str], Bytes]) -> Bytes:
    return made[2]


def count_blocks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Language and sentences of every block that is predicted from now on."""
    found: list[tuple[str, int]] = []
    predict = soft_labels.predict_batches

    def counted(tuned: Any, dataset: Any, batches: list[np.ndarray], progress: Any = None) -> Any:
        found.append((dataset.parts[0].language, sum(map(len, batches))))
        return predict(tuned, dataset, batches, progress)

    monkeypatch.setattr(soft_labels, "predict_batches", counted)
    return found


SIZES = [12, 12, 12, 4]
DE, FR = ([(language, size) for size in SIZES] for language in ("de", "fr"))


def test_shards_give_the_bytes_of_one_run(
    words: list[str], whole: Bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, found = Path(words[1]), count_blocks(monkeypatch)
    for shard, expected in (("2/2", [*DE[1::2], *FR[1::2]]), ("2/2", []), ("1/2", [*DE[::2], *FR[::2]])):
        found.clear()
        assert main([*words, "--shard", shard]) == 0
        assert found == expected
        line = f"shard {shard} is through; when all are, run the same command without --shard\n"
        assert capsys.readouterr().out == line
        assert not (data / "de" / "soft").exists()
    found.clear()
    out = data.parent / "text"
    assert main([*words, "--output", str(out)]) == 0
    assert found == [] and tree(data) == whole
    assert sorted(path.name for path in out.iterdir()) == [MARK, "en-de.tsv", "en-fr.tsv"]
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["de", "fr"]
    with pytest.raises(UserError, match=r"de/soft/train\.npy exists; pass --overwrite"):
        main([*words, "--shard", "1/2"])
    assert tree(data) == whole


@pytest.mark.parametrize(
    ("where", "left"),
    [("predicting", [*DE[2:], *FR]), ("storing", FR[2:]), ("writing", []), ("removing", [])],
)
def test_killed_and_resumed(
    words: list[str], whole: Bytes, where: str, left: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished blocks are kept, and the next run, which needs no --overwrite, gives the bytes of an unbroken one."""

    def work() -> None:
        if where == "predicting":
            soft_labels.predict_batches = dies_in_call(3, soft_labels.predict_batches)
        elif where == "storing":
            blocks.atomic_file = dies_in_call(7, blocks.atomic_file)
        elif where == "writing":  # the second language
            soft_labels.list_again = dies_in_call(2, soft_labels.list_again)
        else:
            blocks.BlockStore.remove = dies_in_call(1, blocks.BlockStore.remove)  # type: ignore[method-assign]
        main(words)

    data = Path(words[1])
    killed(work)
    there = [language for language in ("de", "fr") if (data / language / "soft" / "train.npy").exists()]
    assert there == ([] if left else ["de", "fr"])
    assert all(tree(data)[f"{name}/soft/train.npy"] == whole[f"{name}/soft/train.npy"] for name in there)
    found = count_blocks(monkeypatch)
    assert main(words) == 0
    assert found == left
    assert tree(data) == whole


def test_a_killed_shard_is_resumed(words: list[str], whole: Bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        soft_labels.predict_batches = dies_in_call(2, soft_labels.predict_batches)
        main([*words, "--shard", "1/2"])

    killed(work)
    found = count_blocks(monkeypatch)
    main([*words, "--shard", "1/2"])
    assert found == [DE[2], *FR[::2]]
    main(words)
    assert found == [DE[2], *FR[::2], *DE[1::2], *FR[1::2]] and tree(Path(words[1])) == whole


def test_languages_that_are_finished_are_not_predicted_again(
    words: list[str], whole: Bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the blocks are lost: only those of the languages that are left are done."""

    def work() -> None:
        soft_labels.write_array = dies_in_call(2, soft_labels.write_array)
        main(words)

    killed(work)
    data = Path(words[1])
    shutil.rmtree(next(data.glob(".soft-labels.job-*")))
    found = count_blocks(monkeypatch)
    assert main(words) == 0
    assert found == FR and tree(data) == whole


def test_other_batches_or_languages_are_another_job(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    main([*words, "--shard", "1/2"])
    found = count_blocks(monkeypatch)
    main([*words[:-1], "5", "--shard", "1/2"])
    assert found == [("de", 15), ("de", 10), ("fr", 15)]
    found.clear()
    main([*words, "--shard", "1/2"])
    assert found == []
    main([*words, "--shard", "1/2", "--languages", "fr"])
    assert found == FR[::2]


def test_refusals(words: list[str], tmp_path: Path) -> None:
    before = tree(Path(words[1]))
    for more, message in (
        (["--shard", "0/2"], "--shard 0/2: expected I/N with 1 <= I <= N"),
        (
            ["--shard", "1/2", "--output", str(tmp_path / "out")],
            "--output: a shard merges nothing; give it when all shards are through",
        ),
    ):
        with pytest.raises(UserError) as caught:
            main([*words, *more])
        assert str(caught.value).startswith(message)
    assert tree(Path(words[1])) == before and not (tmp_path / "out").exists()


def test_a_checkpoint_that_is_replaced_meanwhile(
    words: list[str], made: tuple[Path, list[str], Bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards of two models would be merged under the name of one."""
    load, path = soft_labels.load_fine_tuned, made[1][1]
    before = Path(path).read_bytes()

    def loads_late(*given: Any, **more: Any) -> Any:
        tuned = load(*given, **more)
        Path(path).with_suffix(".new").write_bytes(before)
        Path(path).with_suffix(".new").replace(path)
        return tuned

    monkeypatch.setattr(soft_labels, "load_fine_tuned", loads_late)
    folder = Path(words[1])
    files = tree(folder)
    with pytest.raises(UserError, match=f"--path {path}: was written anew while it was read; give one that no run"):
        main([*words, "--shard", "1/2"])
    assert tree(folder) == files
