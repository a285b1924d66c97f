"""Files of counterparts that do not fit the text: one line that names file, row, and both numbers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.setups.salt import make, read_rows, write_counterparts, write_field
from user_dir_tests.helpers.toys.toy import make_data, write_rows
from xl_plugins.augment.counterparts.files import open_counterparts
from xl_plugins.data.augmented.counterparts import check_counterparts
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError

AGAIN = "make the counterparts again (xl-augment counterparts --overwrite)"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_data(tmp_path_factory.mktemp("files") / "data")
    write_counterparts(made)
    return made


@pytest.fixture
def copied(data: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(data, tmp_path / "data"))


def refused(folder: Path, language: str = "fr", field: str = "input1") -> str:
    data = DataBin(folder)
    special = np.zeros(len(data.dictionary), dtype=bool)
    special[[0, 1, 2, 3, -1]] = True
    original, path = (
        data.open_text("en", field, "train"),
        data.prefix("en", f"counterparts/{language}/{field}", "train"),
    )
    with pytest.raises(UserError) as caught:
        check_counterparts(original, open_counterparts(data, language, field), path, special, "en/input1/train")
    text = str(caught.value)
    assert text.startswith(f"{folder}/en/counterparts/{language}/{field}/train") and "\n" not in text
    return text.removeprefix(f"{folder}/en/counterparts/{language}/{field}/train")


def test_another_number_of_rows(copied: Path) -> None:
    rows = read_rows(copied, "en/counterparts/fr", "input1")
    write_field(copied, "fr", "input1", rows[:-1])
    assert refused(copied) == f".idx: 23 rows, but en/input1/train.idx has 24; {AGAIN}"
    write_field(copied, "fr", "input1", [*rows, rows[0]])
    assert refused(copied).startswith(".idx: 25 rows, but en/input1/train.idx has 24")


def test_another_length_is_named_with_both(copied: Path) -> None:
    rows = read_rows(copied, "en/counterparts/fr", "input1")
    length = len(rows[6])
    for other in ([*rows[6], 9], rows[6][:-1]):
        write_field(copied, "fr", "input1", [*rows[:6], other, *rows[7:]])
        expected = f".bin: row 7 has {len(other)} pieces, in en/input1/train {length}; {AGAIN}"
        assert refused(copied) == expected


@pytest.mark.parametrize("special", [0, 1, 2, 3, 64], ids=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
@pytest.mark.parametrize("row", [0, 4, 23])
def test_special_tokens_in_other_places(copied: Path, special: int, row: int) -> None:
    """Substituted in, and substituted away."""
    rows = read_rows(copied, "en/counterparts/fr", "input1")
    write_field(copied, "fr", "input1", [*rows[:row], [*rows[row][:-1], special], *rows[row + 1 :]])
    text = f".bin: row {row + 1} differs from en/input1/train in a special token or brings in <unk>; {AGAIN}"
    assert refused(copied) == text


def test_special_tokens_of_the_text_stay(copied: Path) -> None:
    """An <unk> of the text is in the counterpart too; elsewhere it is refused."""
    own, rows = read_rows(copied, "en", "input1"), read_rows(copied, "en/counterparts/fr", "input1")
    own[3][0] = 3
    write_rows(copied / "en" / "input1" / "train", own, 64)
    assert "row 4 differs" in refused(copied)
    rows[3][0] = 3
    write_field(copied, "fr", "input1", rows)
    assert len(make(copied, salt_langs="fr").task.datasets["train"]) == 24


def test_rows_of_a_long_file_are_found(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in stretches."""
    monkeypatch.setattr("xl_plugins.data.augmented.counterparts._STRETCH", 7)
    rows = read_rows(copied, "en/counterparts/fr", "input1")
    write_field(copied, "fr", "input1", [*rows[:17], [3, *rows[17][1:]], *rows[18:]])
    assert ": row 18 differs" in refused(copied)


def test_ids_outside_the_vocabulary(copied: Path) -> None:
    rows = read_rows(copied, "en/counterparts/fr", "input1")
    write_field(copied, "fr", "input1", [*rows[:2], [65, *rows[2][1:]], *rows[3:]])
    assert "holds id 65, but dict.txt has 65 types" in refused(copied)


def test_truncated_file(copied: Path) -> None:
    path = copied / "en" / "counterparts" / "fr" / "input1" / "train.bin"
    path.write_bytes(path.read_bytes()[:-2])
    assert "the file is truncated" in refused(copied)


def test_everything_is_checked_when_training_data_is_loaded(copied: Path) -> None:
    rows = read_rows(copied, "en/counterparts/de", "input0")
    write_field(copied, "de", "input0", rows[1:])
    with pytest.raises(UserError, match=r"counterparts/de/input0/train\.idx: 23 rows"):
        make(copied)
    make(copied, salt_langs="en,fr,es")
