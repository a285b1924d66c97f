"""Topics: balanced, told by the object, row-parallel in all languages, and read by ``xl-prepare texts``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from user_dir_tests.helpers.prepare.runs import meta, run
from xl_plugins.cli import mini
from xl_plugins.mini.concepts import KIND_OF
from xl_plugins.mini.files import SPLITS, Options, split_of
from xl_plugins.mini.problems.topic import LABELS, draw_rows

SIZES = "--train 60 --dev 18 --test 24 --unlabelled 50"
OPTIONS = Options(("en", "de", "tr"), 60, 18, 24, 50)


def make(folder: Path, *words: str, languages: str = "en,de,tr") -> Path:
    assert mini.main(["make", str(folder), "--languages", languages, *SIZES.split(), *words]) == 0
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("mini") / "made", "--problem", "text")


@pytest.mark.parametrize("split", SPLITS)
def test_labels_are_balanced_and_those_of_the_object(split: str) -> None:
    rows = draw_rows(OPTIONS, split)
    assert set(Counter(label for _, label in rows).values()) == {OPTIONS.rows(split) / len(LABELS)}
    for clause, label in rows:
        assert clause.object is not None and KIND_OF[clause.object.noun] == label and split_of(clause) == split
    subjects = {label: {KIND_OF[clause.subject.noun] for clause, own in rows if own == label} for label in LABELS}
    assert all(kinds <= {"person", "animal"} for kinds in subjects.values())


def lines(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def test_rows_correspond(made: Path) -> None:
    """The same labels in the same order in every file of a split; a text and a label per line."""
    for split, rows in (("train", 60), ("dev", 18), ("test", 24)):
        files = [path for path in (made / "topics").rglob("*.tsv") if split in str(path.relative_to(made))]
        files += list((made / "topics" / "back-translation").glob("*.tsv")) if split == "train" else []
        assert len(files) == 5  # English; of German and Turkish the text and its translation
        labels = {tuple(label for _, label in lines(path)) for path in files}
        assert len(labels) == 1 and len(labels.pop()) == rows
    assert lines(made / "topics" / "test-de.tsv") != lines(made / "topics" / "test-tr.tsv")


def test_alone_or_with_all_and_other_languages(made: Path, tmp_path: Path) -> None:
    everything = make(tmp_path / "all", "--problem", "all", languages="en,tr")
    for path in (everything / "topics").rglob("*.tsv"):
        assert path.read_bytes() == (made / "topics" / path.relative_to(everything / "topics")).read_bytes()


def test_read_by_its_names(made: Path, tiny_spm, tmp_path: Path) -> None:
    options = ["--columns", "text=1,label=2", "--labels", ",".join(LABELS)]
    run(tiny_spm, "texts", tmp_path / "bin", "--folder", made / "topics", *options)
    found = meta(tmp_path / "bin")
    counts = {"train": 60, "valid": 18, "test": 24}
    assert found["splits"] == dict.fromkeys(("de", "en", "tr"), counts)
    assert found["views"] == dict.fromkeys(("de", "tr"), counts)
