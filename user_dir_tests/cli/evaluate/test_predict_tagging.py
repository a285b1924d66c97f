"""xl-predict for tagging: one tag per word, equal to what the binarised path gives."""

from __future__ import annotations

import io
import json
import random
import shutil
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
from xl_plugins.problems.predicting import predict_languages

TAGS = ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O")
ROWS = 24


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    """PAN-X files of invented words; some sentences are far longer than 24 positions."""
    folder, draw = tmp_path_factory.mktemp("raw"), random.Random(3)
    for part in ("translate-dev", "translate-test"):
        (folder / part).mkdir()
    for number, name in enumerate(("train-en", "dev-en", "test-en", "dev-de", "test-de")):
        lines = []
        for row, text in enumerate(made_up_text(2 * ROWS, number + 1)[:ROWS]):
            words = text.split() * (3 if row % 6 == 0 else 1)
            if row == 5:
                words[0] = "\u200b"  # no piece at all
            lines += [f"{word}\t{draw.choice(TAGS)}\n" for word in words] + ["\n"]
        (folder / f"{name}.tsv").write_text("".join(lines), encoding="utf-8")
    for part, seed in (("translate-dev", 8), ("translate-test", 9)):
        (folder / part / "de-en.txt").write_text("\n".join(made_up_text(ROWS, seed)) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def data(raw, tmp_path_factory, tiny_spm) -> Path:
    dest = tmp_path_factory.mktemp("bin") / "panx"
    words = ["panx", raw, dest, "--spm", tiny_spm.model, "--dict", tiny_spm.dict]
    assert prepare.main([str(word) for word in words]) == 0
    return dest


@pytest.fixture(scope="module")
def paths(tmp_path_factory, data) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    for name, options in (("xl", {}), ("xmixup", {"mixup_layer": 2, "train_languages": "en"})):
        setup = build(data, f"{name}_tagging", max_length=24, **options)
        with torch.no_grad():
            for key, parameter in setup.model.named_parameters():
                if "tagging_head" in key:
                    parameter.mul_(30)
        torch.save(checkpoint_state(setup), folder / f"{name}.pt")
    return {name: folder / f"{name}.pt" for name in ("xl", "xmixup")}


def sentences(raw: Path, language: str) -> list[list[str]]:
    blocks = (raw / f"test-{language}.tsv").read_text(encoding="utf-8").strip("\n").split("\n\n")
    return [[line.split("\t")[0] for line in block.split("\n")] for block in blocks]


@pytest.fixture
def feed(monkeypatch, capsys):
    """``feed(text, *args)``: run the command with ``text`` as standard input; the parsed lines of its output."""

    def run(text: str, *args: object) -> list[dict]:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
        try:
            assert main([str(arg) for arg in args]) == 0
        finally:
            run.lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return run.lines

    return run


def flat(lines: list[dict]) -> np.ndarray:
    return np.array([[word[tag] for tag in TAGS] for line in lines for word in line["probabilities"]])


@pytest.mark.parametrize("size", [1, 7, 64])
def test_plain_tags_equal_the_binarised_path(feed, paths, raw, data, size):
    expected = predict_languages(load_fine_tuned(str(paths["xl"]), str(data)))["de"]
    rows = sentences(raw, "de")
    text = "".join(json.dumps({"words": words}) + "\n" for words in rows)
    found = feed(text, "--path", paths["xl"], "--data", data, "--probabilities", "--batch-size", size)
    assert [line["tags"] for line in found] == expected.predicted
    assert [len(line["tags"]) for line in found] == [len(words) for words in rows]
    assert len({tag for line in found for tag in line["tags"]}) > 2
    np.testing.assert_allclose(flat(found), expected.values, atol=1e-5)


def test_lines_of_words_say_the_same_as_json(feed, paths, raw, data):
    rows = sentences(raw, "de")[:9]
    options = ["--path", paths["xl"], "--data", data]
    expected = feed("".join(json.dumps({"words": words}) + "\n" for words in rows), *options)
    assert feed("".join("  ".join(words) + " \n" for words in rows), *options) == expected
    assert list(expected[0]) == ["tags"]


@pytest.mark.parametrize("size", [3, 64])
def test_mixup_pairs_every_chunk_with_the_translation(feed, paths, raw, data, size):
    expected = predict_languages(load_fine_tuned(str(paths["xmixup"]), str(data)))["de"]
    source = (raw / "translate-test" / "de-en.txt").read_text(encoding="utf-8").split("\n")[:-1]
    text = "".join(f"{' '.join(words)}\t{line}\n" for words, line in zip(sentences(raw, "de"), source))
    options = ["--path", paths["xmixup"], "--data", data, "--probabilities", "--batch-size", size]
    found = feed(text, *options)
    assert [line["tags"] for line in found] == expected.predicted
    np.testing.assert_allclose(flat(found), expected.values, atol=1e-5)
    alone = feed(text, *options, "--no-mixup-inference")
    assert abs(flat(alone) - flat(found)).max() > 0.01
    bare = "".join(" ".join(words) + "\n" for words in sentences(raw, "de"))
    assert feed(bare, *options, "--no-mixup-inference") == alone


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("xl", "ba na\n \t\nba\n", "standard input:2: blank line between sentences; delete it"),
        ("xl", "ba na\nba\tna\n", "standard input:2: a translation is given, but the checkpoint reads the text alone"),
        ("xl", "ba\tna\tba\n", "standard input:1: 3 columns, expected words separated by blanks [TAB source]"),
        ("xl", '{"words": ["ba"]}\n{"words": "ba"}\n', "standard input:2: key 'words' is missing or no list of texts"),
        ("xl", '{"words": ["ba"]}\n{"words": ["ba", " "]}\n', "standard input:2: word 2 is empty"),
        ("xl", '{"words": []}\n', "standard input:1: no words"),
        ("xl", '{"words": ["ba"]}\n[1]\n', "standard input:2: a JSON list, expected an object with words"),
        ("xmixup", "ba na\tna\nba\n", "standard input:2: no translation into the source language (after a tab"),
        ("xmixup", '{"words": ["ba"], "source": ""}\n', "standard input:1: source is empty"),
        ("xmixup", '{"words": ["ba"], "source": 3}\n', "standard input:1: key 'source' is missing or no text"),
        ("xmixup", "ba\t\u200b\n", "standard input:1: a text has no visible character"),
    ],
)
def test_bad_lines_are_named_after_the_good_ones_are_answered(feed, paths, data, name, text, message):
    with pytest.raises(UserError) as caught:
        feed(text, "--path", paths[name], "--data", data)
    assert message in str(caught.value)
    assert len(feed.lines) == (1 if ":2:" in message else 0)


