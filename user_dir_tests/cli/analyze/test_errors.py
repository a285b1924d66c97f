"""``xl-analyze errors`` on all kinds of problems: counts against predictions made one by one, pictures, mistakes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.pictures import check_folder
from user_dir_tests.helpers.toys.toy import make_data
from user_dir_tests.helpers.toys.toy_positions import make_qa, make_tagging
from xl_plugins.analysis import errors
from xl_plugins.cli import analyze
from xl_plugins.errors import UserError
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.evaluation.predict import predict_languages

PICTURES = {"reliability", "calibration", "by-length"}
CONFUSIONS = {"confusion-en", "confusion-de", "confusion-fr"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    save_checkpoint(root / "pairs.pt", make_data(root / "pairs", test=40), "xl_sentence_pair")
    save_checkpoint(root / "tags.pt", make_tagging(root / "tags", test=20), "xl_tagging")
    options: dict[str, Any] = {"max_length": 20, "max_question_length": 4, "doc_stride": 6}
    save_checkpoint(root / "questions.pt", make_qa(root / "questions", test=16), "xl_qa", **options)
    return root


def analysed(world: Path, name: str, out: Path, pictures: set[str], *more: str) -> dict[str, Any]:
    words = ["errors", str(world / name), "--path", str(world / f"{name}.pt"), "--out", str(out), *more]
    assert analyze.main(words) == 0
    return check_folder(out, "errors", pictures)


def test_pairs(world: Path, tmp_path: Path) -> None:
    content = analysed(world, "pairs", tmp_path / "out", PICTURES | CONFUSIONS, "--examples", "3", "--bins", "10")
    made = predict_languages(load_fine_tuned(str(world / "pairs.pt"), str(world / "pairs"), device="cpu"))
    labels = content["labels"]
    for language, found in content["numbers"]["languages"].items():
        one = made[language]
        pairs = list(zip(one.gold, one.predicted))
        expected = [[pairs.count((gold, guess)) for guess in labels] for gold in labels]
        assert found["confusion"] == expected and sum(map(sum, expected)) == 40
        right = np.array([gold == guess for gold, guess in pairs])
        assert found["score"] == pytest.approx(100 * right.mean()) and found["wrong"] == 40 - right.sum()
        sure, error = one.values.max(axis=1), 0.0
        for low in np.arange(10) / 10:
            inside = (sure > low) & (sure <= low + 0.1)
            if inside.any():
                error += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
        assert found["calibration"]["ece"] == pytest.approx(error, abs=1e-6)
        surest = np.flatnonzero(~right)[np.argsort(-sure[~right], kind="stable")][:3]
        assert [record["row"] - 1 for record in found["errors"]] == surest.tolist()
        for record in found["errors"]:
            assert (record["gold"], record["predicted"]) == pairs[record["row"] - 1] and len(record["texts"]) == 2
            assert record["texts"][0].startswith("p")
    rows = list(csv.DictReader((tmp_path / "out" / "errors.csv").open(encoding="utf-8")))
    assert len(rows) == 9 and {row["language"] for row in rows} == {"en", "de", "fr"}


def test_tags(world: Path, tmp_path: Path) -> None:
    content = analysed(world, "tags", tmp_path / "out", PICTURES | CONFUSIONS)
    made = predict_languages(load_fine_tuned(str(world / "tags.pt"), str(world / "tags"), device="cpu"))
    for language, found in content["numbers"]["languages"].items():
        gold = [tag for tags in made[language].gold or [] for tag in tags]
        guesses = [tag for tags in made[language].predicted for tag in tags]
        assert np.trace(found["confusion"]) == sum(map(str.__eq__, gold, guesses))
        assert sum(map(sum, found["confusion"])) == len(gold) == sum(found["calibration"]["counts"])
        assert all(len(record["gold"]) == len(record["predicted"]) for record in found["errors"])


def test_answers_have_no_classes(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = analysed(world, "questions", tmp_path / "out", {"by-length"}, "--languages", "de,en")
    assert content["notes"] == ["answers are no classes: they have no confusion matrix and no calibration error"]
    found = content["numbers"]["languages"]["de"]
    assert "calibration" not in found and found["errors"][0]["id"].startswith("q")
    assert isinstance(found["errors"][0]["gold"], list) and len(found["by_length"]) >= 2
    assert "  de  avg" in capsys.readouterr().out


def test_classes() -> None:
    assert errors.classes(["a", "b"], ["b", "a"]).tolist() == [1, 0]
    assert errors.classes(["a", "b"], [["b"], ["a", "b"]]).tolist() == [1, 0, 1]


def test_without_gold(world: Path, tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", test=8)
    meta = {"format": 1, "problem": "sentence_pair", "unlabelled": {lang: ["test"] for lang in ("en", "de", "fr")}}
    (data / "meta.json").write_text(json.dumps(meta))
    words = ["errors", str(data), "--path", str(world / "pairs.pt"), "--out", str(tmp_path / "out")]
    with pytest.raises(UserError, match="no gold labels in test of en, de, fr; choose another --split"):
        analyze.main(words)
    assert not (tmp_path / "out").exists()
