"""Data mistakes of question answering: one line that names the file and the row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.setups.mistakes import TRAIN, VALID, VOCABULARY, refused
from user_dir_tests.helpers.toys.toy import write_rows


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
