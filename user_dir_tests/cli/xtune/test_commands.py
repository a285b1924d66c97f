"""xl-xtune: the commands of both stages, and what the user may change."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.helpers.running.stand_in import calls, dry, words
from xl_plugins.cli.xtune import main
from xl_plugins.methods.xtune.presets import DATA_SETS, SETTINGS


@pytest.mark.parametrize("data_set", DATA_SETS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_both_stages_run_with_the_presets(place: Path, data_set: str, setting: str) -> None:
    assert main(words(data_set, "--setting", setting)) == 0
    first, second = calls(place)
    problem = DATA_SETS[data_set].problem
    for number, call in enumerate((first, second), 1):
        assert call[""] == [problem] and call["--task"] == [f"xl_{problem}"] and call["--arch"] == ["xl_xlmr"]
        assert call["--criterion"] == ["xtune_criterion"] and call["--restore-file"] == ["model.pt"]
        assert call["--save-dir"] == [f"save/stage{number}"] and call["--seed"] == ["1"]
        assert int(call["--batch-size"][0]) * int(call["--update-freq"][0]) == 32
        switches = "cs" in (call["--augment"] + call["--second-view"])
        assert call.get("--cs-dictionaries") == (["dicts"] if switches else None)
    assert "--teacher" not in first and second["--teacher"] == ["save/stage1/checkpoint_best.pt"]
    assert ("--r2-hard-labels" in second) == (data_set == "panx")


def test_official_teacher_of_questions_is_the_last(place: Path) -> None:
    assert main(words("mlqa", "--xtune-compat", "official")) == 0
    assert calls(place)[1]["--teacher"] == ["save/stage1/checkpoint_last.pt"]
    assert calls(place)[1]["--xtune-compat"] == ["official"]


def test_dry_run_prints_what_would_run(place: Path, capsys: pytest.CaptureFixture) -> None:
    """No file has to exist for it."""
    arguments = ["panx", "nowhere", "--restore-file", "no.pt", "--save-dir", "a b", "--size", "large", "--seed", "3"]
    first, second = dry(capsys, *arguments)
    assert calls(place) == [] and not (place / "a b").exists()
    assert first["--arch"] == ["xl_xlmr_large"] and first["--lr"] == ["7e-06"] and first["--seed"] == ["3"]
    assert (first["--batch-size"], first["--update-freq"]) == (["8"], ["4"])
    assert second["--teacher"] == ["a b/stage1/checkpoint_best.pt"] and second["--adam-betas"] == ["(0.9, 0.999)"]


def test_the_user_wins(place: Path, capsys: pytest.CaptureFixture) -> None:
    first, second = dry(
        capsys, *words("xquad", "--stage1", "--fp16", "--stage2", "--lr 1e-5 --second-view gn"), "--", "--lr", "2e-5",
        "--max-epoch", "3",
    )  # fmt: skip
    assert first["--lr"] == ["2e-5"] and second["--lr"] == ["1e-5"] and first["--fp16"] == [] and "--fp16" not in second
    assert second["--max-epoch"] == ["3"] and "--max-update" not in second
    assert second["--second-view"] == ["gn"] and "--ss-ratio" in second  # A is still ss
    (first,) = dry(capsys, *words("xquad", "--stage", "1"), "--", "--max-update=9", "--max_tokens", "400")
    assert first["--max-update"] == ["9"] and "--max-epoch" not in first
    assert not {"--batch-size", "--update-freq"} & first.keys() and first["--max-tokens"] == ["400"]


@pytest.mark.parametrize(
    "given, rows, passes",
    [
        ([], 32, 1),
        (["--distributed-world-size", "4"], 8, 1),
        (["--batch-size", "4"], 4, 8),
        (["--max-sentences", "4"], None, 8),
        (["--update-freq", "4"], 8, 4),
        (["--batch-size", "16", "--update-freq", "4"], 16, 4),
        (["--batch-size", "4", "--distributed-world-size", "2"], 4, 4),
    ],
)
def test_32_rows_per_update_on_any_number_of_ranks(
    place: Path, capsys: pytest.CaptureFixture, given: list[str], rows: int | None, passes: int
) -> None:
    (call,) = dry(capsys, *words("xnli", "--stage", "1"), "--", *given)
    assert call.get("--batch-size") == (None if rows is None else [str(rows)])
    assert call["--update-freq"] == [str(passes)]


def test_ablations_by_flags(place: Path, capsys: pytest.CaptureFixture) -> None:
    """Table 2 and Table 4."""
    plain = "--second-view none --r1-weight 0"
    (call,) = dry(capsys, *words("xnli", "--stage", "1", "--stage1", plain))
    assert call["--augment"] == call["--second-view"] == ["none"] and call["--r1-weight"] == ["0"]
    assert not [option for option in call if option.startswith(("--cs", "--ss", "--mt", "--teacher"))]
    for augment in ("ss", "cs", "gn", "mt"):
        (call,) = dry(capsys, *words("udpos", "--stage", "1", "--stage1", f"--augment {augment} {plain}"))
        assert call["--augment"] == [augment] and ("--cs-dictionaries" in call) == (augment == "cs")
        assert ("--mt-exclude" in call) == (augment == "mt") and ("--ss-ratio" in call) == (augment == "ss")
    first, second = dry(capsys, *words("xnli", "--stage1", plain, "--stage2", plain))
    assert second["--r1-weight"] == ["0"] and second["--augment"] == ["cs"] and second["--r2-weight"] == ["5.0"]
    assert second["--teacher"] == ["save/stage1/checkpoint_best.pt"] and first["--r1-weight"] == ["0"]
    first, second = dry(capsys, *words("panx"), "--", "--no-stop-gradient")
    assert first["--no-stop-gradient"] == second["--no-stop-gradient"] == []
    (call,) = dry(capsys, *words("panx", "--stage", "2", "--stage2", "--r2-weight 0"))
    assert "--teacher" not in call and "--r2-hard-labels" not in call
