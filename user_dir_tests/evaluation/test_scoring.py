"""Scores of files made elsewhere, and figures over languages: worked by hand."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

from xl_plugins.errors import UserError
from xl_plugins.evaluation.readers.file_scores import score_files
from xl_plugins.evaluation.readers.labels import LABEL_SETS, LabelSet, languages_in, read_gold, read_predictions
from xl_plugins.evaluation.report.result import Result, read_json, to_json

GOLD = ["entailment", "neutral", "contradiction", "neutral", "entailment"]


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """Predictions with 4, 3 and 1 of 5 right for en, de, sw; gold as XTREME's files with labels."""
    predictions, labels = tmp_path / "predictions", tmp_path / "gold"
    (predictions / "xnli").mkdir(parents=True)
    labels.mkdir()
    rows = {"en": [0, 1, 2, 1, 2], "de": [0, 1, 2, 0, 2], "sw": [1, 1, 0, 0, 2]}
    for lang, picks in rows.items():
        write(predictions / "xnli" / f"test-{lang}.tsv", [GOLD[i] for i in picks])
        write(labels / f"test-{lang}.tsv", [f"a{i}\tb\t{label}" for i, label in enumerate(GOLD)])
    return predictions, labels


def write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def score(folders, **options):
    return score_files(str(folders[0]), str(folders[1]), options.pop("task", "xnli"), **options)


def error(folders, **options) -> str:
    with pytest.raises(UserError) as caught:
        score(folders, **options)
    return str(caught.value)


def test_accuracy_and_figures_over_languages(folders):
    result = score(folders)
    assert result.counts == {"en": (4, 5), "de": (3, 5), "sw": (1, 5)}
    assert result.scores == {"en": 80.0, "de": 60.0, "sw": 20.0}
    assert result.summary() == {
        "mean": pytest.approx(160 / 3), "mean_without_source": 40.0, "transfer_gap": 40.0,
    }  # fmt: skip
    assert result.missing == [] and next(iter(result.counts)) == "en"


def test_gold_may_be_in_the_task_folder_compressed_or_one_label_per_line(folders):
    labels = folders[1]
    (labels / "xnli").mkdir()
    for lang in ("en", "de", "sw"):
        (labels / f"test-{lang}.tsv").rename(labels / "xnli" / f"test-{lang}.tsv")
    write(labels / "xnli" / "test-de.tsv", GOLD)
    packed = labels / "xnli" / "test-sw.tsv"
    with gzip.open(f"{packed}.gz", "wb") as file:
        file.write(packed.read_bytes())
    packed.unlink()
    assert score(folders).scores == {"en": 80.0, "de": 60.0, "sw": 20.0}


def test_spellings_are_one_label_and_the_last_field_counts(folders):
    predictions, labels = folders
    lines = ["x\ty\tentailment", "neutral", " contradictory ", "neutral", "entailment"]
    write(predictions / "xnli" / "test-de.tsv", lines)
    write(labels / "test-de.tsv", [f"a\tb\t{label.replace('contradiction', 'contradictory')}" for label in GOLD])
    assert score(folders).scores["de"] == 100.0


def test_unicode_line_separators_do_not_end_a_line(folders):
    write(folders[1] / "test-de.tsv", [f"a\u2028c\x85d\tb\t{label}" for label in GOLD])
    assert score(folders).counts["de"] == (3, 5)


def test_a_missing_language_is_listed_and_left_out(folders):
    predictions, labels = folders
    (predictions / "xnli" / "test-sw.tsv").unlink()
    (labels / "test-de.tsv").rename(labels / "test-fr.tsv")
    result = score(folders)
    assert result.scores == {"en": 80.0}
    assert result.missing == ["de", "fr", "sw"]
    assert math.isnan(result.summary()["transfer_gap"])
    assert score(folders, languages=["en", "sw"]).missing == ["sw"]


def test_nothing_on_both_sides(folders):
    (folders[1] / "test-en.tsv").unlink()
    assert "nothing to score" in error(folders, languages=["en"])
    assert "pawsx" not in error(folders, languages=["en"])
    assert error((folders[0] / "none", folders[1])).endswith("none: no such folder")
    assert error(folders, split="valid").startswith("nothing to score: ")


