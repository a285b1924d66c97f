"""XTREME's table over tasks."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest

from xl_plugins.datasets import XTREME
from xl_plugins.errors import UserError
from xl_plugins.evaluation.metrics.benchmark import find_metric, tagging_metric
from xl_plugins.evaluation.report.overall import overall_table, read_systems
from xl_plugins.evaluation.report.result import Result, to_json
from xl_plugins.evaluation.report.table import render


def test_official_tasks() -> None:
    """XTREME, table 1: nine tasks in this order, so many languages each."""
    sizes = {name: len(task.languages) for name, task in XTREME.items()}
    assert sizes == {
        "xnli": 15, "pawsx": 7, "udpos": 33, "panx": 40, "xquad": 11, "mlqa": 7, "tydiqa": 9, "bucc2018": 4,
        "tatoeba": 36,
    }  # fmt: skip
    assert list(sizes) == ["xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba"]
    assert all(len(set(task.languages)) == len(task.languages) for task in XTREME.values())
    assert {"kk", "th", "tl", "yo", "ko", "hu"} <= set(XTREME["udpos"].languages)
    assert "en" not in XTREME["tatoeba"].languages + XTREME["bucc2018"].languages


def test_metrics_of_data_sets() -> None:
    assert find_metric("udpos", "tagging", ["O", "NOUN"]) == "chunk_f1"
    assert find_metric("own", "tagging", ["O", "B-PER", "I-PER"]) == tagging_metric(["B-X", "O"]) == "span_f1"
    assert find_metric("own", "tagging", ["NOUN", "X"]) == find_metric("own", "tagging", ["NN", "IN"]) == "chunk_f1"
    for labels in ("O ORG PER", "O B I", "O B-X L-X U-X", "B-X I-X", "B-art-other O"):
        assert tagging_metric(labels.split()) == "span_f1"
    assert find_metric("own", "qa") == find_metric("mlqa", "qa") == "qa"
    assert find_metric("sick") == find_metric("xquad", "sentence_pair") == "accuracy"


def write(path: Path, task: str, metric: str, split: str = "test", seeds: int = 1, **totals: tuple) -> str:
    results = []
    for seed in range(seeds):
        examples = {lang: np.array([values], dtype=float) for lang, values in totals.items()}
        for values in examples.values():
            values[0, 0] += seed
        results.append(Result.of_examples(path.stem, task, split, "en", metric, examples))
    path.write_text(to_json(results))
    return str(path)


@pytest.fixture
def files(tmp_path) -> dict[str, str]:
    return {
        "qa": write(tmp_path / "q.json", "xquad", "qa", en=(6, 8.0, 10), de=(4, 6.0, 10)),
        "pairs": write(tmp_path / "p.json", "pawsx", "accuracy", en=(90, 100), de=(80, 100)),
        "tags": write(tmp_path / "t.json", "panx", "span_f1", en=(10, 10, 8, 30, 40), de=(10, 10, 6, 30, 40)),
        "mined": write(tmp_path / "b.json", "bucc2018", "set_f1", de=(10, 10, 9)),
    }


def lines(words: list[str]) -> tuple[list[str], list[str]]:
    table, out = overall_table(read_systems(words)), io.StringIO()
    render(table, "tsv", out)
    return out.getvalue().splitlines(), table.notes


def test_one_system(files) -> None:
    """Averages 85, 70, 60 and 90; gaps 10, 20 and, of exact match, 20; retrieval has none."""
    rows, notes = lines(list(files.values()))
    assert rows == [
        "task\tlanguages\tscore\twithout source\tgap",
        "PAWS-X\t2 of 7\t85.0\t80.0\t10.0",
        "PAN-X\t2 of 40\t70.0\t60.0\t20.0",
        "XQuAD\t2 of 11\t60.0\t50.0\t20.0",
        "BUCC\t1 of 4\t90.0\t90.0\t-",
        "mean over tasks\t\t76.2\t70.0\t16.7",
    ]
    assert notes[0] == (
        "XTREME's overall score is over 9 tasks; this one is over 4, without XNLI, UDPOS, MLQA, TyDiQA-GoldP, Tatoeba"
    )
    assert notes[1] == "score of questions: mean of exact match and F1; their gap: of exact match"
    assert notes[2] == "XTREME's pawsx average is over 7 languages; this one is over 2, without es, fr, ja, ko, zh"


def test_systems_with_different_tasks_and_seeds(files, tmp_path) -> None:
    """The mean over tasks is over those that all systems have."""
    seeds = write(tmp_path / "s.json", "pawsx", "accuracy", seeds=3, en=(90, 100), de=(84, 100), fr=(50, 100))
    rows, notes = lines([f"a={files['pairs']}", f"a={files['tags']}", f"b={seeds}"])
    assert rows[0] == "task\tlanguages\ta\ta without source\ta gap\tb\tb without source\tb gap"
    assert rows[1] == "PAWS-X\t2 of 7\t85.0\t80.0\t10.0\t88.0 ± 1.0\t85.0 ± 1.0\t6.0 ± 0.0"
    assert rows[2] == "PAN-X\t2 of 40\t70.0\t60.0\t20.0\t-\t-\t-"
    assert rows[3] == "mean over tasks\t\t85.0\t80.0\t10.0\t88.0\t85.0\t6.0"
    assert notes[0] == "b has no PAN-X; mean over tasks without it"


def test_other_data_sets_are_counted_and_named(files, tmp_path) -> None:
    own = write(tmp_path / "o.json", "sick", "accuracy", en=(50, 100))
    rows, notes = lines([own, files["pairs"]])
    assert [row.split("\t")[0] for row in rows[1:]] == ["PAWS-X", "sick", "mean over tasks"]
    assert "no task of XTREME, but counted: sick" in notes


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["{pairs}", "{pairs}"], "are both of task pawsx; write NAME=FILE"),
        (["a={pairs}", "a={pairs}"], "are both of task pawsx and system a"),
        (["a={pairs}", "{tags}"], "has no system's name, others have"),
        (["{pairs}", "{dev}"], "results of different splits (test, valid)"),
    ],
)
def test_what_is_refused(files, tmp_path, words, reason) -> None:
    files["dev"] = write(tmp_path / "d.json", "panx", "span_f1", "valid", en=(10, 10, 8, 30, 40))
    with pytest.raises(UserError) as caught:
        read_systems([word.format(**files) for word in words])
    assert reason in str(caught.value)


def test_a_path_with_an_equals_sign(files, tmp_path) -> None:
    path = tmp_path / "x=y.json"
    path.write_text(Path(files["pairs"]).read_text())
    assert list(read_systems([str(path)])) == [""]
    assert list(read_systems([f"a={path}"])) == ["a"]


def test_no_figure_at_all(files) -> None:
    assert lines([files["mined"]])[0][-1] == "mean over tasks\t\t90.0\t90.0\t-"
    assert math.isnan(Result("x", "bucc", "test", "en", {"de": (1, 1)}).summary()["transfer_gap"])
