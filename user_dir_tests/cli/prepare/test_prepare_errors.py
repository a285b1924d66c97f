"""xl-prepare on bad input: one line that names file and line, nothing left behind, and resuming after a kill."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Callable

import numpy as np
import pytest

from user_dir_tests.helpers.prepare.raw import edit, label, make_xnli, sentence, write_rows
from user_dir_tests.helpers.prepare.runs import run, texts, tokenizer_options, tree
from xl_plugins.data.binary.manifest import Ledger
from xl_plugins.data.binary.writer import IndexedWriter
from xl_plugins.errors import UserError
from xl_plugins.output import MARK, write_mark


def cut(path: Path, rows: int) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:rows]))


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing view file": (
        lambda raw: (raw / "translate-train" / "en-sw.tsv").unlink(),
        "--translate-train: {raw}/translate-train/en-sw.tsv does not exist; provide it, or leave sw out of --languages",
    ),
    "unequal counts": (
        lambda raw: cut(raw / "translate-train" / "en-sw.tsv", 11),
        "{raw}/translate-train/en-sw.tsv: 11 rows, but {raw}/train-en.tsv has 12;",
    ),
    "unequal counts of a view": (
        lambda raw: cut(raw / "translate-test" / "sw-en.tsv", 4),
        "{raw}/translate-test/sw-en.tsv: 4 rows, but {raw}/test-sw.tsv has 6;",
    ),
    "label differs": (
        lambda raw: edit(raw / "translate-train" / "en-de.tsv", 3, f"a\tb\tc\td\t{label('train', 3)}"),
        "{raw}/translate-train/en-de.tsv:3: the label differs from {raw}/train-en.tsv:3 (1 of 12 rows)",
    ),
    "unknown label": (
        lambda raw: edit(raw / "dev-de.tsv", 4, "a\tb\tneutrall"),
        "{raw}/dev-de.tsv:4: label 'neutrall' is not one of contradiction, entailment, neutral;",
    ),
    "placeholder in training data": (
        lambda raw: edit(raw / "train-en.tsv", 2, "a\tb\t-"),
        "{raw}/train-en.tsv:2: label '-' is not one of",
    ),
    "one test label missing": (
        lambda raw: edit(raw / "test-de.tsv", 5, "a\tb\t-"),
        "{raw}/test-de.tsv:5: no label; test pairs need one of contradiction, entailment, neutral",
    ),
    "wrong column count": (
        lambda raw: edit(raw / "train-en.tsv", 7, "a\tb\tc\tneutral"),
        "{raw}/train-en.tsv:7: 4 columns, expected 3 as in the first row;",
    ),
    "wrong file": (
        lambda raw: write_rows(raw / "dev-de.tsv", [["only one column"]]),
        "{raw}/dev-de.tsv:1: 1 columns, expected 3, separated by tabs;",
    ),
    "not UTF-8": (
        lambda raw: edit(raw / "test-sw.tsv", 2, b"caf\xe9\tb\tneutral"),
        "{raw}/test-sw.tsv:2: not UTF-8 (byte 0xe9 at offset ",
    ),
    "empty file": (
        lambda raw: (raw / "dev-en.tsv").write_bytes(b""),
        "{raw}/dev-en.tsv: the file is empty; expected one sentence pair per line",
    ),
    "empty text": (
        lambda raw: edit(raw / "translate-test" / "sw-en.tsv", 2, f"a\tb\tc\t \t{label('test', 1)}"),
        "{raw}/translate-test/sw-en.tsv:2: the second text is empty;",
    ),
    "invisible text": (
        lambda raw: edit(raw / "dev-sw.tsv", 3, f"ba\t\u200b\u200b\t{label('dev', 2)}"),
        "{raw}/dev-sw.tsv:3: a text has no visible character",
    ),
    "strange language": (
        lambda raw: write_rows(raw / "dev-german.tsv", [["a", "b", "neutral"]]),
        "{raw}/dev-german.tsv: 'german' is not a language code;",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_name_the_place_and_leave_nothing(tiny_spm, tmp_path: Path, fault: str) -> None:
    raw = make_xnli(tmp_path / "raw")
    break_it, message = FAULTS[fault]
    break_it(raw)
    with pytest.raises(UserError) as caught:
        run(tiny_spm, "xnli", raw, tmp_path / "bin", "--translate-train", f"{raw}/translate-train/en-{{lang}}.tsv")
    assert message.format(raw=raw) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--languages", "en,fr"],
            "--languages: no file for fr; none of RAW/dev-fr.tsv, RAW/test-fr.tsv, RAW/train-fr.tsv",
        ),
        (["--languages", "en,en"], "--languages: language en is given twice"),
        (["--languages", "de"], "RAW: no file of the source language (train-en.tsv"),
        (["--languages", "en,English"], "--languages: 'English' is not a language code"),
        (["--source-language", "x"], "--source-language: 'x' is not a language code"),
        (["--translate-test", "a.tsv"], "--translate-test: the pattern 'a.tsv' has no {lang}"),
    ],
)
def test_wrong_options(tiny_spm, tmp_path: Path, options: list[str], message: str) -> None:
    raw = make_xnli(tmp_path / "raw")
    with pytest.raises(UserError) as caught:
        run(tiny_spm, "xnli", raw, tmp_path / "bin", *options)
    assert message.replace("RAW", str(raw)) in str(caught.value)


def test_raw_folder_must_exist(tiny_spm, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is no folder; give the folder that holds train-en\.tsv"):
        run(tiny_spm, "xnli", tmp_path / "nowhere", tmp_path / "bin")


def test_existing_output_is_kept_unless_asked(tiny_spm, tmp_path: Path) -> None:
    raw, dest = make_xnli(tmp_path / "raw"), tmp_path / "bin"
    run(tiny_spm, "xnli", raw, dest)
    before = tree(dest)
    with pytest.raises(UserError, match="bin exists; pass --overwrite to replace it"):
        run(tiny_spm, "xnli", raw, dest)
    edit(raw / "dev-en.tsv", 2, "a\tb\twrong")
    with pytest.raises(UserError, match="label 'wrong'"):
        run(tiny_spm, "xnli", raw, dest, "--overwrite")
    assert tree(dest) == before  # replaced only by something complete
    edit(raw / "dev-en.tsv", 2, f"ba\tbe\t{label('dev', 1)}")
    run(tiny_spm, "xnli", raw, dest, "--overwrite")
    assert texts(dest, "en", "input0", "valid")[1] == "ba" and tree(dest) != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "raw"]


def test_replaced_data_names_what_was_made_of_it(tiny_spm, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, dest = make_xnli(tmp_path / "raw"), tmp_path / "bin"
    run(tiny_spm, "xnli", raw, dest)
    run(tiny_spm, "xnli", raw, dest, "--overwrite")
    assert "xl-augment" not in capsys.readouterr().err
    for folder in ("vicinity", "counterparts"):
        (dest / "en" / folder).mkdir()
        (dest / "en" / folder / "manifest.json").write_text("{}")
        write_mark(dest / "en" / folder, f"xl-augment {folder}", ["manifest.json"])
    run(tiny_spm, "xnli", raw, dest, "--overwrite")
    line = f"warning: en/counterparts, en/vicinity: gone with the old {dest}; make them again (xl-augment)"
    assert line in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["home", "encoder", "around the input", "earlier version", "notes", "link"])
def test_a_foreign_folder_is_never_replaced(tiny_spm, tmp_path: Path, kind: str) -> None:
    raw, dest = make_xnli(tmp_path / "raw", ("de",)), tmp_path / "dest"
    message = "xl-prepare did not make it"
    if kind == "home":
        dest.mkdir()
        (dest / "thesis.tex").write_text("x")
    elif kind == "encoder":
        dest.mkdir()
        for name, path in (("dict.txt", tiny_spm.dict), ("model.pt", tiny_spm.model)):
            (dest / name).write_bytes(path.read_bytes())
    elif kind == "around the input":
        dest.mkdir()
        raw = raw.rename(dest / "raw")
        (dest / "dict.txt").write_bytes(tiny_spm.dict.read_bytes())
        message = "contains .*not replaced"
    else:
        run(tiny_spm, "xnli", raw, dest)
        if kind == "earlier version":
            (dest / MARK).unlink()
        elif kind == "notes":
            (dest / "de" / "checkpoint_best.pt").write_text("x")
            message = "holds de/checkpoint_best.pt, which xl-prepare did not make"
        else:
            dest = dest.rename(tmp_path / "real").with_name("dest")
            dest.symlink_to(tmp_path / "real")
            message = "is a symbolic link"
    before = tree(tmp_path)
    with pytest.raises(UserError, match=message):
        run(tiny_spm, "xnli", raw, dest, "--overwrite")
    assert tree(tmp_path) == before


def test_the_users_old_and_partial_folders_stay(tiny_spm, tmp_path: Path) -> None:
    raw = make_xnli(tmp_path / "raw", ("de",))
    for name in ("bin.old", "bin.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "photo").write_text("mine")
    run(tiny_spm, "xnli", raw, tmp_path / "bin")
    run(tiny_spm, "xnli", raw, tmp_path / "bin", "--overwrite")
    for name in ("bin.old", "bin.partial"):
        assert tree(tmp_path / name) == {"photo": b"mine"}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_disk_full(tiny_spm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    written = IndexedWriter.append
    calls: list[int] = []

    def full(self: IndexedWriter, ids: np.ndarray, sizes: np.ndarray) -> None:
        calls.append(1)
        if len(calls) > 9:
            raise OSError(code, os.strerror(code))
        written(self, ids, sizes)

    monkeypatch.setattr(IndexedWriter, "append", full)
    with pytest.raises(UserError, match=f"bin: {os.strerror(code)}; free space or choose another DEST"):
        run(tiny_spm, "xnli", make_xnli(tmp_path / "raw"), tmp_path / "bin")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_interrupt_leaves_nothing(tiny_spm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "finish", stop)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_spm, "xnli", make_xnli(tmp_path / "raw"), tmp_path / "bin")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_exit_status_and_one_line(tiny_spm, tmp_path: Path, run_cli: Callable) -> None:
    raw = make_xnli(tmp_path / "raw")
    edit(raw / "dev-de.tsv", 4, "a\tb\tneutrall")
    done = run_cli("prepare", "xnli", raw, tmp_path / "bin", *tokenizer_options(tiny_spm))
    assert done.code == 2 and "Traceback" not in done.err
    last = done.err.strip().splitlines()[-1]
    assert "error: " in last and f"{raw}/dev-de.tsv:4: label 'neutrall' is not one of" in last
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_helper_sentences_differ() -> None:
    """The fixtures would hide mix-ups if texts were alike."""
    made = {sentence(lang, "train", i, w) for lang in ("en", "de", "btde") for i in range(12) for w in (0, 1)}
    assert len(made) > 65
