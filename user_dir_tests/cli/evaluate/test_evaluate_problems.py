"""xl-evaluate on tagging, questions and retrieval: gold comes back as 100, files are those of XTREME's contract."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq.data.indexed_dataset import MMapIndexedDataset

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.toys.toy import VOCABULARY, make_data, write_rows
from user_dir_tests.helpers.toys.toy_positions import TAGS, make_qa, make_tagging
from xl_plugins.cli.evaluate import main
from xl_plugins.data.binary.rows import Rows
from xl_plugins.data.training.tagging import NO_LABEL
from xl_plugins.errors import UserError
from xl_plugins.evaluation.report.result import read_json
from xl_plugins.tasks.base import XLTask

TYPES = VOCABULARY + 4
SURE = 50.0  # a logit that leaves no doubt


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict[str, Path]:
    """Sentences of up to 19 words and contexts of up to 60 pieces, cut at 32 positions."""
    root = tmp_path_factory.mktemp("data")
    tags = make_tagging(root / "tags", test=40, longest=20)
    questions = make_qa(root / "questions", test=40, longest=60)
    return {"tagging": tags, "qa": questions, "pairs": make_data(root / "pairs", test=20)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory, data) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for problem in ("tagging", "qa"):
        for method in ("xl", "xmixup"):
            windows = {"doc_stride": 8, "max_question_length": 6} if problem == "qa" else {}
            for seed in (1, 2):
                path = folder / f"{method}-{problem}-{seed}" / "checkpoint_best.pt"
                layer = {"mixup_layer": 2} if method == "xmixup" else {}
                options = {"max_length": 32, "seed": seed, **windows, **layer}
                save_checkpoint(path, data[problem], f"{method}_{problem}", weights=seed, **options)
    save_checkpoint(folder / "pairs" / "checkpoint_best.pt", data["pairs"], "xl_sentence_pair")
    return folder


def run(*args: object) -> int:
    return main([str(arg) for arg in args])


def error(*args: object) -> str:
    with pytest.raises(UserError) as caught:
        run(*args)
    return str(caught.value)


def table(text: str) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in (line.split("\t") for line in text.splitlines())}


@pytest.fixture
def gold_predicted(monkeypatch) -> None:
    """Models that are sure of the gold labels of every row they see, whatever its chunk or window."""

    def predict(self: XLTask, model: Any, sample: dict) -> Any:
        target = sample["target"]
        rows, width = sample["net_input"]["src_tokens"].shape
        if self.problem.name == "tagging":
            output = torch.zeros(rows, target.size(1), len(self.problem.labels))
            output.scatter_(2, target.clamp(min=0)[..., None], SURE)
            assert bool((target[:, 0] != NO_LABEL).all())
        else:
            output = torch.zeros(rows, width, 2)
            inside = (target[:, 0] > 0).nonzero()[:, 0]
            for side in (0, 1):
                output[inside, target[inside, side], side] = SURE
        return self.problem.values(output, sample)

    monkeypatch.setattr(XLTask, "predict", predict)


def test_the_tag_scheme_is_told_and_may_be_chosen(runs, data, tmp_path, gold_predicted, capsys):
    counts = []
    for number, options in enumerate(([], ["--tag-scheme", "iob"], ["--tag-scheme", "io"])):
        path = runs / "xl-tagging-1" / "checkpoint_best.pt"
        run(data["tagging"], "--path", path, "--json", tmp_path / f"{number}.json", *options)
        shown = ["tags: XTREME's rules", "tags: IOB", "tags: types without prefixes"][number]
        assert shown in capsys.readouterr().out
        result = read_json(str(tmp_path / f"{number}.json"))[0]
        assert f"tags: {result.provenance['tag_scheme']}".startswith(shown)
        counts.append(result.counts["en"])
    assert counts[0] == counts[1]
    assert counts[0][0] != counts[2][0] and counts[0][3:] == counts[2][3:]  # B-X I-X are two types


@pytest.mark.parametrize(("problem", "figures"), [("tagging", ["f1"]), ("qa", ["avg", "em", "f1"])])
@pytest.mark.parametrize("batch", [["--batch-size", 7], ["--max-tokens", 700]])
def test_gold_through_the_whole_path_is_a_hundred(runs, data, tmp_path, gold_predicted, problem, figures, batch):
    path, file = runs / f"xl-{problem}-1" / "checkpoint_best.pt", tmp_path / "r.json"
    assert run(data[problem], "--path", path, "--json", file, "--format", "tsv", *batch) == 0
    result = read_json(str(file))[0]
    for figure in figures:
        assert result.figures(figure) == {"en": 100.0, "de": 100.0, "fr": 100.0}
    assert result.summary()["transfer_gap"] == 0.0


def test_tagging(runs, data, tmp_path, capsys):
    """The files score the same when read back, token by token in XTREME's layout."""
    out, path = tmp_path / "out", runs / "xl-tagging-1" / "checkpoint_best.pt"
    run(data["tagging"], "--path", path, "--output", out, "--json", tmp_path / "r.json", "--format", "tsv")
    printed = table(capsys.readouterr().out)
    assert printed["language"] == ["words", "F1"]
    result = read_json(str(tmp_path / "r.json"))[0]
    assert result.metric.name == "span_f1" and set(result.counts) == {"en", "de", "fr"}
    for lang, counters in result.examples.items():
        assert counters.shape == (40, 5)
        lines = (out / "panx" / f"test-{lang}.tsv").read_text().split("\n")
        assert lines.count("") == 41 and len(lines) == counters[:, 4].sum() + 41
    for lang in ("en", "de", "fr"):
        rows = np.split(_labels(data["tagging"], lang), np.cumsum(result.examples[lang][:, 4].astype(int))[:-1])
        gold = tmp_path / "gold" / f"test-{lang}.tsv"
        gold.parent.mkdir(exist_ok=True)
        gold.write_text("\n".join("".join(f"w\t{TAGS[i]}\n" for i in row) for row in rows))
    run("--predictions", out, "--labels", tmp_path / "gold", "--task", "panx", "--format", "tsv")
    again = table(capsys.readouterr().out)
    assert again == printed


