"""The study's runner on the embedded benchmark: what it runs, resumes, refuses and reports."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from user_dir_tests.helpers.folders import tree
from xl_plugins.cli import mini
from xl_plugins.errors import UserError
from xl_plugins.evaluation.report.result import read_json

REPO = Path(__file__).resolve().parents[3]
STUDY = REPO / "examples" / "experiments" / "study"
SIZES = "--problem sentence_pair --languages en,de,fr --train 96 --dev 24 --test 24 --unlabelled 200"
TINY = "--updates 2 --layers 1 --dim 32 --ffn 32 --heads 2 --vocab 600"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    assert mini.main(["make", str(folder / "raw"), *SIZES.split()]) == 0
    mini.main(["pretrain", str(folder / "enc"), "--text", str(folder / "raw" / "unlabelled" / "en.txt"), *TINY.split()])
    return folder


def options(inputs: Path, work: Path, *more: str) -> list[str]:
    return ["--data", str(inputs / "raw"), "--encoder", str(inputs / "enc"), "--work", str(work), *more]


def start(inputs: Path, work: Path, *more: str) -> subprocess.Popen:
    words = [sys.executable, str(STUDY / "run.py"), *options(inputs, work, "--only", "mini/*", *more)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=work.parent)


def finish(process: subprocess.Popen) -> tuple[int, str]:
    out, _ = process.communicate(timeout=280)
    return process.returncode, out


def scores(work: Path) -> dict[str, Any]:
    lines = [json.loads(line) for line in (work / "results.jsonl").read_text().splitlines()]
    return {line["run"]: (line["scores"], line["digests"]) for line in lines}


def scored(path: Path) -> dict[str, float]:
    """Scores in a file of ``xl-evaluate --json``."""
    (result,) = read_json(str(path))
    return {language: round(value, 4) for language, value in result.scores.items()}


@pytest.fixture(scope="module")
def whole(modules: Any, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which nothing was interrupted."""
    work = tmp_path_factory.mktemp("whole") / "work"
    assert modules["run"].main(options(inputs, work, "--only", "mini/*")) == 0
    return work


def test_a_line_for_every_run(whole: Path, inputs: Path) -> None:
    lines = [json.loads(line) for line in (whole / "results.jsonl").read_text().splitlines()]
    assert [line["run"] for line in lines] == ["mini/zero-shot-1", "mini/translate-train-1"]
    for line in lines:
        assert sorted(line["scores"]) == ["de", "en", "fr"] and line["updates"] == 40
        assert scored(whole / "results" / f"{line['run']}.json") == line["scores"]
        content = (whole / "results" / f"{line['run']}.json").read_text()
        assert f"$WORK/{line['run']}/checkpoint_best.pt" in content and str(whole) not in content
        system = line["run"]
        assert [path.name for path in (whole / system).glob("*.pt")] == ["checkpoint_best.pt"], "others are not read"
        assert list(line["seconds"]) == ["mini/encoder", "mini/data", system, f"{system}.score"]
        assert all(cost["wall"] > 0 and cost["cpu"] > 0 and cost["begun"] == 1 for cost in line["seconds"].values())
        assert line["versions"].keys() >= {"xl_plugins", "torch", "fairseq-fixed", "python", "numpy"}
        assert [words.split()[0] for words in line["commands"]] == [
            "xl-convert",
            "xl-prepare",
            "xl-train",
            "xl-evaluate",
        ]


@pytest.mark.slow
def test_the_commands_can_be_pasted(whole: Path, inputs: Path, tmp_path: Path, run_python: Any) -> None:
    """They give the same scores in a shell."""
    printed = run_python(STUDY / "run.py", *options(inputs, tmp_path, "--only", "mini/zero-shot-1", "--print"))
    assert printed.code == 0 and not list(tmp_path.iterdir())
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    (tmp_path / "mini").mkdir()
    subprocess.run(["bash", "-euc", printed.out], check=True, env=env, cwd=tmp_path, capture_output=True)
    assert scored(tmp_path / "mini" / "zero-shot-1.score.json") == scores(whole)["mini/zero-shot-1"][0]


