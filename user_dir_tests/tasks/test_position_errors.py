"""Data mistakes of tagging and question answering: one line that names the file and the row."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.positions import OPTIONS
from user_dir_tests.helpers.toys.tiny import batch, build
from user_dir_tests.helpers.toys.toy import write_rows
from user_dir_tests.helpers.toys.toy_positions import make_qa, make_tagging, write_flat
from xl_plugins.errors import UserError

VOCABULARY = 64
TRAIN, VALID, TEST = 6, 5, 4


@pytest.fixture
def tagging(tmp_path: Path) -> Path:
    return make_tagging(tmp_path / "data", train=TRAIN, valid=VALID, test=TEST)


@pytest.fixture
def qa(tmp_path: Path) -> Path:
    return make_qa(tmp_path / "data", train=TRAIN, valid=VALID, test=TEST)


def refused(data: Path, task: str, **options: object) -> str:
    method, problem = task.split("_")
    mixup = {"mixup_layer": 2} if method == "xmixup" else {"train_languages": "all"}
    with pytest.raises(UserError) as caught:
        setup = build(data, task, **{**OPTIONS[problem], **mixup, **options})
        for split in ("train", "valid"):
            dataset = setup.task.load_dataset(split)
            dataset.collater([dataset[i] for i in range(len(dataset))])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def accepted(data: Path, task: str, **options: object) -> None:
    setup = build(data, task, **{**OPTIONS[task.split("_")[1]], "mixup_layer": 2, **options})
    setup.task.load_dataset("train"), setup.task.load_dataset("valid")


def remove(data: Path, *names: str) -> None:
    for name in names:
        for path in data.glob(f"{name}.*"):
            path.unlink()


# -- tagging --


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


# -- both problems: views, whole files --


@pytest.fixture
def folder(request: pytest.FixtureRequest, problem: str) -> Path:
    return request.getfixturevalue(problem)


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_missing_back_translation(folder: Path, problem: str) -> None:
    remove(folder, "de/en-view/input0/train")
    assert refused(folder, f"xmixup_{problem}") == (
        f"{folder}/de/en-view/input0/train.idx: scheduled sampling is on, but language 'de' has no back-translation;"
        " prepare it (--back-translation) or pass --no-scheduled-sampling"
    )
    accepted(folder, f"xmixup_{problem}", no_scheduled_sampling=True)


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_missing_translation_of_dev_text(folder: Path, problem: str) -> None:
    remove(folder, "fr/en-view/input0/valid")
    text = refused(folder, f"xmixup_{problem}")
    assert text.startswith(f"{folder}/fr/en-view/input0/valid.idx: mixup inference needs the valid text of language")
    assert "--no-mixup-inference" in text
    accepted(folder, f"xmixup_{problem}", no_mixup_inference=True)
    accepted(folder, f"xmixup_{problem}", valid_languages="en,de")


@pytest.mark.parametrize(
    "problem, split, count", [("tagging", "train", 6), ("tagging", "valid", 5), ("qa", "train", 6)]
)
def test_view_with_other_rows(folder: Path, problem: str, split: str, count: int) -> None:
    view = folder / "fr" / "en-view"
    write_rows(view / "input0" / split, [[10, 11]] * 3, VOCABULARY)
    if problem == "qa":
        np.save(view / "spans" / f"{split}.npy", np.load(view / "spans" / f"{split}.npy")[:3])
    text = refused(folder, f"xmixup_{problem}")
    same = {"tagging": "sentence", "qa": "question"}[problem]
    assert text == (
        f"{view}/input0/{split}.idx has 3 rows, but {folder}/fr/input0/{split}.idx has {count}; row i of both must be"
        f" the same {same}"
    )


@pytest.mark.parametrize("problem", ["tagging", "qa"])
@pytest.mark.parametrize("language", ["de", "de/en-view"])
def test_empty_text(folder: Path, problem: str, language: str) -> None:
    path = folder / language / "input0" / "valid"
    write_rows(path, [[10], [11], [], [12], [13]], VOCABULARY)
    assert refused(folder, f"xmixup_{problem}").startswith(f"{path}.bin: row 3 has an empty")


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_dev_that_is_the_test_set(folder: Path, problem: str) -> None:
    for path in (folder / "de").rglob("test.*"):
        shutil.copy(path, path.with_name(path.name.replace("test", "valid")))
    assert refused(folder, f"xmixup_{problem}").startswith("the dev and test texts of de are the same")
    accepted(folder, f"xmixup_{problem}", select="source-dev")


@pytest.mark.parametrize("problem", ["tagging", "qa"])
@pytest.mark.parametrize("method", ["xl", "xmixup"])
def test_data_of_another_problem(folder: Path, problem: str, method: str) -> None:
    other = {"tagging": "qa", "qa": "tagging"}[problem]
    text = refused(folder, f"{method}_{other}")
    assert text == (f"{folder}/meta.json: the data is for problem '{problem}', this task is for '{other}'")


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_unlabelled_dev_data(folder: Path, problem: str) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**meta, "unlabelled": {"fr": ["valid"]}}))
    assert refused(folder, f"xl_{problem}").startswith("the valid data of fr has no gold labels")


FILES = {
    "tagging": ["input0/valid", "words/valid", "label/valid"],
    "qa": ["input0/valid", "input1/valid", "offsets/valid", "raw/valid", "answers/valid"],
}


@pytest.mark.parametrize("suffix", [".bin", ".idx"])
@pytest.mark.parametrize("problem, name", [(p, name) for p, names in FILES.items() for name in names])
@pytest.mark.parametrize("kept", [0, 12, 0.6])
def test_truncated_file(folder: Path, problem: str, name: str, suffix: str, kept: float) -> None:
    path = (folder / "de" / name).with_suffix(suffix)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)])
    assert str(folder / "de" / name) in refused(folder, f"xl_{problem}")


@pytest.mark.parametrize("problem, name", [(p, name) for p, names in FILES.items() for name in names])
def test_missing_file(folder: Path, problem: str, name: str) -> None:
    remove(folder, f"de/{name}")
    text = refused(folder, f"xl_{problem}", valid_languages="en,de")
    assert str(folder / "de" / name) in text or "has no valid data for de" in text


@pytest.mark.parametrize("problem, name", [("tagging", "words/valid"), ("qa", "offsets/valid"), ("qa", "raw/valid")])
def test_numbers_of_another_type(folder: Path, problem: str, name: str) -> None:
    write_flat(folder / "de" / name, [[1, 2]] * 5, np.int64)
    text = refused(folder, f"xl_{problem}")
    assert text.startswith(f"{folder}/de/{name}.idx: holds int64, expected")


# -- question answering --


def change_spans(qa: Path, column: int, value: int, row: int = 1) -> str:
    path = qa / "de" / "spans" / "train.npy"
    spans = np.load(path)
    spans[row, column] = value
    np.save(path, spans)
    return refused(qa, "xl_qa")


def test_span_outside_the_context(qa: Path) -> None:
    text = change_spans(qa, 3, 900)
    assert text.startswith(f"{qa}/de/spans/train.npy: row 2: the answer's pieces ") and "to 900 do not lie in" in text


def test_span_that_ends_before_its_start(qa: Path) -> None:
    assert f"{qa}/de/spans/train.npy: row 2: the answer's pieces 700 to " in change_spans(qa, 2, 700)


@pytest.mark.parametrize("paragraph", [-1, 50])
def test_unknown_paragraph(qa: Path, paragraph: int) -> None:
    text = change_spans(qa, 1, paragraph)
    assert text == f"{qa}/de/spans/train.npy: names a paragraph that input1 does not have; run xl-prepare again"


def test_spans_of_another_file(qa: Path) -> None:
    path = qa / "de" / "spans" / "train.npy"
    np.save(path, np.load(path)[:4])
    assert refused(qa, "xl_qa") == f"{path}: 4 rows for 6 questions; prepare them again"
    np.save(path, np.zeros((6, 5), np.int64))
    assert refused(qa, "xl_qa").startswith(f"{path}: int64 of shape (6, 5), expected int64 with 6 columns")
    path.unlink()
    assert refused(qa, "xl_qa") == f"{path}: missing; run xl-prepare again"


@pytest.mark.parametrize("split, view", [("train", ""), ("valid", "en-view")])
def test_question_id_missing_in_the_source(qa: Path, split: str, view: str) -> None:
    path = qa / ("en" if split == "train" else "de") / view / "spans" / f"{split}.npy"
    spans = np.load(path)
    spans[4, 0] = 77
    np.save(path, spans)
    text = refused(qa, "xmixup_qa")
    count = TRAIN if split == "train" else VALID
    assert text.startswith(f"{qa}/de/input0/{split}: question 'q4' (1 of {count}) is not in {path.parent.parent}")


def test_empty_context(qa: Path) -> None:
    write_rows(qa / "de" / "input1" / "train", [[10], [], [11]], VOCABULARY)
    spans = np.load(qa / "de" / "spans" / "train.npy")
    spans[:, 2:] = -1
    np.save(qa / "de" / "spans" / "train.npy", spans)
    assert refused(qa, "xl_qa") == f"{qa}/de/input0/train.bin: row 3 has an empty question or context; remove it"


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_non_finite_loss_names_the_units(folder: Path, problem: str) -> None:
    setup = build(folder, f"xmixup_{problem}", **{**OPTIONS[problem], "mixup_layer": 2})
    setup.model.train(), setup.criterion.train()
    sample = batch(setup, [1])
    next(iter(setup.model.position_heads.values())).out_proj.bias.data.fill_(float("nan"))
    place = {"tagging": "de:2", "qa": "de:q0"}[problem]
    with pytest.raises(UserError, match=rf"loss of 1 example\(s\) is not finite \(language:row {place}\)"):
        setup.criterion(setup.model, sample)
