"""xl-xtune that is run again: finished, failed and damaged stages, changed options, save folders of others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from user_dir_tests.helpers.running.stand_in import calls, words
from xl_plugins.cli.xtune import main
from xl_plugins.errors import UserError


def test_a_finished_stage_is_not_trained_again(place: Path, capfd: pytest.CaptureFixture) -> None:
    assert main(words("xnli", "--stage", "1")) == 0
    assert main(words("xnli")) == 0
    assert [call["--save-dir"] for call in calls(place)] == [["save/stage1"], ["save/stage2"]]
    assert "stage 1 is finished (save/stage1/xtune.json) and is not trained again" in capfd.readouterr().err
    assert main(words("xnli")) == 0
    assert len(calls(place)) == 2


def test_a_stage_that_failed_is_taken_up_again(place: Path) -> None:
    assert main([*words("xnli", "--stage1", "--fail")]) == 7
    assert len(calls(place)) == 1 and not json.loads((place / "save/stage1/xtune.json").read_text())["finished"]
    with pytest.raises(UserError, match="this run began with --fail, now it is no --fail; give the same options"):
        main(words("xnli"))
    assert main(words("xnli", "--stage1", "--fail")) == 7
    assert len(calls(place)) == 2


def test_changed_options_are_refused(place: Path) -> None:
    assert main(words("xnli", "--", "--num-workers", "1")) == 0
    assert main(words("xnli", "--", "--num-workers", "4", "--distributed-world-size", "2")) == 0  # nothing is learnt by
    for change, before, now in (
        (["--", "--lr", "1e-5"], "--lr 7e-06", "--lr 1e-5"),
        (["--size", "large"], "--arch xl_xlmr, --lr 7e-06", "--arch xl_xlmr_large, --lr 5e-06"),
        (["--seed", "2"], "--seed 1", "--seed 2"),
        (["--stage2", "--fp16"], "no --fp16", "--fp16"),
    ):
        with pytest.raises(UserError) as caught:
            main(words("xnli", *change))
        text = f"this run began with {before}, now it is {now}; give the same options, choose another --save-dir"
        assert text in str(caught.value) and "\n" not in str(caught.value)
    assert len(calls(place)) == 2


def test_a_damaged_record_is_named(place: Path) -> None:
    assert main(words("xnli", "--stage", "1")) == 0
    (place / "save/stage1/xtune.json").write_text("{")
    with pytest.raises(UserError, match=r"save/stage1/xtune\.json: cannot be read"):
        main(words("xnli"))


def test_another_teacher(place: Path) -> None:
    with pytest.raises(UserError, match=r"stage1/checkpoint_best\.pt: no such checkpoint; run --stage 1 first"):
        main(words("xnli", "--stage", "2"))
    (place / "t.pt").touch()
    assert main(words("xnli", "--stage", "2", "--teacher", "t.pt")) == 0
    assert [call["--teacher"] for call in calls(place)] == [["t.pt"]]


def test_a_mistake_leaves_nothing_that_refuses_the_corrected_command(place: Path) -> None:
    """The run ended before its first checkpoint: its options bind nobody, and its folder is gone."""
    assert main(words("xnli", "--stage", "1", "--", "--nan")) == 2
    assert not (place / "save").exists()
    assert main(words("xnli", "--stage", "1")) == 0
    assert json.loads((place / "save/stage1/xtune.json").read_text())["finished"]
    assert sorted(path.name for path in (place / "save").iterdir()) == ["stage1"]


def test_a_save_folder_of_others(place: Path) -> None:
    (place / "save").write_text("mine")
    with pytest.raises(UserError, match="--save-dir save: is a file"):
        main(words("xnli"))
    (place / "other/stage1").mkdir(parents=True)
    (place / "mine").write_text("mine")
    (place / "other/stage1/xtune.json").symlink_to(place / "mine")
    with pytest.raises(UserError, match=r"xtune\.json"):
        main(words("xnli", save="other"))
    assert (place / "mine").read_text() == "mine" == (place / "save").read_text()
