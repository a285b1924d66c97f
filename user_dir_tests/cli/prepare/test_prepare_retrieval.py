"""xl-prepare for sentence retrieval: tatoeba and bucc."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.prepare import prepared
from user_dir_tests.helpers.prepare.retrieval import ENGLISH, GERMAN, make_bucc, make_tatoeba, write
from user_dir_tests.helpers.prepare.runs import meta, run, tree
from xl_plugins.datasets.tatoeba import ISO3
from xl_plugins.errors import UserError


def gold(dest: Path, language: str, split: str) -> list[list[int]]:
    array = np.load(dest / language / "gold" / f"{split}.npy")
    assert array.dtype == np.int64
    return array.tolist()


def test_tatoeba_under_both_names(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    raw, dest = make_tatoeba(tmp_path / "raw"), tmp_path / "bin"
    run(tiny_spm, "tatoeba", raw, dest)
    info = meta(dest)
    assert info["problem"] == "retrieval" and info["languages"] == ["de", "zh"] and info["unlabelled"] == {}
    assert info["splits"] == info["views"] == {"de": {"test": 3}, "zh": {"test": 2}}
    assert prepared.strings(dest / "de", "raw", "test") == GERMAN
    assert prepared.strings(dest / "de/en-view", "raw", "test") == ENGLISH
    assert gold(dest, "de", "test") == [[0, 0], [1, 1], [2, 2]]
    assert "".join(prepared.pieces(dest, dest / "de", "input0", "test")[0]).endswith("</s>")
    assert "xl-evaluate" in capsys.readouterr().out
    assert len(ISO3) == 36


def test_english_in_xtreme_order(tiny_spm: Any, tmp_path: Path) -> None:
    raw, dest = make_tatoeba(tmp_path / "raw"), tmp_path / "bin"
    run(tiny_spm, "tatoeba", raw, dest, "--sorted-english", "--languages", "de")
    assert prepared.strings(dest / "de/en-view", "raw", "test") == ["a cat", "the dog", "the house"]
    assert gold(dest, "de", "test") == [[0, 1], [1, 0], [2, 2]]
    run(tiny_spm, "tatoeba", raw, tmp_path / "plain", "--languages", "de")
    rows, plain = (prepared.rows(root / "de/en-view", "input0", "test") for root in (dest, tmp_path / "plain"))
    assert [row.tolist() for row in rows] == [plain[i].tolist() for i in (1, 0, 2)]


def test_files_in_alphabetical_order_have_no_answer(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    write(tmp_path / "raw/de-en.de", [f"satz {i}" for i in range(60)])
    write(tmp_path / "raw/de-en.en", [f"sentence {i:02d}" for i in range(60)])
    run(tiny_spm, "tatoeba", tmp_path / "raw", tmp_path / "bin")
    assert not (tmp_path / "bin/de/gold/test.npy").exists()
    assert meta(tmp_path / "bin")["unlabelled"] == {"de": ["test"]}
    assert "de-en.en: in alphabetical order" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["", "de-en"])
def test_bucc(tiny_spm: Any, tmp_path: Path, folder: str) -> None:
    raw, dest = make_bucc(tmp_path / "raw", folder), tmp_path / "bin"
    run(tiny_spm, "bucc2018", raw, dest)
    assert meta(dest)["splits"] == {"de": {"test": 1, "valid": 3}}
    assert meta(dest)["views"] == {"de": {"test": 2, "valid": 4}}
    assert meta(dest)["unlabelled"] == {"de": ["test"]}
    assert gold(dest, "de", "valid") == [[2, 0], [0, 3]]
    assert not (dest / "de/gold/test.npy").exists()
    assert prepared.strings(dest / "de/en-view", "ids", "test") == ["en-8", "en-9"]
    assert prepared.strings(dest / "de", "raw", "valid") == GERMAN
    run(tiny_spm, "bucc", raw, tmp_path / "again", "--workers", 1)
    assert tree(dest) == tree(tmp_path / "again")


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("de-en.training.gold", ["de-2\ten-7"], "de-en.training.gold:1: id en-7 is in neither"),
        ("de-en.training.gold", ["de-2 en-0"], "de-en.training.gold:1: expected 'id TAB id'"),
        ("de-en.training.de", ["der hund"], "de-en.training.de:1: expected 'id TAB sentence'"),
        ("de-en.training.en", ["en-0\t "], "de-en.training.en:1: the sentence is empty"),
        ("de-en.test.de", [], "de-en.test.de: the file is empty"),
    ],
)
def test_errors(tiny_spm: Any, tmp_path: Path, name: str, lines: list[str], message: str) -> None:
    raw = make_bucc(tmp_path / "raw")
    write(raw / name, lines)
    with pytest.raises(UserError, match=message):
        run(tiny_spm, "bucc", raw, tmp_path / "bin")
    assert not list(tmp_path.glob("bin*"))


def test_missing_files(tiny_spm: Any, tmp_path: Path) -> None:
    raw = make_tatoeba(tmp_path / "raw")
    with pytest.raises(UserError, match=r"--languages: no files for sw; missing .*sw-en\.sw"):
        run(tiny_spm, "tatoeba", raw, tmp_path / "bin", "--languages", "sw")
    write(raw / "de-en.en", ENGLISH[:2])
    with pytest.raises(UserError, match=r"de-en\.en: 2 sentences for 3 of de"):
        run(tiny_spm, "tatoeba", raw, tmp_path / "bin")
    (raw / "de-en.en").unlink()
    with pytest.raises(UserError, match=r"no files for de; missing .*de-en\.en"):
        run(tiny_spm, "tatoeba", raw, tmp_path / "bin")
    make_bucc(tmp_path / "bucc")
    (tmp_path / "bucc/de-en.test.en").unlink()
    with pytest.raises(UserError, match=r"de-en\.test\.en: missing; both sides"):
        run(tiny_spm, "bucc", tmp_path / "bucc", tmp_path / "bin")