def test_options_of_other_problems_are_refused(feed, paths, data):
    with pytest.raises(
        UserError, match=r"--columns is read for sentence pairs and single texts only, .* is for tagging"
    ):
        feed("ba\n", "--path", paths["xl"], "--data", data, "--columns", "1,2")


def test_every_word_gets_one_tag_whatever_it_is(feed, paths, data, capsys):
    odd = ["#", "#ba", "-DOCSTART-", '"', '"na""ba"', "\u200c", "a\u200cb", "\u00a0", "\u3000", "{", "\u200fאב", "\x85"]
    lines = [odd, ['"ba', '""', 'na"'], ["{", "ba"], ["#"]]
    options = ["--path", paths["xl"], "--data", data]
    text = "".join(" ".join(words) + "\n" for words in lines) + " \t\n\n"
    for given in (text, "".join(json.dumps({"words": words}) + "\n" for words in lines)):
        assert [len(line["tags"]) for line in feed(given, *options)] == [len(words) for words in lines]
        assert capsys.readouterr().err == ""


def test_words_are_changed_as_in_preparation_and_counted(feed, paths, data, tmp_path, capsys, raw):
    prepared = tmp_path / "udpos"
    shutil.copytree(data, prepared)
    content = json.loads((prepared / "meta.json").read_text())
    assert "word_cleaning" not in content
    (prepared / "meta.json").write_text(json.dumps({**content, "word_cleaning": "xtreme"}))
    (prepared / "checksums.json").unlink()
    joined, apart = '{"words": ["bana", "ba"]}\n', '{"words": ["ba na", "b\u200ca"]}\n'
    options = ["--path", paths["xl"], "--probabilities", "--data"]
    expected = feed(joined, *options, data)
    assert feed(apart, *options, data) != expected and feed(apart, *options, prepared) == expected


