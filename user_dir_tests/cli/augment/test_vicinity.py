"""xl-augment vicinity: the files it writes, by the oracle, and what it prints."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.references.vicinity import Oracle, words_of
from user_dir_tests.helpers.toys.toy_vicinity import World, make_world
from xl_plugins.cli.augment import main
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.binary.rows import Rows
from xl_plugins.data.training.tagged_texts import TaggedTexts


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world with the virtual sentences of both folders."""
    world = make_world(tmp_path_factory.mktemp("made"))
    assert main(world.options()) == 0
    assert main(world.options(world.pairs)) == 0
    return world


def manifest(data: Path, language: str) -> dict:
    return json.loads((data / language / "vicinity" / "manifest.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", ["en", "de"])
def test_tagging(made: World, language: str) -> None:
    oracle = Oracle(made)
    expected = oracle.tagged(language)
    data, folder = DataBin(made.tagged), made.tagged / language / "vicinity"
    assert words_of(data, language, folder="vicinity") == [one.words for _, one in expected]
    parents = np.load(folder / "parents.npy")
    assert parents.dtype == np.int32 and parents.tolist() == [row for row, _ in expected]
    counts = Rows(str(folder / "words" / "train"), np.uint16)
    assert [counts[row].tolist() for row in range(len(counts))] == [list(map(len, one.words)) for _, one in expected]
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    files = [f"{field}/train.{suffix}" for field in ("input0", "words") for suffix in ("bin", "idx")]
    assert names == sorted([*files, ".xl_plugins.json", "checksums.json", "manifest.json", "parents.npy"])  # no labels
    assert len(TaggedTexts(data, f"{language}/vicinity", "train", 20, labelled=False)) == len(expected)
    found = manifest(made.tagged, language)
    assert found["parents"] == 30 and found["counts"]["predictions"] == oracle.calls
    assert found["counts"]["written"] == len(expected) and found["counts"]["samples"] == 3 * 20 - 10 + 6 * (
        language == "en"
    )


@pytest.mark.parametrize("language", ["en", "de"])
def test_pairs(made: World, language: str) -> None:
    expected = Oracle(made).pairs(language)
    data, folder = DataBin(made.pairs), made.pairs / language / "vicinity"
    for side in (0, 1):
        assert words_of(data, language, f"input{side}", "vicinity") == [one[1 + side].words for one in expected]
    assert np.load(folder / "parents.npy").tolist() == [one[0] for one in expected]
    assert not (folder / "words").exists() and not (folder / "label").exists()
    assert manifest(made.pairs, language)["fields"] == ["input0", "input1"]


def test_manifest(made: World) -> None:
    found = manifest(made.tagged, "de")
    model = hashlib.sha256(made.model.read_bytes()).hexdigest()
    assert (found["kind"], found["language"], found["split"], found["seed"]) == ("vicinity", "de", "train", 1)
    assert found["model"] == {"file": "model.pt", "precision": "fp32", "sha256": model}
    assert found["dictionary_sha256"] == DataBin(made.tagged).dictionary_digest
    assert found["options"] == {
        "percent": "30", "samples": [3], "method": "successive max", "unit": "word", "min_chars": 3, "min_words": 5,
        "max_words": 150, "word_start_only": False, "keep_duplicates": False, "seed": 1, "rounds": 1,
    }  # fmt: skip
    assert manifest(made.pairs, "de")["options"]["samples"] == [2, 2]
    counts = found["counts"]
    assert set(counts["skipped"]) == {"short", "long", "unfit", "ineligible"}
    assert set(counts["dropped"]) == {"glued", "empty", "overlong", "duplicate", "repeated"}
    assert found["text_sha256"] != manifest(made.tagged, "en")["text_sha256"]


def test_a_report_writes_nothing(made: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = without(made, tmp_path)
    before = tree(tmp_path)
    capsys.readouterr()
    assert main(world.options(report_only=True, languages="de", show=2, json=tmp_path / "r.json")) == 0
    out = capsys.readouterr().out.splitlines()
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    (tmp_path / "r.json").unlink()
    assert tree(tmp_path) == before
    assert report == {"de": manifest(made.tagged, "de")}  # all thirty rows fit in the sample
    assert out[0].startswith(f"de: {report['de']['counts']['written']} virtual examples of ")
    assert [line[:4] for line in out[-6:]] == ["row ", "  - ", "  + "] * 2
    assert out[-2][4:].split()[0] and out[-2] != out[-1]


def test_a_report_of_a_sample(made: World, tmp_path: Path) -> None:
    world = without(made, tmp_path)
    assert main(world.options(report_only=True, sample=10, json=tmp_path / "r.json")) == 0
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert {name: one["counts"]["rows"] for name, one in report.items()} == {"en": 10, "de": 10}
    parents = np.load(made.tagged / "en" / "vicinity" / "parents.npy")
    assert report["en"]["counts"]["written"] == int(np.isin(parents, np.arange(10) * 3).sum())


def without(made: World, root: Path) -> World:
    """The same world without virtual sentences."""
    for name in ("tagged", "pairs"):
        shutil.copytree(getattr(made, name), root / name, ignore=shutil.ignore_patterns("vicinity"))
    return made._replace(tagged=root / "tagged", pairs=root / "pairs")


def test_options_reach_the_engine(made: World, tmp_path: Path) -> None:
    world = without(made, tmp_path)
    options = {"percent": 50, "genlm_min_chars": 4, "genlm_min_words": 7, "genlm_max_words": 12, "seed": 5}
    assert main(world.options(languages="de", genlm_word_start_only=True, **options)) == 0
    oracle = Oracle(world, percent=50, min_chars=4, min_words=7, max_words=12, seed=5, word_start_only=True)
    expected = oracle.tagged("de", 3)
    assert words_of(DataBin(world.tagged), "de", folder="vicinity") == [one.words for _, one in expected]
    assert oracle.counts["long"] and not (world.tagged / "en" / "vicinity").exists()


def test_names_keep_several(made: World, tmp_path: Path) -> None:
    world = without(made, tmp_path)
    assert main(world.options(languages="de")) == 0
    assert main(world.options(languages="de", name="second.round", seed=2)) == 0
    one, other = (
        DataBin(world.tagged).open_text(f"de/{name}", "input0", "train") for name in ("vicinity", "second.round")
    )
    assert [row.tolist() for row in one] != [row.tolist() for row in other]


def test_samples_of_each_side(made: World, tmp_path: Path) -> None:
    world = without(made, tmp_path)
    assert main(world.options(world.pairs, languages="de", samples="1,3")) == 0
    expected = Oracle(world).pairs("de", (1, 3))
    assert np.load(world.pairs / "de" / "vicinity" / "parents.npy").tolist() == [one[0] for one in expected]


def test_labels_are_not_needed(made: World, tmp_path: Path) -> None:
    world = without(made, tmp_path)
    shutil.rmtree(world.pairs / "de" / "label")
    assert main(world.options(world.pairs, languages="de")) == 0
    assert tree(world.pairs / "de" / "vicinity") == tree(made.pairs / "de" / "vicinity")
