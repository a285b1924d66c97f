"""SQuAD 2 from the raw file to scores through the real commands: prepare, train two updates, evaluate, predict."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from user_dir_tests.conftest import made_up_text
from user_dir_tests.helpers.prepare.runs import run
from user_dir_tests.helpers.running.training import load, train_here, words
from user_dir_tests.helpers.toys.tiny import build
from xl_plugins.cli import evaluate, predict
from xl_plugins.errors import UserError
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.problems.predicting import build_datasets, predict_values

TASKS = ["xl_qa", "xmixup_qa"]
SHAPE = {"max_length": 32, "doc_stride": 9, "max_question_length": 9}


def content(count: int, seed: int) -> list[dict[str, Any]]:
    """Rows as the hub has them; every third question has no answer."""
    lines = made_up_text(5 * count, seed)
    rows = []
    for number in range(count):
        context = " ".join(lines[4 * number : 4 * number + 1 + number % 3])
        word = context.split()[-1]
        answers = {"text": [word], "answer_start": [context.rindex(word)]}
        if number % 3 == 2:
            answers = {"text": [], "answer_start": []}
        asked = {"id": f"q{number}", "question": lines[4 * count + number][:20], "context": context}
        rows.append({**asked, "answers": answers})
    return rows


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    for seed, (name, count) in enumerate({"train": 12, "valid": 9, "test": 9}.items()):
        for code in ("en", "de"):
            rows = content(count, 2 * seed + (code == "de"))
            (folder / f"{name}-{code}.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def data(raw: Path, tmp_path_factory: pytest.TempPathFactory, tiny_spm: Any) -> Path:
    dest = tmp_path_factory.mktemp("bin") / "squad2"
    files = [word for split in ("train", "valid", "test") for word in (f"--{split}", f"{raw}/{split}-{{lang}}.json")]
    views = [f"--back-translation=de={raw}/train-en.json", f"--translate-dev=de={raw}/valid-en.json",
             f"--translate-test=de={raw}/test-en.json"]  # fmt: skip
    run(tiny_spm, "squad", dest, *files, "--languages", "en,de", *views, "--with-unanswerable")
    return dest


@pytest.fixture(scope="module", params=TASKS)
def trained(request: Any, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    options = {**SHAPE, "encoder_layers": 2, "batch_size": 8, "update_freq": 1, "lr": 1e-3, "max_update": 2}
    if request.param == "xmixup_qa":
        options |= {"mixup_layer": 1}
    with pytest.MonkeyPatch.context() as patch:
        train_here(patch, words(data, folder, request.param, train_languages="all", **options))
    return folder / "checkpoint_best.pt"


def figures(checkpoint: Path, data: Path, out: Path, *options: object) -> dict[str, Any]:
    words = [data, "--path", checkpoint, "--json", out, "--overwrite", "--device", "cpu", *options]
    assert evaluate.main([str(word) for word in words]) == 0
    return json.loads(out.read_text(encoding="utf-8"))


def test_training_points_at_the_beginning(data: Path) -> None:
    setup = build(data, "xl_qa", **SHAPE, train_languages="en")
    setup.task.load_dataset("train")
    dataset = setup.task.datasets["train"]
    part = dataset.parts[0]
    targets = dataset.collater([dataset[i] for i in range(len(dataset))])["target"].numpy()
    none = part.question % 3 == 2
    assert none.sum() >= 4 and (targets[none] == 0).all()
    answered = np.unique(part.question[(targets > 0).all(axis=1)])
    assert set(answered) == {row for row in range(12) if row % 3 != 2}


def test_scores_and_thresholds(trained: Path, data: Path, tmp_path: Path, capsys: Any) -> None:
    assert load(trained)["task_state"]["unanswerable"] is True
    found = {threshold: figures(trained, data, tmp_path / "r.json", f"--null-threshold={threshold}", "--output",
                                tmp_path / f"out{threshold}")
             for threshold in ("-inf", "0", "inf")}  # fmt: skip
    assert all(result["metric"] == "squad2" for result in found.values())
    for code in ("en", "de"):
        never, always = (found[threshold]["languages"][code] for threshold in ("inf", "-inf"))
        assert (never["has_answer"], never["no_answer"], never["questions"]) == (6, 3, 9)
        assert never["no_em"] == never["no_f1"] == 0 and always["no_em"] == always["no_f1"] == 100
        assert always["has_em"] == 0 and always["em"] == pytest.approx(100 / 3)
        folder = tmp_path / "outinf" / "squad"
        assert all(json.loads((folder / f"test-{code}.json").read_text()).values())
        assert set(json.loads((tmp_path / "out-inf" / "squad" / f"test-{code}.json").read_text()).values()) == {""}
    assert "no answer where its score is more than 0 above the best answer's" in found["0"]["inference"]["description"]
    assert figures(trained, data, tmp_path / "r.json")["languages"] == found["0"]["languages"]
    assert "HasAns EM" in capsys.readouterr().out
    # the files, scored by themselves against the raw gold, give the same
    gold = tmp_path / "gold"
    gold.mkdir()
    for code in ("en", "de"):
        (gold / f"test-{code}.json").write_bytes(raw_test(code))
    options = ["--predictions", tmp_path / "out0", "--labels", gold, "--task", "squad", "--metric", "squad2"]
    assert evaluate.main([*map(str, options), "--json", str(tmp_path / "f.json")]) == 0
    again = json.loads((tmp_path / "f.json").read_text())["languages"]
    assert {code: entry["f1"] for code, entry in again.items()} == {
        code: entry["f1"] for code, entry in found["0"]["languages"].items()
    }


def raw_test(code: str) -> bytes:
    return json.dumps(content(9, 4 + (code == "de"))).encode()


def test_no_answer_where_its_logits_are_higher(trained: Path, data: Path) -> None:
    """The rule of the official recipe from the logits: least null score of the windows against the best span."""
    tuned = load_fine_tuned(str(trained), str(data), device="cpu")
    problem = tuned.task.problem
    dataset = build_datasets(tuned, "test", ["en"])["en"]
    values, sizes = predict_values(tuned, dataset, 4)
    target = dataset.parts[0].target
    assert (target.window_counts > 1).sum() > 2
    answers = problem.answers(dataset, values)
    starts = np.cumsum(sizes) - sizes
    margins = []
    for row, (text, _, score) in enumerate(answers):
        rest, nulls, spans = values[starts[row] : starts[row] + sizes[row]], [], []
        for number in range(int(target.window_counts[row])):
            _, length = target.window(row, number)
            window, rest = rest[: length + 1], rest[length + 1 :]
            nulls.append(np.log(window[0, 0]) + np.log(window[0, 1]))
            spans += [
                np.log(window[i, 0]) + np.log(window[j, 1]) for i in range(1, length + 1) for j in range(i, length + 1)
            ]
        assert len(rest) == 0
        margins.append(min(nulls) - max(spans))
        if text == "":
            assert score == pytest.approx(min(nulls), abs=1e-4)
    # spans that the rule of most context forbids can only be worse
    assert all(text == "" for (text, *_), margin in zip(answers, margins) if margin > 0)
    middle = float(np.median(margins))
    problem.cfg.null_threshold = -math.inf
    assert {text for text, *_ in problem.answers(dataset, values)} == {""}
    problem.cfg.null_threshold = middle + 100
    assert all(text for text, *_ in problem.answers(dataset, values))


def test_predict_says_no_answer(trained: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    rows = [{**row, "source_question": row["question"], "source_context": row["context"]} for row in content(3, 9)]
    if load(trained)["cfg"]["task"]["_name"] == "xl_qa":
        rows = content(3, 9)
    for threshold, empty in (("inf", False), ("-inf", True)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
        words = ["--path", str(trained), "--data", str(data), "--device", "cpu", f"--null-threshold={threshold}"]
        assert predict.main(words) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line["answer"] == "" for line in lines] == [empty] * 3
        assert all(0 <= line["score"] <= 1 and (line["start"] == line["end"]) == empty for line in lines)


def test_a_checkpoint_without_them_always_answers(
    data: Path, raw: Path, tmp_path: Path, tiny_spm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tmp_path / "plain"
    run(tiny_spm, "squad", plain, "--train", f"en={raw}/train-en.json", "--test", f"en={raw}/test-en.json")
    options = {**SHAPE, "encoder_layers": 2, "batch_size": 8, "update_freq": 1, "lr": 1e-3, "max_update": 1}
    train_here(monkeypatch, words(plain, tmp_path / "run", "xl_qa", **options, disable_validation=True))
    checkpoint = tmp_path / "run/checkpoint_last.pt"
    assert load(checkpoint)["task_state"]["unanswerable"] is False
    assert figures(checkpoint, plain, tmp_path / "r.json")["metric"] == "qa"
    found = figures(checkpoint, data, tmp_path / "r.json")
    assert found["metric"] == "squad2" and found["languages"]["en"]["no_em"] == 0
    assert "always an answer, as trained" in found["inference"]["description"]
    with pytest.raises(UserError, match=r"--null-threshold: .* was trained without unanswerable questions"):
        figures(checkpoint, data, tmp_path / "r.json", "--null-threshold", "1")


def test_views_of_a_question_without_answer(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """xTune changes any word of a context without answer, and x and x' point at the beginning."""
    changed = {"augment": "ss", "second_view": "ss", "ss_ratio": 0.9, "train_languages": "en", **SHAPE}
    setup = build(data, "xl_qa", criterion="xtune_criterion", r1_weight=1, **changed)
    setup.task.load_dataset("train")
    dataset = setup.task.datasets["train"]
    batch = dataset.collater([dataset[i] for i in range(len(dataset))])
    found = batch["target"].numpy()
    part = dataset.dataset.parts[0] if hasattr(dataset, "dataset") else dataset.parts[0]
    none = part.question % 3 == 2
    units = batch["id"].numpy() % len(part)
    assert (found[none[units]] == 0).all() and (found[~none[units]] > 0).any()
    options = {"encoder_layers": 2, "batch_size": 8, "update_freq": 1, "lr": 1e-3, "max_update": 1, "r1_weight": 1}
    options |= {"criterion": "xtune_criterion", "warmup_ratio": 0.1, "disable_validation": True}
    train_here(monkeypatch, words(data, tmp_path / "run", "xl_qa", **changed, **options))
    state = load(tmp_path / "run/checkpoint_last.pt")
    assert all(value.isfinite().all() for value in state["model"].values())