def _labels(root: Path, language: str) -> np.ndarray:
    """Label of every word of the test set."""
    rows = MMapIndexedDataset(str(root / language / "label" / "test"))
    return np.concatenate([rows[i].numpy()[:-1] for i in range(len(rows))]) - 4


def test_questions(runs, data, tmp_path, capsys):
    out, path = tmp_path / "out", runs / "xl-qa-1" / "checkpoint_best.pt"
    run(data["qa"], "--path", path, "--output", out, "--json", tmp_path / "r.json", "--format", "tsv")
    printed = table(capsys.readouterr().out)
    assert printed["language"] == ["questions", "avg", "EM", "F1"] and printed["de"][0] == "40"
    result = read_json(str(tmp_path / "r.json"))[0]
    assert result.provenance["answers"] == "squad" and result.examples["de"].shape == (40, 3)
    gold = tmp_path / "gold"
    gold.mkdir()
    for lang in ("en", "de", "fr"):
        answers = json.loads((out / "xquad" / f"test-{lang}.json").read_text())
        assert list(answers) == [f"q{row}" for row in range(40)]
        assert all(word.startswith("w") for text in answers.values() for word in text.split())
        questions = [json.loads(text) for text in _texts(data["qa"] / lang / "answers" / "test")]
        for question in questions:
            question["answers"] = [{"text": text, "answer_start": 0} for text in question["answers"]]
        content = {"data": [{"paragraphs": [{"context": "", "qas": questions}]}]}
        (gold / f"xquad.{lang}.json").write_text(json.dumps(content))
    run("--predictions", out, "--labels", gold, "--task", "xquad", "--format", "tsv")
    assert table(capsys.readouterr().out) == printed
    some = json.loads((out / "xquad" / "test-de.json").read_text())
    del some["q3"], some["q4"]
    (out / "xquad" / "test-de.json").write_text(json.dumps(some))
    run("--predictions", out, "--labels", gold, "--task", "xquad", "--json", tmp_path / "again.json")
    assert "warning: de: 2 of 40 questions have no prediction and score 0" in capsys.readouterr().err
    assert read_json(str(tmp_path / "again.json"))[0].unanswered == {"de": 2}


