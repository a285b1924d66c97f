"""Data mistakes: one line that names the file and the row."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy import make_data, write_rows
from xl_plugins.errors import UserError

VOCABULARY = 64


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_data(tmp_path / "data", train=6, valid=5, test=4)


def refused(data: Path, task: str = "xmixup_sentence_pair", **options: object) -> str:
    with pytest.raises(UserError) as caught:
        setup = build(data, task, **options)
        for split in ("train", "valid"):
            setup.task.load_dataset(split)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rewrite(prefix: Path, rows: list[list[int]]) -> None:
    write_rows(prefix, rows, VOCABULARY)


ROWS = [[10 + i, 11, 12] for i in range(6)]


@pytest.mark.parametrize("task", ["xl_sentence_pair", "xmixup_sentence_pair"])
@pytest.mark.parametrize("field", ["input0", "input1"])
def test_unequal_rows_of_the_two_texts(data: Path, field: str, task: str) -> None:
    rewrite(data / "de" / field / "train", ROWS[:5])
    text = refused(data, task, train_languages="en,de")
    assert str(data / "de" / "input0" / "train") in text and "5" in text and "6" in text


@pytest.mark.parametrize("language", ["de", "en"])
def test_unequal_rows_of_target_and_source(data: Path, language: str) -> None:
    for field in ("input0", "input1"):
        rewrite(data / language / field / "train", ROWS[:5])
    rewrite(data / language / "label" / "train", [[4]] * 5)
    text = refused(data)
    assert (str(data / "de" / "input0" / "train") in text and "5" in text and "6 rows" in text) or (
        "5 rows" in text and "6" in text
    )


@pytest.mark.parametrize("language", ["de", "en"])
def test_unequal_labels(data: Path, language: str) -> None:
    rewrite(data / language / "label" / "train", [[4]] * 4)
    text = refused(data)
    assert f"{data / language}" in text and ("4 labels" in text or ("4 rows" in text and "6" in text))


def test_unequal_back_translation(data: Path) -> None:
    for field in ("input0", "input1"):
        rewrite(data / "fr" / "en-view" / field / "train", ROWS[:3])
    text = refused(data)
    assert str(data / "fr" / "en-view" / "input0" / "train") in text and "3 rows" in text


def test_unequal_translate_test(data: Path) -> None:
    for field in ("input0", "input1"):
        rewrite(data / "fr" / "en-view" / field / "valid", ROWS[:3])
    text = refused(data)
    assert str(data / "fr" / "en-view" / "input0" / "valid") in text and "3 rows" in text and "5" in text


def test_label_differs_from_the_source(data: Path) -> None:
    rewrite(data / "en" / "label" / "train", [[4]] * 6)
    rewrite(data / "de" / "label" / "train", [[4]] * 6)
    rewrite(data / "fr" / "label" / "train", [[4], [4], [6], [4], [4], [4]])
    text = refused(data)
    assert str(data / "fr" / "label" / "train") in text and "row 3" in text
    assert "'neutral'" in text and "'contradiction'" in text


@pytest.mark.parametrize("label", [3, 7])
def test_label_outside_the_label_file(data: Path, label: int) -> None:
    rewrite(data / "de" / "label" / "train", [[4], [label], [4], [4], [4], [4]])
    text = refused(data)
    assert str(data / "de" / "label" / "train") in text and "row 2" in text and "label/dict.txt" in text


def test_two_labels_in_a_row(data: Path) -> None:
    rewrite(data / "de" / "label" / "valid", [[4], [4, 5], [4], [4], [4]])
    text = refused(data)
    assert "row 2" in text and "2 labels" in text


@pytest.mark.parametrize("view", ["", "en-view"])
@pytest.mark.parametrize("field", ["input0", "input1"])
def test_empty_text(data: Path, field: str, view: str) -> None:
    rewrite(data / "de" / view / field / "train", [*ROWS[:3], [], *ROWS[4:]])
    text = refused(data)
    assert str(data / "de" / view) in text and field in text and "row 4" in text and "empty" in text


def test_missing_language(data: Path) -> None:
    shutil.rmtree(data / "fr")
    text = refused(data, train_languages="en,fr")
    assert "--train-languages en,fr" in text and "fr" in text


def test_missing_second_text(data: Path) -> None:
    (data / "de" / "input1" / "train.idx").unlink()
    text = refused(data)
    assert str(data / "de" / "input1" / "train.idx") in text and "missing" in text


def test_missing_labels(data: Path) -> None:
    (data / "de" / "label" / "train.bin").unlink()
    assert str(data / "de" / "label" / "train") in refused(data)


def test_missing_back_translation(data: Path) -> None:
    for field in ("input0", "input1"):
        (data / "de" / "en-view" / field / "train.idx").unlink()
    text = refused(data)
    assert "language 'de' has no back-translation" in text and "--no-scheduled-sampling" in text
    build(data, no_scheduled_sampling=True).task.load_dataset("train")


def test_half_of_a_back_translation_is_missing(data: Path) -> None:
    (data / "de" / "en-view" / "input1" / "train.idx").unlink()
    assert str(data / "de" / "en-view" / "input1" / "train.idx") in refused(data)


def test_missing_translate_test(data: Path) -> None:
    shutil.rmtree(data / "de" / "en-view" / "input0")
    text = refused(data, no_scheduled_sampling=True)
    assert "language 'de'" in text and "--no-mixup-inference" in text and "valid" in text
    setup = build(data, no_scheduled_sampling=True, no_mixup_inference=True)
    assert len(setup.task.load_dataset("valid")) == 15


def test_dev_that_is_the_test_set(data: Path) -> None:
    for field in ("input0", "input1"):
        for suffix in ("bin", "idx"):
            shutil.copy(data / "de" / field / f"test.{suffix}", data / "de" / field / f"valid.{suffix}")
            shutil.copy(
                data / "de" / "en-view" / field / f"test.{suffix}", data / "de" / "en-view" / field / f"valid.{suffix}"
            )
    for suffix in ("bin", "idx"):
        shutil.copy(data / "de" / "label" / f"test.{suffix}", data / "de" / "label" / f"valid.{suffix}")
    text = refused(data)
    assert "dev and test texts of de are the same" in text
    build(data, select="source-dev").task.load_dataset("valid")


def test_unlabelled_split(data: Path) -> None:
    (data / "meta.json").write_text(json.dumps({"source_language": "en", "unlabelled": {"fr": ["valid"]}}))
    text = refused(data)
    assert "valid data of fr" in text and "no gold labels" in text


@pytest.mark.parametrize("task", ["xl_sentence_pair", "xmixup_sentence_pair"])
def test_data_of_another_problem(data: Path, task: str) -> None:
    (data / "meta.json").write_text(json.dumps({"problem": "tagging"}))
    assert str(data / "meta.json") in refused(data, task)


@pytest.mark.parametrize("content", ["{", "[]", "3"], ids=["not JSON", "list", "number"])
def test_broken_meta(data: Path, content: str) -> None:
    (data / "meta.json").write_text(content)
    assert str(data / "meta.json") in refused(data)


@pytest.mark.parametrize("name", ["dict.txt", "label/dict.txt"])
def test_missing_dictionary(data: Path, name: str) -> None:
    (data / name).unlink()
    assert str(data / name) in refused(data)


@pytest.mark.parametrize("name", ["dict.txt", "label/dict.txt"])
@pytest.mark.parametrize("content", [b"one\n", b"a 1\na 1\n", b"\xff\xfe 1\n"], ids=["no count", "double", "not UTF-8"])
def test_broken_dictionary(data: Path, name: str, content: bytes) -> None:
    (data / name).write_bytes(content)
    assert str(data / name) in refused(data)


def test_pieces_outside_the_dictionary(data: Path) -> None:
    rewrite(data / "de" / "input0" / "train", [*ROWS[:2], [10, 900], *ROWS[3:]])
    text = refused(data)
    assert str(data / "de" / "input0" / "train") in text and "dict.txt" in text


@pytest.mark.parametrize("suffix", ["bin", "idx"])
@pytest.mark.parametrize("field", ["input0", "label"])
@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_truncated_file(data: Path, field: str, suffix: str, kept: float) -> None:
    path = data / "de" / field / f"train.{suffix}"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    assert str(data / "de" / field / "train") in refused(data)


def test_unknown_split(data: Path) -> None:
    setup = build(data)
    with pytest.raises(UserError, match="subset 'valid1'"):
        setup.task.load_dataset("valid1")


def test_non_finite_loss_names_the_pairs(data: Path) -> None:
    from user_dir_tests.helpers.toys.tiny import batch

    setup = build(data)
    setup.model.train(), setup.criterion.train()
    sample = batch(setup, [1, 8])
    setup.model.classification_heads["sentence_classification_head"].out_proj.bias.data.fill_(float("nan"))
    with pytest.raises(UserError, match=r"loss of 2 example\(s\) is not finite \(language:row de:2, en:3\)"):
        setup.criterion(setup.model, sample)


def test_non_finite_ratio_names_the_pairs(data: Path) -> None:
    from user_dir_tests.helpers.toys.tiny import batch

    setup = build(data)
    setup.model.train(), setup.criterion.train()
    setup.model.mixup_gate.bias.data.fill_(float("nan"))
    with pytest.raises(UserError, match=r"not finite \(language:row de:2, en:3\)"):
        setup.criterion(setup.model, batch(setup, [1, 8]))
