"""Data mistakes of tagging: one line that names the file and the row."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.setups.mistakes import TRAIN, VALID, VOCABULARY, accepted, refused, remove
from user_dir_tests.helpers.toys.toy import write_rows
from user_dir_tests.helpers.toys.toy_positions import make_tagging, write_flat


@pytest.mark.parametrize("task", ["xl_tagging", "xmixup_tagging"])
def test_counts_of_another_text(tagging: Path, task: str) -> None:
    """Pieces per word must add up to the pieces of the sentence."""
    rows = [[10, 11, 12] for _ in range(TRAIN)]
    write_rows(tagging / "de" / "input0" / "train", rows, VOCABULARY)
    counts = [[1, 2], [3], [1, 1, 2], [3], [3], [3]]
    write_flat(tagging / "de" / "words" / "train", counts, np.uint16)
    assert refused(tagging, task) == (
        f"{tagging}/de/words/train.bin: row 3 does not add up to the pieces in input0; run xl-prepare again"
    )
    write_flat(tagging / "de" / "words" / "train", [[3, 0]] + [[3]] * 5, np.uint16)
    assert "de/words/train.bin: row 1 does not add up" in refused(tagging, task)
    write_flat(tagging / "de" / "words" / "train", [[3]] * 5, np.uint16)
    assert refused(tagging, task).endswith("/train.idx has 6; run xl-prepare again")


@pytest.mark.parametrize("language", ["de", "en"])
def test_labels_of_another_text(tagging: Path, language: str) -> None:
    write_rows(tagging / language / "label" / "train", [[4]] * TRAIN, 9)
    text = refused(tagging, "xmixup_tagging")
    assert text.startswith(f"{tagging}/{language}/label/train.idx: not one label for every word of")


@pytest.mark.parametrize("label", [3, 9])
def test_label_outside_the_label_file(tagging: Path, label: int) -> None:
    write_rows(tagging / "de" / "input0" / "valid", [[10]] * VALID, VOCABULARY)
    write_flat(tagging / "de" / "words" / "valid", [[1]] * VALID, np.uint16)
    write_rows(tagging / "de" / "label" / "valid", [[4], [label], [4], [4], [4]], 20)
    text = refused(tagging, "xl_tagging")
    assert text.startswith(f"{tagging}/de/label/valid.bin: holds a label that is not in label/dict.txt (B-LOC, B-PER")


def test_missing_tags_of_training_text(tagging: Path) -> None:
    remove(tagging, "fr/label/train")
    assert refused(tagging, "xl_tagging") == (
        f"{tagging}/fr/label/train.idx: the training text of language 'fr' has no tags; pass --target-labels soft (and"
        " make them with xl-augment soft-labels), or leave the language out"
    )
    accepted(tagging, "xmixup_tagging")


@pytest.mark.parametrize("languages", ["all", "de,fr"])
def test_missing_tags_of_the_source(tagging: Path, languages: str) -> None:
    """Soft labels do not replace the gold ones of English."""
    remove(tagging, "en/label/train")
    assert refused(tagging, "xmixup_tagging", train_languages=languages) == (
        f"{tagging}/en/label/train.idx: the training text of language 'en' has no tags; the source language needs gold"
        " tags, prepare labelled data or choose another --source-language"
    )


@pytest.mark.parametrize("task", ["xl_tagging", "xmixup_tagging"])
def test_missing_tags_of_dev_text(tagging: Path, task: str) -> None:
    remove(tagging, "fr/label/valid")
    assert refused(tagging, task) == (
        f"{tagging}/fr/label/valid.idx: the dev text of language 'fr' has no tags; prepare labelled data or leave the"
        " language out of --valid-languages"
    )


def test_missing_soft_labels(tagging: Path) -> None:
    (tagging / "de" / "soft" / "train.npy").unlink()
    assert refused(tagging, "xmixup_tagging") == (
        f"{tagging}/de/soft/train.npy: no soft labels of language 'de'; make them (xl-augment soft-labels), or pass"
        " --target-labels gold if its tags are known"
    )
    accepted(tagging, "xmixup_tagging", target_labels="gold")
    (tagging / "fr" / "soft" / "train.npy").write_bytes(b"not read")
    accepted(tagging, "xmixup_tagging", target_labels="gold")


def change_soft(data: Path, change: object) -> str:
    path = data / "de" / "soft" / "train.npy"
    np.save(path, change(np.load(path)))  # type: ignore[operator]
    return refused(data, "xmixup_tagging")


def test_soft_labels_of_another_text(tagging: Path) -> None:
    count = len(np.load(tagging / "de" / "soft" / "train.npy"))
    text = change_soft(tagging, lambda a: a[:-1])
    assert text == (
        f"{tagging}/de/soft/train.npy: {count - 1} vectors for {count} words; make the soft labels again (xl-augment"
        " soft-labels)"
    )


def test_soft_labels_of_other_classes(tagging: Path) -> None:
    count = len(np.load(tagging / "de" / "soft" / "train.npy"))
    assert change_soft(tagging, lambda a: a[:, :4]) == (
        f"{tagging}/de/soft/train.npy: float32 of shape ({count}, 4), expected float32 with 5 columns; run xl-prepare"
        " again"
    )


@pytest.mark.parametrize(
    "row", [[0.5, 0.5, 0.5, 0, 0], [1.5, -0.5, 0, 0, 0], [np.nan, 1, 0, 0, 0], [np.inf, 0, 0, 0, 0], [3, -2, 1, 0, 4]]
)
def test_soft_labels_that_are_no_distribution(tagging: Path, row: list[float]) -> None:
    def change(array: np.ndarray) -> np.ndarray:
        array[2] = row
        return array

    text = change_soft(tagging, change)
    assert text.startswith(f"{tagging}/de/soft/train.npy: the vector of word 3 is no distribution (it sums to")
    assert "softmax" in text


@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY\x01\x00"], ids=["empty", "text", "header"])
def test_damaged_soft_labels(tagging: Path, content: bytes) -> None:
    path = tagging / "de" / "soft" / "train.npy"
    path.write_bytes(content)
    assert refused(tagging, "xmixup_tagging").startswith(f"{path}: not a numpy array")


def test_pickled_soft_labels_are_not_loaded(tagging: Path) -> None:
    path = tagging / "de" / "soft" / "train.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert refused(tagging, "xmixup_tagging").startswith(f"{path}: not a numpy array")


def test_rows_differ_from_the_source(tagging: Path) -> None:
    """Row i of every language is the translation of row i of the source."""
    shutil.rmtree(tagging / "de")
    shutil.copytree(make_tagging(tagging.parent / "other", train=TRAIN + 1) / "de", tagging / "de")
    text = refused(tagging, "xmixup_tagging")
    assert text == (
        f"{tagging}/en/input0/train.idx has 6 rows, but {tagging}/de/input0/train.idx has 7; row i of both must be the"
        " same sentence"
    )