def printed(capsys: pytest.CaptureFixture[str], *words: object) -> list[dict]:
    capsys.readouterr()
    assert main([str(word) for word in words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_spans_and_their_characters(paths: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same tags as without; a span's characters are its words' and what stands between them."""
    given = tmp_path / "given.txt"
    lines = ["bo  da ke", "li mo", " na", "ka " * 9 + "so"]
    given.write_text("\n".join(lines) + "\n", encoding="utf-8")
    plain = printed(capsys, given, "--path", paths["xl"])
    found = printed(capsys, given, "--path", paths["xl"], "--spans", "--probabilities")
    assert [record["tags"] for record in found] == [record["tags"] for record in plain]
    assert list(found[0]) == ["tags", "words", "spans", "probabilities"]
    count = 0
    for line, record in zip(lines, found):
        assert record["words"] == line.split()
        covered = {place for span in record["spans"] for place in range(span["first"], span["stop"])}
        assert covered == {place for place, tag in enumerate(record["tags"]) if tag != "O"}
        for span in record["spans"]:
            text = line[span["start"] : span["end"]]
            assert span["text"] == text and text.split() == record["words"][span["first"] : span["stop"]]
            assert span["type"] in ("LOC", "ORG", "PER")
            count += 1
    assert count > 2
    as_json = tmp_path / "given.jsonl"
    as_json.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    assert printed(capsys, as_json, "--path", paths["xl"], "--spans", "--probabilities") == found


def test_running_text_is_cut_into_words(
    paths: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "running.txt").write_text("bo da, ke!\n", encoding="utf-8")
    (tmp_path / "cut.txt").write_text("bo da , ke !\n", encoding="utf-8")
    (found,) = printed(capsys, tmp_path / "running.txt", "--path", paths["xl"], "--spans", "--segment", "unicode")
    (expected,) = printed(capsys, tmp_path / "cut.txt", "--path", paths["xl"], "--spans")
    assert found["words"] == expected["words"] == ["bo", "da", ",", "ke", "!"] and found["tags"] == expected["tags"]
    assert [span["text"] for span in found["spans"]] != [] and all(
        span["text"] == "bo da, ke!"[span["start"] : span["end"]] for span in found["spans"]
    )


def test_records_in_a_file(paths: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole or absent: a mistake in a later line leaves nothing."""
    given, out = tmp_path / "given.txt", tmp_path / "out.jsonl"
    given.write_text("bo da\nke\n", encoding="utf-8")
    expected = printed(capsys, given, "--path", paths["xl"])
    assert printed(capsys, given, "--path", paths["xl"], "--output", out) == []
    assert [json.loads(line) for line in out.read_text().splitlines()] == expected
    with pytest.raises(UserError, match="exists; pass --overwrite"):
        main([str(given), "--path", str(paths["xl"]), "--output", str(out)])
    assert printed(capsys, given, "--path", paths["xl"], "--output", out, "--overwrite") == []
    for theirs in ('["tags"]\n', '{"tags": 1, "mine": 2}\n', "tags\n"):
        (tmp_path / "mine").write_text(theirs)
        with pytest.raises(UserError, match="xl-predict did not make it"):
            main([str(given), "--path", str(paths["xl"]), "--output", str(tmp_path / "mine"), "--overwrite"])
        assert (tmp_path / "mine").read_text() == theirs
    (tmp_path / "mine").unlink()
    given.write_text("bo da\n\nke\n", encoding="utf-8")
    with pytest.raises(UserError, match="blank line"):
        main([str(given), "--path", str(paths["xl"]), "--output", str(tmp_path / "other")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given.txt", "out.jsonl"]