def test_other_counts_name_the_file_and_both_numbers(folders):
    write(folders[0] / "xnli" / "test-de.tsv", GOLD[:4])
    message = error(folders)
    assert "xnli/test-de.tsv: 4 predictions, but " in message and "gold/test-de.tsv has 5 examples" in message


def test_an_unknown_label_names_file_and_line(folders):
    write(folders[0] / "xnli" / "test-de.tsv", [*GOLD[:3], "neutrall", GOLD[4]])
    assert "test-de.tsv:4: label 'neutrall' is not one of contradiction, entailment, neutral" in error(folders)


def test_any_label_may_be_predicted_in_an_unknown_task(folders, caplog):
    (folders[0] / "xnli").rename(folders[0] / "own")
    assert score(folders, task="own").scores["en"] == 80.0
    write(folders[0] / "own" / "test-de.tsv", [*GOLD[:4], "other"])
    assert score(folders, task="own").counts["de"] == (4, 5)
    assert "predicts other, which no row of " in caplog.text


def test_a_test_set_of_one_label_is_scored_outside_xtremes_sets(tmp_path):
    for folder, labels in (("p/mine", ["entailment"] * 11 + ["neutral"]), ("g", ["a\tb\tentailment"] * 12)):
        (tmp_path / folder).mkdir(parents=True)
        write(tmp_path / folder / "test-en.tsv", labels)
    assert score((tmp_path / "p", tmp_path / "g"), task="mine").counts == {"en": (11, 12)}
    (tmp_path / "p" / "mine").rename(tmp_path / "p" / "xnli")
    assert "a set of one label is scored under another name of --task" in error((tmp_path / "p", tmp_path / "g"))
    assert score((tmp_path / "p" / "xnli", tmp_path / "g"), task="mine").counts == {"en": (11, 12)}


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["a\tb"] * 5, "2 columns and so no gold labels"),
        (["dog\tNOUN"] * 5, "a word and its tag per line are scored with --metric span_f1"),
        (["a\tb\tneutral"] * 10, "the label is 'neutral' in every line, a placeholder"),
        (["a\tb\t-"] * 5, "the label is '-' in every line, a placeholder"),
        (["a\tb\tneutral", "a\tb"], "test.tsv:2: 2 columns, expected 3"),
        (["a\tb\tneutral", "a\tb\tNeutral"], "test.tsv:2: label 'Neutral' is not one of"),
    ],
)
def test_gold_files_without_gold_labels_are_refused(tmp_path, rows, reason):
    write(tmp_path / "test.tsv", rows)
    with pytest.raises(UserError) as caught:
        read_gold(str(tmp_path / "test.tsv"), LABEL_SETS["xnli"])
    assert reason in str(caught.value)


def test_few_equal_labels_are_no_placeholder(tmp_path):
    write(tmp_path / "test.tsv", ["a\tb\tneutral"] * 9)
    assert read_gold(str(tmp_path / "test.tsv"), LABEL_SETS["xnli"]) == ["neutral"] * 9


def test_empty_files_and_lines(tmp_path):
    (tmp_path / "test.tsv").write_text("")
    with pytest.raises(UserError, match="the file is empty"):
        read_predictions(str(tmp_path / "test.tsv"), LabelSet())
    write(tmp_path / "test.tsv", ["0", "", "1"])
    with pytest.raises(UserError, match=r"test\.tsv:2: blank line"):
        read_predictions(str(tmp_path / "test.tsv"), LABEL_SETS["pawsx"])


def test_languages_are_found_by_file_name(tmp_path):
    for name in ("test-de.tsv", "test-quy.tsv.gz", "test-de.jsonl", "dev-fr.tsv", "test-pt-br.tsv", "test-x.tsv"):
        (tmp_path / name).touch()
    assert languages_in(str(tmp_path), "test") == ["de", "pt-br", "quy"]
    assert languages_in(str(tmp_path), "valid") == ["fr"]