def test_what_is_done_is_skipped(modules: Any, whole: Path, inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(whole)
    assert modules["run"].main(options(inputs, whole, "--only", "mini/*")) == 0
    assert capsys.readouterr().out == "" and tree(whole) == before
    assert modules["run"].main(options(inputs, whole, "--only", "mini/*", "--list")) == 0
    mean = sum(scores(whole)["mini/zero-shot-1"][0].values()) / 3
    assert f"mini/zero-shot-1: {mean:.1f} (mean of 3 languages)\n" in capsys.readouterr().out


def test_results_of_other_commands_are_refused(modules: Any, whole: Path, inputs: Path, tmp_path: Path) -> None:
    more = ["--only", "mini/*", "--train-options", "--clip-norm 2"]
    with pytest.raises(UserError) as caught:
        modules["run"].main(options(inputs, tmp_path / "work", "--results", str(whole), *more))
    assert str(caught.value) == (
        f"{whole}/results.jsonl: mini/zero-shot-1 comes from another version of its commands; give another --results,"
        " or remove its line"
    )
    with pytest.raises(UserError, match=f"{whole}: mini/zero-shot-1 was made by other commands; give another --work"):
        modules["run"].main(options(inputs, whole, "--results", str(tmp_path / "empty"), *more))


def test_a_failed_step_stops_what_needs_it(
    modules: Any, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    """Its whole chain, and nothing else."""
    runs = ["--only", "sick/translate-train-1,mini/zero-shot-1", "--train-options", "--lr -1"]
    assert modules["run"].main(options(inputs, tmp_path / "work", *runs)) == 1
    told = capsys.readouterr().err
    assert "error: sick/encoder: xl-convert ended with status 2" in told and "sick: no such file or folder" in told
    assert "error: mini/zero-shot-1: xl-train ended with status 2 (log: " in told
    assert "xl-train: error: --lr -1.0: expected at least 0" in told
    assert told.endswith("6 steps failed or could not begin\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "sick/none-*"], "--only: no run is named sick/none-*; --list shows them"),
        (["--data", "nowhere"], "--data nowhere: no such folder"),
        (["--encoder", "."], "--encoder model.pt: no such file"),
        (["--jobs", "0"], "--jobs: 0: expected a whole number from 1 to"),
    ],
)
def test_mistakes(modules: Any, inputs: Path, tmp_path: Path, words: list[str], message: str, capsys: Any) -> None:
    try:
        modules["run"].main(options(inputs, tmp_path / "work", *words))
    except UserError as error:
        told = str(error)
    except SystemExit:
        told = capsys.readouterr().err
    assert message in told and not (tmp_path / "work").exists()


def test_other_peoples_folders_and_files_stay(modules: Any, whole: Path, inputs: Path, tmp_path: Path) -> None:
    only = ["--only", "mini/zero-shot-1"]
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.tex").write_text("mine")
    kept = tmp_path / "results" / "results" / "mini" / "zero-shot-1.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(UserError, match="theirs: holds something else; choose a new or an empty folder"):
        modules["run"].main(options(inputs, tmp_path / "theirs", *only))
    assert tree(tmp_path) == before
    with pytest.raises(UserError, match=r"zero-shot-1\.json: xl-evaluate did not make it"):
        modules["run"].main(options(inputs, whole, "--results", str(tmp_path / "results"), *only))
    assert tree(tmp_path) == before


def test_a_report_is_not_written_over_something_else(modules: Any, tmp_path: Path) -> None:
    """Unless it is of a run in the results, or what a killed runner left: the same text."""
    steps = modules["steps"]
    workshop = steps.Workshop({"WORK": tmp_path / "work"}, 1)
    results, step = (
        modules["results"].Results(tmp_path / "out", tmp_path),
        steps.Step("lm/before", (("true", "$WORK/lm/before.json"),)),
    )
    kept, made = (tmp_path / folder / "lm/before.json" for folder in ("out/results", "work"))
    for path in (kept, made):
        path.parent.mkdir(parents=True)
    kept.write_text("mine")
    with pytest.raises(UserError, match=r"lm/before\.json: holds something else; choose another --results"):
        results.check_reports([step], workshop)
    made.write_text(f"{workshop.folders['WORK']}/x")
    with pytest.raises(UserError, match="holds something else"):
        results.check_reports([step], workshop)
    kept.write_text("$WORK/x")
    results.check_reports([step], workshop)
    kept.write_text("of an earlier run")
    results.lines["sick/salt-1"] = {"seconds": {"lm/before": {}}}
    results.check_reports([step], workshop)


def test_the_report(whole: Path, modules: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Results\n")
    modules["report"].main(["--results", str(whole), "--notes", str(tmp_path / "notes.md")])
    out = capsys.readouterr().out
    found = {run: values for run, (values, _) in scores(whole).items()}
    zero, translated = (found[f"mini/{system}-1"]["de"] for system in ("zero-shot", "translate-train"))
    assert out.startswith("# Results\n\n## mini\n") and f"| de | {zero:.1f} | {translated:.1f} |" in out
    assert "| zero-shot | 1 | 40 |" in out
    assert "## Language model" not in out
    with pytest.raises(UserError, match=r"holds no results\.jsonl"):
        modules["report"].main(["--results", str(tmp_path)])


def test_systems_are_compared_with_their_own_baseline(modules: Any) -> None:
    names = "xla-nl-1 salt zero-shot xla-0-ensemble salt-plain xtune1 xla-0 xla-nl-1-ensemble translate-train".split()
    found = {title: list(systems) for title, systems in modules["report"].families({name: [] for name in names})}
    assert found == {
        "": ["zero-shot", "xtune1", "translate-train"],
        "SALT": ["salt-plain", "salt"],
        "XLA, mean of three models": ["xla-0", "xla-nl-1"],
        "XLA, ensembles": ["xla-0-ensemble", "xla-nl-1-ensemble"],
    }


def test_reports_of_steps_are_kept_and_shown(
    modules: Any, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    """Losses of a language model, and what dictionaries say of its substitutes."""
    steps, results, work = modules["steps"], modules["results"], tmp_path / "work"
    losses = {"masked_lm": {"de": {"loss": 9.876, "right": 1.25}}, "path": f"{work}/x"}
    counts = {"de": {"counts": {"translated_above": {"1e-01": None, "1e-02": 0.25}}}, "en": {"counts": {}}}
    contents = {"lm/before": losses, "lm/after": losses, "sick/salt-counterparts": counts}
    scored = json.loads((whole / "mini/zero-shot-1.score.json").read_text())
    for name, content in {**contents, "sick/data/checksums": {}, "sick/salt-1.score": scored}.items():
        (work / f"{name}.json").parent.mkdir(parents=True, exist_ok=True)
        (work / f"{name}.json").write_text(json.dumps(content))
    data = steps.Step("sick/data", ())
    after = tuple(steps.Step(name, (("true", f"$WORK/{name}.json"),), (data,)) for name in contents)
    run = steps.Run("sick/salt-1.score", (), (data, *after), "sick", "salt", 1, 300)
    workshop = steps.Workshop({"DATA": tmp_path, "ENCODER": tmp_path, "WORK": work, "STUDY": STUDY}, 1)
    for step in (data, *after, run):
        workshop.carry_out(step)
    (tmp_path / "model.pt").write_bytes(b"")
    results.Results(tmp_path / "out", tmp_path).add(run, workshop)
    kept = json.loads((tmp_path / "out/results/lm/before.json").read_text())
    assert kept == {**losses, "path": "$WORK/x"}
    modules["report"].main(["--results", str(tmp_path / "out")])
    out = capsys.readouterr().out
    assert "| de | 9.88 | 9.88 | 1.2 | 1.2 |" in out
    assert "| sick: translations, %, above | 1e-01 | 1e-02 |\n|---|---:|---:|\n| de |  | 25.0 |" in out


def test_an_interrupt_ends_what_is_at_work(inputs: Path, tmp_path: Path) -> None:
    process = start(inputs, tmp_path / "work", "--only", "mini/zero-shot-1")
    assert process.stdout is not None
    while "mini/encoder ..." not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGTERM)
    status, out = finish(process)
    assert status == 130 and "Traceback" not in out
    assert not (tmp_path / "work" / "mini" / "encoder").exists()
    log = tmp_path / "work" / "logs" / "mini" / "encoder.log"
    assert not log.exists() or "Traceback" not in log.read_text()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_ten_instants(whole: Path, inputs: Path, tmp_path: Path) -> None:
    """Killed at random, with all it has started, the runner ends with the table of the uninterrupted run."""
    work, draw = tmp_path / "work", random.Random(7)
    for _ in range(10):
        process = start(inputs, work)
        time.sleep(draw.uniform(0.5, 9))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        time.sleep(0.5)  # its children end
    status, out = finish(start(inputs, work))
    assert status == 0, out
    assert scores(work) == scores(whole)
