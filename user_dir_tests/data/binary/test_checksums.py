"""A data folder that is no longer what was written is refused at the next start, or by xl-prepare --verify."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fairseq.data.indexed_dataset import MMapIndexedDataset

from user_dir_tests.helpers.prepare.raw import make_xnli
from user_dir_tests.helpers.prepare.runs import run
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.cli import prepare
from xl_plugins.data.binary import checksums
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.binary.rows import Rows
from xl_plugins.errors import UserError
from xl_plugins.output import MARK


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_spm) -> Path:
    root = tmp_path_factory.mktemp("sums")
    run(tiny_spm, "xnli", make_xnli(root / "raw", ("de",)), root / "bin")
    return root / "bin"


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "bin"))


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(content)
    yield
    path.write_bytes(before)


def refusal(folder: Path, verify: bool = False) -> str:
    """The line of a start, or of --verify; empty where there is none."""
    try:
        if verify:
            prepare.main(["--verify", str(folder)])
        else:
            DataBin(folder)
    except UserError as error:
        assert "\n" not in str(error)
        return str(error)
    return ""


def test_bit_flips(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """40 of 40; with data files too large to be read at every start, those in indices, texts and lists still are."""
    monkeypatch.setattr(checksums, "SMALL", 0)
    draw, found = random.Random(5), {"start": 0, "verify": 0}
    files = sorted(path for path in copied.rglob("*") if path.is_file() and path.name != MARK)
    for _ in range(40):
        path = draw.choice(files)
        content = bytearray(path.read_bytes())
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        with changed(path, bytes(content)):
            at_start = refusal(copied)
            assert at_start or path.suffix == ".bin", path
            found["start" if at_start else "verify"] += 1
            assert at_start or refusal(copied, verify=True), path
    assert sum(found.values()) == 40 and found["start"] >= 15 and found["verify"] >= 5
    assert not refusal(copied) and not refusal(copied, verify=True)


@pytest.mark.parametrize("name", ["en/input0/train.bin", "de/input1/test.idx", "meta.json", "dict.txt"])
def test_cut_and_missing_files(copied: Path, name: str) -> None:
    content = (copied / name).read_bytes()
    with changed(copied / name, content[:-1]):
        assert name in refusal(copied)
    (copied / name).unlink()
    assert name in refusal(copied) and "missing" in refusal(copied)


def test_small_data_is_read_at_every_start(copied: Path) -> None:
    path = copied / "en" / "input0" / "train.bin"
    with changed(path, path.read_bytes()[::-1]):
        assert "its content is not what checksums.json" in refusal(copied)


def test_verify_says_what_it_read(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare.main(["--verify", str(copied)]) == 0
    count = len(json.loads((copied / "checksums.json").read_text())["files"])
    assert f"{count} files are what" in capsys.readouterr().out and count > 40
    (copied / "checksums.json").unlink()
    with pytest.raises(UserError, match=r"has no checksums\.json"):
        prepare.main(["--verify", str(copied)])
    with pytest.raises(UserError, match="no such folder"):
        prepare.main(["--verify", str(copied / "nowhere")])


def test_verify_reads_what_augmentation_wrote(copied: Path) -> None:
    """A folder with a list of its own."""
    made = Path(shutil.copytree(copied / "de", copied / "de" / "codeswitch"))
    checksums.write_checksums(made)
    assert not refusal(copied) and not refusal(copied, verify=True)
    path = made / "input0" / "train.bin"
    path.write_bytes(path.read_bytes()[::-1])
    assert str(path) in refusal(copied, verify=True)


# -- meta.json alone: folders of older versions --


@pytest.fixture
def old(copied: Path) -> Path:
    (copied / "checksums.json").unlink()
    return copied


def test_another_dictionary(old: Path) -> None:
    lines = (old / "dict.txt").read_text(encoding="utf-8").splitlines()
    lines[5], lines[6] = lines[6], lines[5]
    (old / "dict.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert "dict.txt: not the file that meta.json was written with" in refusal(old)


def test_another_tokenizer(old: Path) -> None:
    (old / "sentencepiece.bpe.model").write_bytes(b"x")
    assert "sentencepiece.bpe.model: not the file that meta.json" in refusal(old)


def test_labels_in_another_order(old: Path) -> None:
    path = old / "label" / "dict.txt"
    path.write_text("".join(sorted(path.read_text().splitlines(keepends=True), reverse=True)))
    assert "labels neutral, entailment, contradiction, but meta.json says contradiction" in refusal(old)


def test_a_language_removed_or_brought_in(old: Path) -> None:
    shutil.copytree(old / "de", old / "fr")
    assert f"{old / 'fr'}: a language that meta.json does not list" in refusal(old)
    shutil.rmtree(old / "fr")
    assert not refusal(old)
    shutil.rmtree(old / "de")
    assert "meta.json lists" in refusal(old) and "'de'" in refusal(old)


def test_other_rows(old: Path) -> None:
    for suffix in (".bin", ".idx"):
        shutil.copyfile(old / "de" / "input0" / f"valid{suffix}", old / "de" / "input0" / f"train{suffix}")
    assert "5 rows, but meta.json says 12" in refusal(old)


def test_files_added_later_are_allowed(copied: Path) -> None:
    (copied / "de" / "soft").mkdir()
    (copied / "de" / "soft" / "train.npy").write_bytes(b"")
    (copied / "notes.txt").write_text("mine")
    assert not refusal(copied) and not refusal(copied, verify=True)


# -- indices, of folders made by hand as well --


def test_rows_of_an_index_follow_each_other(tmp_path: Path) -> None:
    """Two rows' pointers or sizes exchanged give other text without a word from fairseq."""
    data = make_data(tmp_path / "data", train=6)
    path = data / "de" / "input0" / "train.idx"
    index = MMapIndexedDataset(str(path.with_suffix("")))._index
    sizes, start = np.array(index._sizes), path.stat().st_size - len(index) * 12
    row = int(np.flatnonzero(np.diff(sizes))[0])
    for width, first in ((4, start), (8, start + 4 * len(sizes))):
        content = bytearray(path.read_bytes())
        one, two = (slice(first + width * r, first + width * (r + 1)) for r in (row, row + 1))
        content[one], content[two] = content[two], content[one]
        with changed(path, bytes(content)):
            for read in (lambda: DataBin(data).open_text("de", "input0", "train"), lambda: Rows(str(path)[:-4])):
                with pytest.raises(UserError, match=r"train\.idx: damaged .*prepare the data again"):
                    read()
    DataBin(data).open_text("de", "input0", "train")


def test_a_listed_file_that_a_command_replaced_is_listed_again(tmp_path: Path) -> None:
    """As xl-augment soft-labels replaces those that xl-prepare had read from files."""
    (tmp_path / "soft.npy").write_bytes(b"old")
    checksums.write_checksums(tmp_path)
    for name in ("soft.npy", "new.npy"):
        (tmp_path / name).write_bytes(b"newer")
        checksums.list_again(tmp_path, tmp_path / name)
    assert checksums.check_files(tmp_path, everything=True) == 1
