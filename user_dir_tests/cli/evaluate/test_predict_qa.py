"""xl-predict for questions: the answer is a raw substring of the context, equal to what the binarised path gives."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from user_dir_tests.conftest import made_up_text
from user_dir_tests.helpers.evaluation.checkpoints import checkpoint_state
from user_dir_tests.helpers.toys.tiny import build
from xl_plugins.cli import prepare
from xl_plugins.cli.predict import main
from xl_plugins.errors import UserError
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.problems.predicting import build_datasets, predict_languages, predict_values

ROWS = 14


def records(seed: int) -> list[dict]:
    """Questions on contexts of one to three sentences, with odd white space and characters of two bytes and more."""
    lines = made_up_text(8 * ROWS, seed)
    made = []
    for row in range(ROWS):
        context = "  ".join(lines[4 * row : 4 * row + 1 + row % 3]) + ("\n\uff11\ufb01 \u200b" if row % 4 == 0 else "")
        made.append({"id": f"q{row}", "question": lines[4 * row + 3][:25], "context": context})
    return made


def write_squad(path: Path, rows: list[dict]) -> None:
    paragraphs = []
    for row in rows:
        word = row["context"].split()[0]
        answer = {"text": word, "answer_start": row["context"].index(word)}
        asked = {"id": row["id"], "question": row["question"], "answers": [answer]}
        paragraphs.append({"context": row["context"], "qas": [asked]})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]}), "utf-8")


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    for number, name in enumerate(("train-en", "dev-en", "test-en", "dev-de", "test-de")):
        write_squad(folder / f"{name}.json", records(number + 1))
    for part, seed in (("translate-dev", 8), ("translate-test", 9)):
        write_squad(folder / part / "de-en.json", records(seed))
    return folder


def prepared(raw: Path, dest: Path, tiny_spm, *more: str) -> Path:
    words = ["squad", str(dest), "--spm", str(tiny_spm.model), "--dict", str(tiny_spm.dict), "--answer-metric", "squad"]
    files = {"--train": ["en=train-en"], "--valid": ["en=dev-en", "de=dev-de"], "--test": ["en=test-en", "de=test-de"]}
    for option, values in files.items():
        for value in values:
            language, name = value.split("=")
            words += [option, f"{language}={raw / name}.json"]
    words += ["--translate-dev", f"de={raw}/translate-dev/de-en.json"]
    words += ["--translate-test", f"de={raw}/translate-test/de-en.json", *more]
    assert prepare.main(words) == 0
    return dest


@pytest.fixture(scope="module")
def data(raw, tmp_path_factory, tiny_spm) -> Path:
    return prepared(raw, tmp_path_factory.mktemp("bin") / "squad", tiny_spm)


@pytest.fixture(scope="module")
def paths(tmp_path_factory, data) -> dict[str, Path]:
    """32 positions, up to 9 for the question: most contexts take several windows."""
    folder = tmp_path_factory.mktemp("runs")
    shape = {"max_length": 32, "doc_stride": 9, "max_question_length": 9, "train_languages": "en"}
    for name, options in (("xl", {}), ("xmixup", {"mixup_layer": 2})):
        setup = build(data, f"{name}_qa", **shape, **options)
        with torch.no_grad():
            for key, parameter in setup.model.named_parameters():
                if "span_head" in key:
                    parameter.mul_(30)
        torch.save(checkpoint_state(setup), folder / f"{name}.pt")
    return {name: folder / f"{name}.pt" for name in ("xl", "xmixup")}


@pytest.fixture
def feed(monkeypatch, capsys):
    """``feed(rows, *args)``: run the command with JSON lines as standard input; the parsed lines of its output."""

    def run(rows: list[dict] | str, *args: object) -> list[dict]:
        text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
        try:
            assert main([str(arg) for arg in args]) == 0
        finally:
            run.lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return run.lines

    return run


def with_source(rows: list[dict], other: list[dict]) -> list[dict]:
    return [
        {**row, "source_question": twin["question"], "source_context": twin["context"]}
        for row, twin in zip(rows, other)
    ]


def binarised(path: Path, data: Path) -> list[tuple]:
    tuned = load_fine_tuned(str(path), str(data))
    dataset = build_datasets(tuned, "test", ["de"])["de"]
    assert (dataset.parts[0].target.window_counts > 1).sum() > 3
    return tuned.task.problem.answers(dataset, predict_values(tuned, dataset, 5)[0])


@pytest.mark.parametrize("size", [1, 4, 64])
def test_plain_answers_equal_the_binarised_path(feed, paths, data, size):
    rows = records(5)
    found = feed(rows, "--path", paths["xl"], "--data", data, "--batch-size", size)
    assert [line["id"] for line in found] == [f"q{i}" for i in range(ROWS)]
    for line, row, (text, span, score) in zip(found, rows, binarised(paths["xl"], data)):
        assert (line["answer"], line["start"], line["end"]) == (text, *span)
        assert line["answer"] == row["context"][line["start"] : line["end"]] != ""
        assert line["score"] == pytest.approx(np.exp(score), abs=2e-5)
    assert len({line["answer"] for line in found}) > 5
    predicted = predict_languages(load_fine_tuned(str(paths["xl"]), str(data)))["de"].predicted
    assert [line["answer"] for line in found] == predicted


@pytest.mark.parametrize("size", [3, 64])
def test_mixup_pairs_windows_with_the_translation(feed, paths, data, size):
    rows = with_source(records(5), records(9))
    options = ["--path", paths["xmixup"], "--data", data, "--batch-size", size]
    found = feed(rows, *options)
    for line, (text, span, score) in zip(found, binarised(paths["xmixup"], data)):
        assert (line["answer"], line["start"], line["end"]) == (text, *span)
        assert line["score"] == pytest.approx(np.exp(score), abs=2e-5)
    alone = feed(rows, *options, "--no-mixup-inference")
    assert max(abs(a["score"] - b["score"]) for a, b in zip(alone, found)) > 1e-3
    assert feed(records(5), *options, "--no-mixup-inference") == alone


@pytest.fixture(scope="module")
def characters(raw, tmp_path_factory, tiny_spm) -> Path:
    return prepared(raw, tmp_path_factory.mktemp("bin") / "squad", tiny_spm, "--context-pieces", "character")


def test_pieces_of_single_characters(feed, paths, characters):
    expected = binarised(paths["xl"], characters)
    options = ["--path", paths["xl"], "--data", characters, "--context-pieces"]
    found = feed(records(5), *options, "character")
    assert [(line["answer"], line["start"], line["end"]) for line in found] == [(t, *span) for t, span, _ in expected]
    assert feed(records(5), *options[:-1]) == found  # meta.json says how the data was prepared
    assert found != feed(records(5), *options, "subword")


def test_an_id_is_not_needed(feed, paths, data):
    (line,) = feed([{"question": "ba?", "context": "ba na"}], "--path", paths["xl"], "--data", data)
    assert set(line) == {"answer", "start", "end", "score"} and 0 < line["score"] <= 1


GOOD = {"question": "ba", "context": "ba na"}


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("xl", "ba\n", "standard input:1: expected a JSON object with question and context"),
        ("xl", [GOOD, {"question": "ba"}], "standard input:2: key 'context' is missing or no text"),
        ("xl", [GOOD, {**GOOD, "context": " "}], "standard input:2: context is empty"),
        ("xl", [GOOD, {**GOOD, "source_context": "ba"}], "standard input:2: key 'source_question' is missing"),
        ("xl", with_source([GOOD], [GOOD]), "standard input:1: a translation is given, but the checkpoint reads the"),
        ("xl", [GOOD, {**GOOD, "context": "\u200b\u200b"}], "standard input:2: a text has no visible character"),
        ("xmixup", [*with_source([GOOD], [GOOD]), GOOD], "standard input:2: no translation into the source language"),
    ],
)
def test_bad_lines_are_named(feed, paths, data, name, rows, message):
    with pytest.raises(UserError) as caught:
        feed(rows, "--path", paths[name], "--data", data, "--batch-size", 1)
    assert message in str(caught.value)
    assert len(feed.lines) == (1 if ":2:" in message else 0)


def test_options_of_other_problems_are_refused(feed, paths, data):
    with pytest.raises(UserError, match=r"--probabilities is read for tagging only, .* is for qa; leave it out"):
        feed([GOOD], "--path", paths["xl"], "--data", data, "--probabilities")


def test_files_of_questions_in_any_layout(feed, paths, data, raw, tmp_path):
    options = ["--path", paths["xl"], "--data", data]
    expected = feed(records(5), *options)
    hub = [{**row, "answers": {"text": [], "answer_start": []}} for row in records(5)]
    for text in (Path(raw / "test-de.json").read_text(), json.dumps(hub), json.dumps({"data": hub}, indent=1)):
        assert feed(text, *options) == expected
    (tmp_path / "in.json").write_text(json.dumps({"data": hub}))
    assert feed("", tmp_path / "in.json", *options) == expected
    with pytest.raises(UserError, match=r"standard input:1: an object with the keys a; expected SQuAD's layout"):
        feed('{"data": [{"a": 1}]}', *options)
