"""xl-evaluate on results of earlier runs: systems side by side, and XTREME's table over tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from xl_plugins.cli.evaluate import main
from xl_plugins.errors import UserError
from xl_plugins.evaluation.report.result import Result, to_json
from xl_plugins.functional.scores.metrics import METRICS


def run(*args: object) -> int:
    return main([str(arg) for arg in args])


def write(path: Path, task: str, metric: str, **counts: tuple) -> Path:
    path.write_text(to_json([Result(path.stem, task, "test", "en", counts, metric=METRICS[metric])]))
    return path


def test_compare_three_systems(tmp_path, capsys):
    for name, hits in (("plain", 30), ("translate-train", 60), ("xmixup", 66)):
        result = Result(name, "mini", "test", "en", {"en": (70, 100), "de": (hits, 100)})
        (tmp_path / f"{name}.json").write_text(to_json([result]))
    files = [tmp_path / f"{name}.json" for name in ("plain", "translate-train", "xmixup")]
    run("--compare", *files, "--format", "tsv")
    assert capsys.readouterr().out.splitlines() == [
        "language\tplain\ttranslate-train\txmixup", "en\t70.0\t70.0\t70.0", "de\t30.0\t60.0\t66.0",
        "mean\t50.0\t65.0\t68.0", "mean without en\t30.0\t60.0\t66.0", "transfer gap (en - others)\t40.0\t10.0\t4.0",
    ]  # fmt: skip
    run("--compare", *files, "--names", "a,b,c", "--format", "markdown")
    assert "| language | a | b | c |" in capsys.readouterr().out


def test_several_figures_of_each_system(tmp_path, capsys):
    a = write(tmp_path / "a.json", "xquad", "qa", en=(6, 8.0, 10), de=(4, 6.0, 10))
    b = write(tmp_path / "b.json", "xquad", "qa", en=(6, 8.0, 10), de=(5, 6.0, 10))
    run("--compare", a, b, "--format", "tsv")
    assert capsys.readouterr().out.splitlines() == [
        "language\ta avg\ta EM\ta F1\tb avg\tb EM\tb F1",
        "en\t70.0\t60.0\t80.0\t70.0\t60.0\t80.0",
        "de\t50.0\t40.0\t60.0\t55.0\t50.0\t60.0",
        "mean\t60.0\t50.0\t70.0\t62.5\t55.0\t70.0",
        "mean without en\t50.0\t40.0\t60.0\t55.0\t50.0\t60.0",
        "transfer gap (en - others)\t20.0\t20.0\t20.0\t15.0\t10.0\t20.0",
    ]


def test_scores_of_different_kinds_do_not_compare(tmp_path):
    a = write(tmp_path / "a.json", "own", "span_f1", en=(9, 9, 9, 9, 9))
    b = write(tmp_path / "b.json", "own", "accuracy", en=(9, 9))
    with pytest.raises(UserError, match="one is scored by span F1, the other by accuracy"):
        run("--compare", a, b)
    c = write(tmp_path / "c.json", "own", "span_f1", en=(8, 9, 8, 9, 9))
    with pytest.raises(UserError, match="9 and 8 gold spans or pairs of en, so they were scored on different files"):
        run("--compare", a, c)


def test_overall_table(tmp_path, capsys):
    pairs = write(tmp_path / "a.json", "xnli", "accuracy", en=(8, 10), de=(6, 10))
    tags = write(tmp_path / "b.json", "panx", "span_f1", en=(9, 9, 9, 9, 9))
    assert run("--overall", pairs, tags) == 0
    printed = capsys.readouterr().out
    assert "XNLI" in printed and "PAN-X" in printed and "1 of 40" in printed and "mean over tasks" in printed
    assert "XTREME's overall score is over 9 tasks; this one is over 2, without PAWS-X, UDPOS, XQuAD" in printed
    run("--overall", f"a={pairs}", f"b={tags}", "--format", "tsv")
    assert capsys.readouterr().out.splitlines()[-1] == "mean over tasks\t" + "\t-" * 6
