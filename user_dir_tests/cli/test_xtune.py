"""xl-xtune: the commands of both stages, what the user may change, restarts, signals, mistakes.

A script stands in for fairseq-train: it notes its arguments and writes checkpoints.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from user_dir_tests.helpers.running.training import environment
from xl_plugins.cli.shared.training import parse_options
from xl_plugins.cli.xtune import main
from xl_plugins.errors import UserError
from xl_plugins.methods.xtune.presets import DATA_SETS, SETTINGS

STAND_IN = """#!{python}
import os, pathlib, sys, time
arguments = sys.argv[1:]
save = pathlib.Path(arguments[arguments.index("--save-dir") + 1])
with open("calls", "a") as calls:
    print("\\0".join(arguments), file=calls)
if "--nan" in arguments:
    sys.exit(2)
save.mkdir(parents=True, exist_ok=True)
(save / "checkpoint_last.pt").touch()
if "--wait" in arguments:
    (save / "pid").write_text(str(os.getpid()))
    time.sleep(60)
if "--fail" in arguments:
    sys.exit(7)
(save / "checkpoint_best.pt").touch()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the command wants to see, and the stand-in first on the PATH."""
    monkeypatch.chdir(tmp_path)
    for problem in ("sentence_pair", "tagging", "qa"):
        (tmp_path / problem).mkdir()
        (tmp_path / problem / "meta.json").write_text(json.dumps({"problem": problem}))
    (tmp_path / "dicts").mkdir()
    (tmp_path / "model.pt").touch()
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "fairseq-train"
    script.write_text(STAND_IN.format(python=sys.executable))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    for name in ("WORLD_SIZE", "RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    return tmp_path


def words(data_set: str = "xnli", *more: str, save: str = "save") -> list[str]:
    problem = DATA_SETS[data_set].problem
    return [data_set, problem, "--restore-file", "model.pt", "--save-dir", save, "--dictionaries", "dicts", *more]


def calls(place: Path) -> list[dict[str, list[str]]]:
    path = place / "calls"
    return [parse_options(line.split("\0")) for line in path.read_text().splitlines()] if path.exists() else []


def dry(capsys: pytest.CaptureFixture, *arguments: str) -> list[dict[str, list[str]]]:
    """The commands that --dry-run prints, as a shell reads them."""
    assert main([*arguments, "--dry-run"] if "--" not in arguments else _before(arguments, "--dry-run")) == 0
    commands = capsys.readouterr().out.replace("\\\n", " ").strip().split("\n")
    split = [shlex.split(command) for command in commands]
    assert all(command[0] == "fairseq-train" for command in split)
    return [parse_options(command[1:]) for command in split]


def _before(arguments: tuple[str, ...], word: str) -> list[str]:
    cut = arguments.index("--")
    return [*arguments[:cut], word, *arguments[cut:]]


# -- commands --


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


# -- restarts --


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


# -- the child process --


def start(*arguments: str) -> subprocess.Popen:
    """In a process of its own with signals as in a terminal."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from xl_plugins.cli.xtune import cli_main; sys.argv[0] = 'xl-xtune'; cli_main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment(), stderr=subprocess.PIPE, encoding="utf-8",
        preexec_fn=_hear_signals,
    )  # fmt: skip


def _hear_signals() -> None:
    """A test run in the background ignores these, and so would its children."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize(
    "number, status",
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_signals_end_the_child_too(place: Path, number: int, status: int) -> None:
    command = start(*words("xnli"), "--", "--wait")
    mark = place / "save/stage1/pid"
    deadline = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()):
        assert command.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    child = int(mark.read_text())
    command.send_signal(number)
    _, err = command.communicate(timeout=60)
    assert command.returncode == status and "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert len(calls(place)) == 1


def wait_for_child(place: Path, command: subprocess.Popen) -> int:
    """Process number of the running stand-in."""
    mark = place / "save/stage1/pid"
    deadline = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()):
        assert command.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    return int(mark.read_text())


def test_the_child_dies_with_a_killed_parent_and_no_second_one_is_started(place: Path) -> None:
    command = start(*words("xnli"), "--", "--wait")
    child = wait_for_child(place, command)
    with pytest.raises(UserError, match=rf"--save-dir save: xl-xtune \(process {command.pid} on .*\) is writing it"):
        main(words("xnli", "--", "--wait"))
    command.kill()
    command.wait(timeout=60)
    deadline = time.monotonic() + 30
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(child, 0)
            time.sleep(0.05)
    assert len(calls(place)) == 1
    (place / "save/stage1/pid").unlink()
    again = start(*words("xnli"), "--", "--wait")  # the lock of the dead is free
    wait_for_child(place, again)
    again.terminate()
    assert again.wait(timeout=60) == 143


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


def test_a_child_killed_by_a_signal(place: Path) -> None:
    (place / "bin/fairseq-train").write_text("#!/bin/sh\nkill -9 $$\n")
    assert main(words("xnli")) == 137


# -- mistakes --


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["--fp16"], "--fp16: not an option of xl-xtune; options of fairseq-train come after --"),
        (["--", "fp16"], "'fp16' is not an option of fairseq-train"),
        (["--", "--save-dir", "x"], "--save-dir is given as an option of xl-xtune"),
        (["--stage2", "--teacher t.pt"], "--teacher is given as an option of xl-xtune"),
        (["--", "--task", "xl_qa"], "--task is given by DATASET"),
        (["--teacher", "t.pt"], "--teacher takes the place of stage 1; add --stage 2"),
        (["--stage", "2", "--stage1", "--fp16"], "--stage1 has no effect with --stage 2"),
        (["--stage", "2", "--teacher", "t", "--stage2", "--r2-weight 0"], "--teacher has no effect with --r2-weight 0"),
        (["--restore-file", "no.pt"], "--restore-file no.pt: no such file"),
        (["--dictionaries", "no"], "--dictionaries no: no such folder"),
        (["--", "--batch-size", "x"], "--batch-size, --update-freq and --distributed-world-size: invalid literal"),
        (["--stage1", "--lr '1"], "--stage1: No closing quotation; quote it as in a shell"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_line(place: Path, arguments: list[str], text: str) -> None:
    with pytest.raises(UserError) as caught:
        main([*words("xnli"), *arguments])
    assert text in str(caught.value) and "\n" not in str(caught.value)
    assert calls(place) == []


def test_data_of_another_problem(place: Path) -> None:
    with pytest.raises(UserError, match="qa: holds data of qa, xnli is sentence_pair; name another DATASET or DATA"):
        main(["xnli", "qa", "--restore-file", "model.pt", "--save-dir", "save", "--dictionaries", "dicts"])
    with pytest.raises(UserError, match="stage 1 switches words into other languages: name their folder by --dict"):
        main(["xnli", "sentence_pair", "--restore-file", "model.pt", "--save-dir", "save"])
    with pytest.raises(UserError, match="nowhere: no such data folder"):
        main(["panx", "nowhere", "--restore-file", "model.pt", "--save-dir", "save"])


def test_status_2_and_one_line_on_the_command_line(run_cli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = run_cli("xtune", "panx", "nowhere", "--restore-file", "m", "--save-dir", "s", cwd=tmp_path)
    assert (done.code, done.err) == (2, "xl-xtune: error: nowhere: no such data folder; make one with xl-prepare\n")
    done = run_cli("xtune", "squad", "x", cwd=tmp_path)
    assert done.code == 2 and "Traceback" not in done.err
    assert "examples:" in run_cli("xtune", "--help").out
