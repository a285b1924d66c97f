"""Both stages of xTune through fairseq-train's command line: where each starts from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.running.training import load, save_archive, train_here, words
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.errors import UserError

TASK = "xl_sentence_pair"
COMMON = {"criterion": "xtune_criterion", "second_view": "gn", "noise_eps": 0.1, "max_update": 2, "lr": 1e-3,
          "batch_size": 4, "update_freq": 1, "warmup_ratio": None}  # fmt: skip
SECOND = {**COMMON, "augment": "gn", "r2_weight": 1.0}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("stages") / "data", train=8, valid=4)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    path = tmp_path_factory.mktemp("xlmr") / "model.pt"
    save_archive(path, data / "dict.txt")
    return path


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, data: Path, archive: Path) -> Path:
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        train_here(patch, words(data, folder, TASK, restore_file=archive, **COMMON))
    return folder / "checkpoint_best.pt"


def test_second_stage_starts_from_the_archive(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, archive: Path, teacher: Path
) -> None:
    before = load(teacher)
    train_here(monkeypatch, words(data, tmp_path, TASK, restore_file=archive, teacher=teacher, **SECOND))
    state, pretrained = load(tmp_path / "checkpoint_last.pt"), load(archive)["model"]
    assert state["cfg"]["criterion"]["teacher"] == str(teacher) and state["criterion"] is None
    assert state["model"].keys() == before["model"].keys()
    assert not any("teacher" in name for name in state["model"])
    key = "encoder.sentence_encoder.embed_positions.weight"
    start = pretrained[key.replace("encoder", "decoder", 1)]
    ours, theirs = (s["model"][key] for s in (state, before))
    assert (ours - start).abs().max() < 0.01 and not torch.equal(ours, theirs)
    logged = {entry[1] for entry in state["extra_state"]["metrics"]["train"]}
    assert {"loss", "ce_loss", "r1", "r2"} <= logged


def test_starting_from_the_teacher_is_refused_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, teacher: Path
) -> None:
    options = {**SECOND, "teacher": teacher}
    copy = tmp_path / "link.pt"
    copy.symlink_to(teacher)
    for given in ({"restore_file": teacher}, {"finetune_from_model": teacher}, {"restore_file": copy}):
        with pytest.raises(UserError, match=f"--teacher {teacher}: the run would start from its teacher"):
            train_here(monkeypatch, words(data, tmp_path / "run", TASK, **given, **options))
    asked = {"finetune_from_model": teacher, "start_from_teacher": True}
    train_here(monkeypatch, words(data, tmp_path / "asked", TASK, **asked, **options))
    assert (tmp_path / "asked" / "checkpoint_last.pt").is_file()


def test_saving_beside_the_teacher_is_refused(
    monkeypatch: pytest.MonkeyPatch, data: Path, archive: Path, teacher: Path
) -> None:
    with pytest.raises(UserError, match=f"--teacher {teacher} lies in --save-dir {teacher.parent}"):
        train_here(monkeypatch, words(data, teacher.parent, TASK, restore_file=archive, teacher=teacher, **SECOND))
