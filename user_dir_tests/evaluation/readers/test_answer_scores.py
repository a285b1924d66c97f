"""Prediction folders of question answering: scores worked by hand, and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from user_dir_tests.helpers.evaluation.predictions import error, score, squad, write
from xl_plugins.errors import UserError
from xl_plugins.evaluation.readers.questions import read_questions


@pytest.fixture
def xquad(tmp_path) -> tuple[Path, Path]:
    gold = {"q1": ["Paris"], "q2": ["the year 1789", "1789"], "q3": ["北京"]}
    for lang in ("en", "zh"):
        write(tmp_path / "gold" / f"xquad.{lang}.json", squad(gold))
    write(tmp_path / "pred" / "xquad" / "test-en.json", json.dumps({"q1": "in Paris", "q2": "Year 1789", "q3": "北京"}))
    write(tmp_path / "pred" / "xquad" / "test-zh.json", json.dumps({"q1": "Paris.", "q3": "", "other": "x"}))
    return tmp_path / "pred", tmp_path / "gold"


def test_answers(xquad):
    """English: F1 2/3, exact match of the second, exact; Chinese: exact, missing, empty."""
    result = score(xquad, "xquad")
    assert result.metric.name == "qa"
    assert result.examples["en"].tolist() == [[0, pytest.approx(2 / 3), 1], [1, 1, 1], [1, 1, 1]]
    assert result.examples["zh"].tolist() == [[1, 1, 1], [0, 0, 1], [0, 0, 1]]
    assert result.figures("em") == {"en": pytest.approx(200 / 3), "zh": pytest.approx(100 / 3)}
    assert result.figures("f1")["en"] == pytest.approx(100 * 8 / 9)
    assert result.scores["en"] == pytest.approx((200 / 3 + 800 / 9) / 2)
    assert result.summary()["transfer_gap"] == pytest.approx(100 / 3)  # of exact match
    assert result.unanswered == {"zh": 1} and result.missing == []


def test_json_files_of_other_data_sets_are_answers(xquad):
    (xquad[0] / "xquad").rename(xquad[0] / "squad")
    assert score(xquad, "squad").metric.name == "qa"
    assert score(xquad, "squad").figures("em")["en"] == pytest.approx(200 / 3)


def test_answers_of_mlqa_follow_the_language(tmp_path):
    for lang, gold in (("de", "der Hund"), ("zh", "北京大学"), ("th", "x")):
        write(
            tmp_path / "gold" / "test" / f"test-context-{lang}-question-{lang}.json", squad({"a": [gold], "b": ["y"]})
        )
        write(tmp_path / "gold" / "test" / f"test-context-en-question-{lang}.json", squad({"a": ["no"], "b": ["y"]}))
    write(tmp_path / "pred" / "mlqa" / "test-de.json", json.dumps({"a": "Hund", "b": "z"}))
    write(tmp_path / "pred" / "mlqa" / "test-zh.json", json.dumps({"a": "北京", "b": "z"}))
    folders = (tmp_path / "pred", tmp_path / "gold")
    result = score(folders, "mlqa")
    assert result.figures("f1") == {"de": 50.0, "zh": pytest.approx(100 / 3)} and result.missing == ["th"]
    assert score(folders, "mlqa", languages=["de"]).figures("em") == {"de": 50.0}
    write(tmp_path / "pred" / "mlqa" / "test-th.json", json.dumps({"a": "x"}))
    assert "language 'th': MLQA's scorer has rules for ar, de, en" in error(folders, "mlqa")


def test_tydiqa_is_scored_on_its_dev_files(tmp_path):
    write(tmp_path / "gold" / "tydiqa-goldp-v1.1-dev" / "tydiqa.goldp.sw.dev.json", squad({"a": ["x"], "b": ["y"]}))
    write(tmp_path / "pred" / "tydiqa" / "test-sw.json", json.dumps({"a": "x", "b": "y"}))
    assert score((tmp_path / "pred", tmp_path / "gold"), "tydiqa").scores == {"sw": 100.0}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"q1": "x",\n}', "test-en.json:2: not JSON"),
        ('["q1"]', "test-en.json: a JSON list, expected one object"),
        ('{"q1": null}', "test-en.json: the answer of question 'q1' is no text"),
        ('{"x": "y"}', "test-en.json: none of its 1 ids is one of the 3 questions of "),
    ],
)
def test_answer_files_that_are_none(xquad, text, reason):
    write(xquad[0] / "xquad" / "test-en.json", text)
    assert reason in error(xquad, "xquad", languages=["en"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (squad({"a": [""], "b": [" "]}), "no question has an answer; scoring needs gold answers"),
        (squad({"a": [], "b": []}), "no question has an answer"),
        ('{"data": [{"paragraphs": [{"qas": [{"id": "x"}]}]}]}', "no question has an answer"),
        ('{"data": [{"paragraphs": [{"qas": [{"answers": []}]}]}]}', "article 1, paragraph 1: 'id' is missing"),
        ("[]", "no question; expected SQuAD's layout"),
        ("", "not JSON"),
        ('[["x"]]', "xquad.en.json:1: a list; expected SQuAD's layout"),
        (
            '[{"id": "q", "question": "?", "context": "x y", "answers": [{"text": "x", "answer_start": 0}]},'
            ' {"id": "q", "question": "!", "context": "x y", "answers": [{"text": "y", "answer_start": 2}]}]',
            "question id q belongs to several questions, whose answers differ; give each its own id",
        ),
    ],
)
def test_gold_files_without_answers_are_refused(xquad, text, reason):
    write(xquad[1] / "xquad.en.json", text)
    assert reason in error(xquad, "xquad", languages=["en"])


def test_gold_is_found_compressed(tmp_path):
    path = tmp_path / "gold" / "test-en.json.gz"
    path.parent.mkdir()
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(squad({"a": ["x"], "b": ["y"]}))
    write(tmp_path / "pred" / "xquad" / "test-en.json", '{"a": "x", "b": "z"}')
    assert score((tmp_path / "pred", tmp_path / "gold"), "xquad").figures("em") == {"en": 50.0}
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(UserError, match=r"test-en\.json\.gz: damaged gzip file"):
        read_questions(str(path))


SQUAD2 = squad({"a": ["Bern"], "b": ["in Oslo", "Oslo"], "c": [], "d": []})


def test_squad_2_is_scored_when_asked_for(tmp_path):
    write(tmp_path / "gold" / "test-en.json", SQUAD2)
    write(tmp_path / "pred" / "squad" / "test-en.json", json.dumps({"a": "Bern", "b": "near Oslo", "c": "", "d": "x"}))
    folders = tmp_path / "pred", tmp_path / "gold"
    result = score(folders, "squad", metric="squad2")
    found = {figure.name: result.figures(figure.name)["en"] for figure in result.metric.figures}
    assert found == pytest.approx(
        {"avg": 100 * (2 / 4 + 8 / 12) / 2, "em": 50, "f1": 100 * 8 / 12, "has_em": 50, "has_f1": 100 * 5 / 6,
         "no_em": 50, "no_f1": 50}
    )  # fmt: skip
    assert "2 of 4 questions have no answer; pass --metric squad2" in error(folders, "squad")
    write(tmp_path / "pred" / "squad" / "test-en.json", json.dumps({"a": "Bern", "c": ""}))
    assert score(folders, "squad", metric="squad2").unanswered == {"en": 2}
    write(tmp_path / "gold" / "test-en.json", squad({"a": ["Bern"], "b": [" "]}))
    with pytest.raises(UserError, match="question b: its answers are missing or empty texts"):
        score(folders, "squad", metric="squad2")


def test_gold_as_the_hub_delivers_it(tmp_path):
    rows = [{"id": number, "context": "c", "question": "?", "answers": {"text": [text], "answer_start": [0]}}
            for number, text in enumerate(("Bern", "Oslo"))]  # fmt: skip
    write(tmp_path / "gold" / "test-en.json", "".join(json.dumps(row) + "\n" for row in rows))
    write(tmp_path / "pred" / "squad" / "test-en.json", '{"0": "Bern", "1": "x"}')
    assert score((tmp_path / "pred", tmp_path / "gold"), "squad").figures("em") == {"en": 50.0}


def test_without_questions_of_a_kind_its_figures_are_none(tmp_path):
    write(tmp_path / "gold" / "test-en.json", squad({"a": ["Bern"]}))
    write(tmp_path / "pred" / "squad" / "test-en.json", '{"a": "Bern"}')
    (entry,) = score((tmp_path / "pred", tmp_path / "gold"), "squad", metric="squad2").to_dict()["languages"].values()
    assert entry["has_em"] == 100 and entry["no_em"] is None
