"""xl-report from the command line: real results, forms, mistakes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from user_dir_tests.helpers.evaluation.reported import start, train, write_log, write_matrix, write_result
from user_dir_tests.helpers.folders import tree
from xl_plugins.cli import report
from xl_plugins.errors import UserError

STUDY = Path(__file__).resolve().parents[3] / "examples" / "experiments" / "study" / "results" / "sick"


def scores(name: str) -> dict[str, float]:
    content = json.loads((STUDY / f"{name}.json").read_text())
    return {language: entry["accuracy"] for language, entry in content["languages"].items()}


def test_the_numbers_of_a_real_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three systems of the study: every score and mean in the page is that of their files."""
    names = ("zero-shot-1", "xmixup-1", "salt-1")
    out = tmp_path / "report.html"
    assert report.main([*(str(STUDY / f"{name}.json") for name in names), "-o", str(out), "--resamples", "200"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and re.fullmatch(r".*report\.html: \d+ KiB\n", captured.err)
    page = out.read_text(encoding="utf-8")
    shown = [float(value) for value in re.findall(r'<td data-v="([\d.]+)">', page)]
    for name in names:
        values = scores(name)
        assert all(round(value, 4) in shown for value in values.values())
        assert round(sum(values.values()) / len(values), 4) in shown
        assert round(values["en"] - (values["nl"] + values["pt"]) / 2, 4) in shown
    assert page.count("source-dev over en") >= 2 and "xl-report" in page


def test_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [str(STUDY / f"{name}.json") for name in ("zero-shot-1", "xmixup-1")]
    words = ["--names", "plain,X-Mixup", "--baseline", "X-Mixup", "--resamples", "200"]
    assert report.main([*runs, *words, "--format", "markdown"]) == 0
    text = capsys.readouterr().out
    plain, mixed = scores("zero-shot-1"), scores("xmixup-1")
    (line,) = (line for line in text.splitlines() if line.startswith("| plain"))
    assert f"| **{plain['en']:.1f}** " in line and f"| {plain['nl']:.1f} ▼ |" in line
    assert f"**{mixed['nl']:.1f}**" in text and "▲ above X-Mixup" in text
    assert report.main([*runs, *words, "--format", "latex"]) == 0
    assert capsys.readouterr().out.startswith("% made by xl-report of xl_plugins ")


def test_the_same_words_make_the_same_page(tmp_path: Path) -> None:
    runs = [write_result(tmp_path / "a.json", {"en": 80, "de": 60}), write_log(tmp_path / "r", start(), train(10, 1.0))]
    words = [*runs, "-o", str(tmp_path / "x.html"), "--overwrite"]
    report.main(words)
    first = (tmp_path / "x.html").read_bytes()
    report.main(words)
    assert (tmp_path / "x.html").read_bytes() == first


def test_runs_without_scores(tmp_path: Path) -> None:
    """A page of learning curves alone, and of a matrix; some runs lack logs."""
    runs = [write_log(tmp_path / "r", start(), train(10, 1.0)), write_matrix(tmp_path / "m.json", ["de", "en"])]
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "checkpoint_last.pt").touch()
    assert report.main([*runs, str(tmp_path / "s"), "-o", str(tmp_path / "x.html")]) == 0
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert page.count("<polyline") + page.count("<circle") == 2 and "Heat map of m, 2 by 2 languages" in page
    assert "<td>none</td>" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.json"], r"-o: not given; name the page to make, such as -o report\.html"),
        (["a.json", "-o", "x", "--baseline", "b"], "--baseline b: no system has this name; choose one of a"),
        (["r", "-o", "x", "--baseline", "r"], "--baseline: no RUN has scores to compare"),
        (["r", "--format", "latex"], "--format latex makes tables of scores; give files of xl-evaluate --json"),
        (["a.json", "-o", "x", "--analysis", "r"], r"--analysis r: holds no analysis\.json"),
        (["a.json", "-o", "r"], "r: is a folder; choose another output"),
        (["a.json", "c.json", "-o", "x"], "a and c do not compare: .*they were scored on different files"),
        (["a.json", "gone.json", "-o", "x"], "gone.json: no such file or folder"),
        (["broken", "-o", "x"], r"broken/log\.jsonl:1: expected an event of a training log"),
    ],
)
def test_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_result(tmp_path / "a.json", {"en": 80, "de": 60})
    write_result(tmp_path / "c.json", {"en": 80}, rows=100)
    write_log(tmp_path / "r", start(), train(10, 1.0))
    write_log(tmp_path / "broken", {"event": "train"}, train(10, 1.0))
    before = tree(tmp_path)
    with pytest.raises(UserError, match=message):
        report.main(words)
    assert tree(tmp_path) == before, "nothing half-written is left"


def test_resamples_have_a_range(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        report.main(["a.json", "--resamples", "-1"])
    assert "--resamples: -1: expected a whole number from 0 to 1000000" in capsys.readouterr().err