def _texts(prefix: Path) -> list[str]:
    rows = Rows(str(prefix), np.uint8)
    return [rows.text(i) for i in range(len(rows))]


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_mixup_checkpoints_with_and_without_mixup(runs, data, tmp_path, capsys, problem):
    path = runs / f"xmixup-{problem}-1" / "checkpoint_best.pt"
    found = {}
    for name, option in (("with", []), ("without", ["--no-mixup-inference"])):
        run(data[problem], "--path", path, "--output", tmp_path / name, "--json", tmp_path / f"{name}.json", *option)
        found[name] = read_json(str(tmp_path / f"{name}.json"))[0]
    modes = [result.provenance["inference"]["mode"] for result in found.values()]
    assert modes == ["mixup", "no-mixup-inference"]
    files = [sorted((tmp_path / name).rglob("test-de.*")) for name in found]
    assert files[0][0].read_text() != files[1][0].read_text()


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_seeds_and_ensemble(runs, data, tmp_path, capsys, problem):
    paths = [runs / f"xl-{problem}-{seed}" / "checkpoint_best.pt" for seed in (1, 2)]
    run(data[problem], "--path", *paths, "--json", tmp_path / "seeds.json", "--format", "tsv")
    header = capsys.readouterr().out.splitlines()[0].split("\t")
    extra = ["EM", "F1"] if problem == "qa" else []
    assert header == ["language", f"xl-{problem}-1", f"xl-{problem}-2", "mean", "sd", *extra]
    run(data[problem], "--path", *paths, "--ensemble", "--json", tmp_path / "both.json", "--format", "tsv")
    result = read_json(str(tmp_path / "both.json"))[0]
    assert result.provenance["ensemble"] == 2 and result.provenance["checkpoint"] == [str(p) for p in paths]
    assert [made["seed"] for made in result.provenance["training"]] == [1, 2]
    run(data[problem], "--path", paths[0], runs / f"xmixup-{problem}-1" / "checkpoint_best.pt", "--ensemble")
    assert "ensemble" in capsys.readouterr().out


def test_windows_of_an_ensemble_must_be_the_same(runs, data, tmp_path):
    other = tmp_path / "other" / "checkpoint_best.pt"
    save_checkpoint(other, data["qa"], "xl_qa", max_length=28, doc_stride=8, max_question_length=6)
    message = error(data["qa"], "--path", runs / "xl-qa-1" / "checkpoint_best.pt", other, "--ensemble")
    assert "cut the texts of en differently" in message and "--doc-stride" in message


def test_data_of_another_problem(runs, data):
    message = error(data["qa"], "--path", runs / "xl-tagging-1" / "checkpoint_best.pt")
    assert "the data is for problem 'qa', this task is for 'tagging'" in message
    message = error(data["qa"], "--path", runs / "xl-qa-1" / "checkpoint_best.pt", "--generalised")
    assert "--generalised is for sentence pairs, the data is for problem 'qa'" in message


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_unlabelled_data_is_not_scored(runs, data, tmp_path, problem):
    blind = tmp_path / problem
    shutil.copytree(data[problem], blind)
    meta = json.loads((blind / "meta.json").read_text())
    meta["unlabelled"] = {lang: ["test"] for lang in ("en", "de", "fr")}
    (blind / "meta.json").write_text(json.dumps(meta))
    path = runs / f"xl-{problem}-1" / "checkpoint_best.pt"
    assert "no gold labels in test of en, de, fr" in error(blind, "--path", path)
    assert run(blind, "--path", path, "--output", tmp_path / "out") == 0
    assert len(list((tmp_path / "out").rglob("test-*"))) == 3


def test_retrieval(runs, data, tmp_path, capsys):
    """Translations that are the sentences themselves are found in both directions."""
    root = tmp_path / "tatoeba"
    rows = [[4 + (7 * i + j) % (TYPES - 4) for j in range(3 + i % 5)] for i in range(12)]
    for folder in ("de", "de/en-view"):
        write_rows(root / folder / "input0" / "test", rows, TYPES)
    (root / "de" / "gold").mkdir()
    np.save(root / "de" / "gold" / "test.npy", np.stack([np.arange(12)] * 2, 1))
    (root / "dict.txt").write_text("".join(f"p{i} 1\n" for i in range(VOCABULARY)))
    (root / "meta.json").write_text(json.dumps({"problem": "retrieval", "dataset": "tatoeba", "source_language": "en"}))
    path = runs / "pairs" / "checkpoint_best.pt"
    run(root, "--path", path, "--json", tmp_path / "r.json", "--output", tmp_path / "out", "--format", "tsv")
    printed = table(capsys.readouterr().out)
    assert printed["language"] == ["pairs", "en -> xx", "xx -> en"] and printed["de"] == ["12", "100.0", "100.0"]
    assert read_json(str(tmp_path / "r.json"))[0].counts == {"de": (12, 12, 12)}
    assert "r.json exists; pass --overwrite" in error(root, "--path", path, "--json", tmp_path / "r.json")
    assert "--ensemble is not read for retrieval" in error(root, "--path", path, "--ensemble")
    assert "--layer is read for retrieval only" in error(data["pairs"], "--path", path, "--layer", 0)