def test_json_keeps_everything(tmp_path):
    provenance = {"checkpoint": "c.pt", "selection": {"protocol": "mean-dev", "score": 50.0}}
    result = Result("x", "xnli", "test", "en", {"de": (1, 3)}, ["sw"], ["fr"], provenance)
    (tmp_path / "r.json").write_text(to_json([result]))
    assert read_json(str(tmp_path / "r.json")) == [result]
    content = json.loads(to_json([result]))
    assert content["languages"]["de"] == {"accuracy": pytest.approx(100 / 3), "correct": 1, "count": 3}
    assert content["mean"] == content["mean_without_source"] == pytest.approx(100 / 3)
    assert content["transfer_gap"] is None  # no source language: no figure, and JSON has no nan
    assert content["checkpoint"] == "c.pt" and content["selection"]["protocol"] == "mean-dev"
    (tmp_path / "seeds.json").write_text(to_json([result, result]))
    assert read_json(str(tmp_path / "seeds.json")) == [result, result]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 9}', '{"seeds": [1]}', '{"seeds": []}', '{"format": 1, "languages": {"de": 3}}'],
)
def test_other_json_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(UserError, match=r"r\.json.*: (not a|not JSON .* expected a) result of xl-evaluate --json"):
        read_json(str(tmp_path / "r.json"))


def test_counters_of_examples_are_kept(tmp_path):
    """Everything that a later test of significance needs, exactly."""
    shares = np.array([[1, 1, 1], [0, 2 / 3, 1], [0, 0.1, 1]])
    result = Result.of_examples(
        "x", "xquad", "test", "en", "qa", {"en": shares, "de": shares[:2]}, unanswered={"de": 1}
    )
    assert result.counts == {"en": (1, pytest.approx(1 + 2 / 3 + 0.1), 3), "de": (1, 1 + 2 / 3, 2)}
    assert result.scores == {"en": pytest.approx(100 * (2 + 2 / 3 + 0.1) / 6), "de": pytest.approx(100 * (8 / 3) / 4)}
    assert result.figures("em") == {"en": pytest.approx(100 / 3), "de": 50.0}
    assert result.summary()["transfer_gap"] == pytest.approx(100 / 3 - 50)  # of exact match
    assert result.summary(figure="f1")["transfer_gap"] == pytest.approx(100 * ((1 + 2 / 3 + 0.1) / 3 - 5 / 6))
    (tmp_path / "r.json").write_text(to_json([result]))
    read = read_json(str(tmp_path / "r.json"))[0]
    assert read == result
    assert {lang: values.tolist() for lang, values in read.examples.items()} == {
        "en": shares.tolist(), "de": shares[:2].tolist(),
    }  # fmt: skip
    content = json.loads(to_json([result]))
    assert content["unanswered"] == {"de": 1} and content["metric"] == "qa"
    assert content["languages"]["de"]["em"] == 50.0 and content["languages"]["de"]["exact"] == 1
    assert content["figures"]["em"]["mean"] == pytest.approx((100 / 3 + 50) / 2)


def test_examples_that_do_not_add_up_are_refused(tmp_path):
    result = Result.of_examples("x", "xnli", "test", "en", "accuracy", {"en": np.array([[1, 1], [0, 1]])})
    (tmp_path / "r.json").write_text(to_json([result]).replace('"correct": 1', '"correct": 2'))
    with pytest.raises(UserError, match="the examples of en do not add up to its counts"):
        read_json(str(tmp_path / "r.json"))


def test_results_of_the_first_version_are_read(tmp_path):
    """Format 1: accuracy alone, without examples."""
    old = {
        "format": 1, "name": "x", "task": "xnli", "split": "test", "metric": "accuracy", "source_language": "en",
        "languages": {"en": {"accuracy": 50.0, "correct": 1, "count": 2}}, "mean": 50.0, "mean_without_source": None,
        "transfer_gap": None, "missing": [], "unlabelled": [], "checkpoint": "c.pt",
    }  # fmt: skip
    (tmp_path / "r.json").write_text(json.dumps(old))
    expected = Result("x", "xnli", "test", "en", {"en": (1, 2)}, provenance={"checkpoint": "c.pt"})
    assert read_json(str(tmp_path / "r.json")) == [expected]
    assert read_json(str(tmp_path / "r.json"))[0].examples == {}


def test_impossible_counts_are_refused(tmp_path):
    text = to_json([Result("x", "xnli", "test", "en", {"de": (1, 3)})]).replace('"correct": 1', '"correct": 4')
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(UserError, match="impossible counts"):
        read_json(str(tmp_path / "r.json"))
