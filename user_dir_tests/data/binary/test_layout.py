"""The binarised folder: languages, splits, views, labels, meta.json."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from user_dir_tests.helpers.toys.toy import LABELS, make_data, write_rows
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_data(tmp_path / "data", train=5, valid=4, test=3)


def test_dictionary_gets_mask_last(root: Path) -> None:
    dictionary = DataBin(root).dictionary
    assert len(dictionary) == 65 and dictionary.index("<mask>") == 64
    assert [dictionary.index(s) for s in ("<s>", "<pad>", "</s>", "<unk>", "p0", "p59")] == [0, 1, 2, 3, 4, 63]


def test_labels_keep_the_order_of_their_file(root: Path) -> None:
    assert DataBin(root).labels == list(LABELS)
    (root / "label" / "dict.txt").write_text("1 1\n0 5\n")
    assert DataBin(root).labels == ["1", "0"]


def test_label_rows(root: Path) -> None:
    write_rows(root / "de" / "label" / "train", [[4], [6], [5], [4], [4]], 7)
    labels = DataBin(root).open_labels("de", "train")
    assert labels.tolist() == [0, 2, 1, 0, 0] and labels.dtype.name == "int64"


def test_languages_and_splits(root: Path) -> None:
    (root / "notes").mkdir(), (root / "swc").mkdir()
    shutil.rmtree(root / "fr" / "input0")
    data = DataBin(root)
    assert data.languages == ["de", "en", "fr", "swc"]
    assert data.languages_with("train") == ["de", "en"]
    assert data.has("de", "train", into_source=True) and not data.has("en", "train", into_source=True)
    assert not data.has("de", "dev")


def test_source_language_comes_from_option_meta_or_default(root: Path) -> None:
    assert DataBin(root).source_language == "en"
    (root / "meta.json").write_text(json.dumps({"source_language": "de"}))
    assert DataBin(root).source_language == "de"
    assert DataBin(root, "fr").source_language == "fr"
    assert DataBin(root, "fr").prefix("de", "input0", "valid", into_source=True) == f"{root}/de/fr-view/input0/valid"


def test_unlabelled_splits(root: Path) -> None:
    (root / "meta.json").write_text(json.dumps({"unlabelled": {"de": ["test"]}}))
    data = DataBin(root)
    assert data.is_unlabelled("de", "test")
    assert not data.is_unlabelled("de", "valid") and not data.is_unlabelled("en", "test")


def test_same_content(root: Path) -> None:
    data = DataBin(root)
    assert not data.same_content("de", "valid", "test")
    for field in ("input0", "input1"):
        shutil.copy(root / "de" / field / "test.bin", root / "de" / field / "valid.bin")
        shutil.copy(root / "de" / field / "test.idx", root / "de" / field / "valid.idx")
        assert data.same_content("de", "valid", "test") == (field == "input1")
    assert not data.same_content("de", "valid", "nothing")


def test_a_hand_made_folder_of_fairseq_preprocess_can_be_read(root: Path, tmp_path: Path) -> None:
    from fairseq import options
    from fairseq_cli import preprocess

    (tmp_path / "text").write_text("p1 p2 p3\np4\n")
    (tmp_path / "labels").write_text("neutral\ncontradiction\n")
    for name, field, dictionary in (
        ("text", "input0", "dict.txt"),
        ("text", "input1", "dict.txt"),
        ("labels", "label", "label/dict.txt"),
    ):
        parser = options.get_preprocessing_parser()
        arguments = ["--only-source", "--trainpref", str(tmp_path / name), "--srcdict", str(root / dictionary)]
        arguments += ["--destdir", str(root / "sw" / field), "--workers", "1"]
        preprocess.main(parser.parse_args(arguments))
    data = DataBin(root)
    assert data.open_text("sw", "input0", "train")[0].tolist() == [5, 6, 7, 2]
    assert data.open_labels("sw", "train").tolist() == [2, 0]


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such data folder"):
        DataBin(tmp_path / "nothing")
