"""xl-xtune with real training: killed in either stage and started again, it ends where an undisturbed run ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from user_dir_tests.conftest import TinySpm
from user_dir_tests.helpers.running.training import PROGRAM, load, same_parameters, save_archive
from user_dir_tests.helpers.toys.tiny import SHAPE
from user_dir_tests.helpers.toys.toy_views import make_dictionaries, make_folder
from xl_plugins.cli.xtune import main

TRAINING = ["--cpu", "--num-workers", "0", "--max-update", "4", "--save-interval-updates", "2", "--batch-size", "8"]
TRAINING += ["--update-freq", "1", "--lr", "1e-2", *(str(word) for option in SHAPE.items() for word in option)]


@pytest.fixture
def place(tmp_path: Path, tiny_spm: TinySpm, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = make_folder(tmp_path / "data", tiny_spm, "sentence_pair", train=24)
    make_dictionaries(tmp_path / "dictionaries", data)
    save_archive(tmp_path / "model.pt", data / "dict.txt")
    script = tmp_path / "bin" / "fairseq-train"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\n{PROGRAM}")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(save: str) -> int:
    words = ["xnli", "data", "--restore-file", "model.pt", "--save-dir", save, "--dictionaries", "dictionaries"]
    return main([*words, "--", *TRAINING])


@pytest.mark.slow
def test_killed_in_both_stages_and_started_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("whole") == 0
    monkeypatch.setenv("XL_DIE_BEFORE", "4")  # in stage 1; a second start has one update left and comes to stage 2
    assert run("pieces") == 137
    assert not (place / "pieces" / "stage2").exists()
    assert run("pieces") == 137
    assert load(place / "pieces/stage1/checkpoint_last.pt")["optimizer_history"][-1]["num_updates"] == 4
    assert load(place / "pieces/stage2/checkpoint_last.pt")["optimizer_history"][-1]["num_updates"] == 2
    monkeypatch.delenv("XL_DIE_BEFORE")
    assert run("pieces") == 0
    for stage in ("stage1", "stage2"):
        for name in ("checkpoint_best.pt", "checkpoint_last.pt"):
            same_parameters(place / "whole" / stage / name, place / "pieces" / stage / name)
    first, second = (place / "whole" / stage / "checkpoint_last.pt" for stage in ("stage1", "stage2"))
    assert load(second)["cfg"]["criterion"]["teacher"] == "whole/stage1/checkpoint_best.pt"
    with pytest.raises(AssertionError, match="differ by"):
        same_parameters(first, second)
