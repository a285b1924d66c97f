"""The matrix of premise and hypothesis languages: its cells one by one, its means, and files that do not fit."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.toys.toy import make_data, write_rows
from xl_plugins.cli.evaluate import main
from xl_plugins.data.binary.frame import Frame
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.training.pairs import PairTexts, truncated_lengths
from xl_plugins.errors import UserError
from xl_plugins.evaluation.checkpoint import FineTuned, load_fine_tuned
from xl_plugins.evaluation.generalised import Matrix, evaluate_matrix
from xl_plugins.evaluation.report.table import render
from xl_plugins.problems.predicting import predict_languages

HEAD = "sentence_classification_head"
LANGUAGES = ["en", "de", "fr"]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return make_data(tmp_path_factory.mktemp("data") / "toy", test=24, longest=22)  # some pairs exceed 32 positions


@pytest.fixture(scope="module")
def paths(tmp_path_factory, data) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    save_checkpoint(folder / "plain.pt", data, "xl_sentence_pair")
    save_checkpoint(folder / "xmixup.pt", data)
    return {name: str(folder / f"{name}.pt") for name in ("plain", "xmixup")}


def rows(tuned: FineTuned, language: str, field: str, view: bool = False) -> list[torch.Tensor]:
    texts = tuned.task.data_bin.open_text(language, field, "test", view)
    return [texts[i][:-1] for i in range(len(texts))]


def encoded(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    keep = truncated_lengths(np.array([len(first)]), np.array([len(second)]), 28)
    return Frame(0, 2).enclose(first[: keep[0][0]], second[: keep[1][0]])


@pytest.mark.parametrize("name", ["plain", "xmixup"])
def test_every_cell_by_hand(paths, name):
    """Premise of a and hypothesis of b; with mixup, a's first view and b's second (English is its own)."""
    tuned = load_fine_tuned(paths[name])
    found = evaluate_matrix(tuned, "test", None, "x", "xnli", batch_size=5)
    assert found.languages == LANGUAGES and found.count == 24
    labels = tuned.task.data_bin.open_labels("en", "test")
    differ = 0
    for i, a in enumerate(LANGUAGES):
        for j, b in enumerate(LANGUAGES):
            texts = [rows(tuned, a, "input0"), rows(tuned, b, "input1")]
            views = [rows(tuned, a, "input0", a != "en"), rows(tuned, b, "input1", b != "en")]
            hits = 0
            for row in range(24):
                target, source = (encoded(*(side[row] for side in both))[None] for both in (texts, views))
                extra = {"source_tokens": source} if name == "xmixup" else {}
                with torch.no_grad():
                    logits, more = tuned.model(target, classification_head_name=HEAD, **extra)
                values = logits.softmax(-1)
                if extra:
                    values = (values + more["source_output"].softmax(-1)) / 2
                hits += int(values.argmax() == labels[row])
            assert found.correct[i, j] == hits, (a, b)
            differ += hits != found.correct[0, 0]
    assert differ  # cells are not all the same


def test_the_diagonal_is_the_ordinary_evaluation(paths):
    tuned = load_fine_tuned(paths["xmixup"])
    found = evaluate_matrix(tuned, "test", ["fr", "de"], "x", "xnli")
    assert found.languages == ["de", "fr"]
    for i, (lang, p) in enumerate(predict_languages(tuned, languages=["de", "fr"]).items()):
        assert found.languages[i] == lang
        assert found.correct[i, i] == sum(a == b for a, b in zip(p.predicted, p.gold))


def test_each_pair_of_languages_is_predicted_once(paths, monkeypatch):
    tuned = load_fine_tuned(paths["plain"])
    predict, seen = tuned.task.predict, []
    monkeypatch.setattr(tuned.task, "predict", lambda m, s: seen.append(len(s["id"])) or predict(m, s))
    counted: list[int] = []
    evaluate_matrix(tuned, "test", None, "x", "xnli", progress=lambda n: counted.append(-n) or counted.append)
    assert sum(seen) == 9 * 24 and counted[0] == -9 * 24 and sum(counted[1:]) == 9 * 24


def test_means_and_table():
    matrix = Matrix("x", "xnli", "test", ["en", "de"], np.array([[90, 60], [50, 80]]), 100, ("premise", "hypothesis"))
    assert matrix.summary() == {"mean": 70.0, "diagonal": 85.0, "off_diagonal": 55.0}
    out = io.StringIO()
    render(matrix.table(), "tsv", out)
    assert out.getvalue().splitlines() == [
        "premise \\ hypothesis\ten\tde\tmean", "en\t90.0\t60.0\t75.0", "de\t50.0\t80.0\t65.0", "mean\t70.0\t70.0\t",
        "all pairs of languages\t70.0\t\t", "one language\t85.0\t\t", "two languages\t55.0\t\t",
    ]  # fmt: skip
    content = json.loads(matrix.to_json())
    assert content["accuracy"]["de"] == {"en": 50.0, "de": 80.0} and content["correct"]["en"]["de"] == 60
    assert content["axes"] == ["premise", "hypothesis"] and content["off_diagonal"] == 55.0
    alone = Matrix("x", "xnli", "test", ["en"], np.array([[90]]), 100)
    assert alone.summary() == {"mean": 90.0, "diagonal": 90.0, "off_diagonal": None}


def test_command(paths, data, tmp_path, capsys):
    file = tmp_path / "m.json"
    call = [str(data), "--path", paths["xmixup"], "--generalised"]
    assert main([*call, "--languages", "en,fr", "--json", str(file), "--format", "tsv", "--task", "xnli"]) == 0
    printed = capsys.readouterr().out.splitlines()
    content = json.loads(file.read_text())
    assert printed[0] == "premise \\ hypothesis\ten\tfr\tmean" and content["languages"] == ["en", "fr"]
    assert printed[1].split("\t")[2] == f"{content['accuracy']['en']['fr']:.1f}"
    assert content["inference"]["mode"] == "mixup" and content["selection"]["protocol"] == "mean-dev"
    for options, reason in (
        (["--output", "x"], "--output is not read with --generalised"),
        (["--ensemble"], "--ensemble is not read with --generalised"),
        (["--json", str(file)], "exists; pass --overwrite"),
        (["--languages", "en,xx"], "no test data for xx"),
    ):
        with pytest.raises(UserError, match=reason):
            main([*call, *options])
    with pytest.raises(UserError, match="--generalised: 2 checkpoints given; it scores one"):
        main([str(data), "--path", *paths.values(), "--generalised"])
    with pytest.raises(UserError, match="a matrix of the generalised setting"):
        main(["--compare", str(file)])


def test_files_that_are_not_parallel(paths, tmp_path):
    root = make_data(tmp_path / "toy", test=24)
    labels = DataBin(root).open_labels("de", "test")
    wrong = [[4 + int(label)] for label in labels]
    wrong[6] = [4 + (int(labels[6]) + 1) % 3]
    write_rows(root / "de" / "label" / "test", wrong, 7)
    tuned = load_fine_tuned(paths["plain"], str(root))
    with pytest.raises(UserError, match=r"row 7 of test is '\w+' in de, but '\w+' in en; .*pass --skip-unequal"):
        evaluate_matrix(tuned, "test", None, "x", "xnli")
    for field in ("input0", "input1", "label"):
        write_rows(root / "de" / field / "test", [[5]] * 23, 64 if field != "label" else 7)
    with pytest.raises(UserError, match=r"de/input0/test\.idx has 23 rows, .*en/input0/test\.idx 24"):
        evaluate_matrix(load_fine_tuned(paths["plain"], _described(root)), "test", None, "x", "xnli")
    (root / "meta.json").write_text(json.dumps({"unlabelled": {"fr": ["test"]}}))
    with pytest.raises(UserError, match="no gold labels in test of fr; leave them out of --languages"):
        evaluate_matrix(load_fine_tuned(paths["plain"], str(root)), "test", None, "x", "xnli")


def test_rows_with_unequal_labels_can_be_left_out(paths, tmp_path, capsys):
    """As if every language lacked these rows: PAWS-X has untranslated ones, whose label is 0 in their language."""
    root = make_data(tmp_path / "toy", test=24)
    labels = [int(label) for label in DataBin(root).open_labels("de", "test")]
    for lang, rows_of in (("de", (6,)), ("fr", (6, 20))):
        wrong = [[4 + (label + (row in rows_of)) % 3] for row, label in enumerate(labels)]
        write_rows(root / lang / "label" / "test", wrong, 7)
    tuned = load_fine_tuned(paths["plain"], str(root))
    found = evaluate_matrix(tuned, "test", None, "x", "xnli", skip_unequal=True)
    assert found.count == 22 and found.skipped == [7, 21]
    for i, lang in enumerate(LANGUAGES):
        own = predict_languages(tuned, languages=[lang])[lang].predicted
        expected = sum(own[row] == tuned.task.problem.labels[labels[row]] for row in range(24) if row not in (6, 20))
        assert found.correct[i, i] == expected
    call = [str(root), "--path", paths["plain"], "--skip-unequal"]
    file = tmp_path / "m.json"
    assert main([*call, "--generalised", "--languages", "en,de", "--json", str(file), "--task", "x"]) == 0
    assert "1 of 24 rows left out: their labels differ" in capsys.readouterr().out
    assert json.loads(file.read_text())["skipped"] == [7] and json.loads(file.read_text())["count"] == 23
    with pytest.raises(UserError, match="--skip-unequal is read with --generalised only"):
        main(call)
    write_rows(root / "de" / "label" / "test", [[4 + (label + 1) % 3] for label in labels], 7)
    with pytest.raises(UserError, match="--skip-unequal: no row of test has the same label in en, de"):
        main([*call, "--generalised", "--languages", "en,de"])


def _described(root: Path) -> str:
    """With a meta.json one label throughout is no placeholder."""
    (root / "meta.json").write_text(json.dumps({"dataset": "own"}))
    return str(root)


def test_truncation_depends_on_both_texts(data, paths):
    """Pairs that fit in one language are cut in another: the crossed lengths are computed anew."""
    texts = [PairTexts(DataBin(data), lang, "test", 32) for lang in ("en", "de")]
    assert (texts[0].lengths == 32).any() and (texts[0].lengths < 32).any()
