"""xl-predict: raw text in, JSON lines out, equal to what the binarised path gives."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.prepare.invented_xnli import LABELS, prepare_raw, write_raw
from xl_plugins.cli.predict import main
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.errors import UserError
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.problems.predicting import predict_languages


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    return write_raw(tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def data(raw, tmp_path_factory, tiny_spm) -> Path:
    return prepare_raw(raw, tmp_path_factory.mktemp("bin") / "xnli", tiny_spm)


@pytest.fixture(scope="module")
def paths(tmp_path_factory, data) -> dict[str, Path]:
    """Texts of up to 40 pieces on 32 positions: some rows are truncated."""
    folder = tmp_path_factory.mktemp("runs")
    save_checkpoint(folder / "plain.pt", data, "xl_sentence_pair")
    save_checkpoint(folder / "xmixup.pt", data)
    return {name: folder / f"{name}.pt" for name in ("plain", "xmixup")}


@pytest.fixture
def feed(monkeypatch, capsys):
    """``feed(text, *args)``: run the command with ``text`` as standard input; the parsed lines of its output."""

    def run(text: str | bytes | None, *args: object) -> list[dict]:
        content = text.encode() if isinstance(text, str) else text or b""
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
        try:
            assert main([str(arg) for arg in args]) == 0
        finally:
            run.lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return run.lines

    return run


def probabilities(lines: list[dict]) -> np.ndarray:
    return np.array([[line["probabilities"][label] for label in LABELS] for line in lines])


def columns(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def test_plain_predictions_equal_the_binarised_path(feed, paths, raw, data):
    expected = predict_languages(load_fine_tuned(str(paths["plain"]), str(data)))["de"]
    found = feed(None, "--path", paths["plain"], "--data", data, raw / "test-de.tsv", "--columns", "1,2")
    np.testing.assert_allclose(probabilities(found), expected.probabilities, atol=1e-5)
    assert [line["label"] for line in found] == expected.names
    assert np.ptp(expected.probabilities, axis=0).max() > 0.05  # rows differ


@pytest.mark.parametrize("size", [1, 7, 64])
def test_mixup_predictions_equal_the_binarised_path(feed, paths, raw, data, size):
    expected = predict_languages(load_fine_tuned(str(paths["xmixup"]), str(data)))["sw"].probabilities
    text = (raw / "translate-test" / "sw-en.tsv").read_text(encoding="utf-8")
    found = feed(text, "--path", paths["xmixup"], "--data", data, "--batch-size", size)
    np.testing.assert_allclose(probabilities(found), expected, atol=1e-5)


def test_source_language_paired_with_itself_equals_the_binarised_path(feed, paths, raw, data):
    expected = predict_languages(load_fine_tuned(str(paths["xmixup"]), str(data)))["en"].probabilities
    found = feed(None, "--path", paths["xmixup"], raw / "test-en.tsv", "--columns", "1,2,1,2")  # --data: as trained
    np.testing.assert_allclose(probabilities(found), expected, atol=1e-5)


def test_json_lines_and_tab_separated_say_the_same(feed, paths, raw, data):
    rows = columns(raw / "translate-test" / "de-en.tsv")[:9]
    keys = ("text1", "text2", "source1", "source2")
    as_json = "".join(json.dumps(dict(zip(keys, row)), ensure_ascii=bool(i % 2)) + "\n" for i, row in enumerate(rows))
    as_tsv = "".join("\t".join(row) + "\n" for row in rows)
    options = ["--path", paths["xmixup"], "--data", data]
    assert feed(as_json, *options) == feed(as_tsv, *options)
    assert len(feed.lines) == 9


def test_without_mixup_inference_translations_are_optional(feed, paths, raw, data):
    options = ["--path", paths["xmixup"], "--data", data, "--no-mixup-inference"]
    tuned = load_fine_tuned(str(paths["xmixup"]), str(data), {"no_mixup_inference": True})
    expected = predict_languages(tuned)["de"].probabilities
    alone = feed(None, *options, raw / "test-de.tsv", "--columns", "1,2")
    assert feed(None, *options, raw / "translate-test" / "de-en.tsv") == alone
    np.testing.assert_allclose(probabilities(alone), expected, atol=1e-5)


def test_probabilities_sum_to_one_and_the_label_is_the_largest(feed, paths, raw, data):
    for line in feed(None, "--path", paths["plain"], "--data", data, raw / "test-sw.tsv", "--columns", "1,2"):
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=2e-6)
        assert line["label"] == max(line["probabilities"], key=line["probabilities"].get)
        assert list(line["probabilities"]) == list(LABELS)


def test_unknown_characters_become_unk_as_in_the_binarised_data(feed, paths, data, tiny_spm):
    encoder = PieceEncoder(str(tiny_spm.model), str(tiny_spm.dict))
    ids, _ = encoder.encode(["\u3042\u3044"])
    assert encoder.dictionary.unk() in ids.tolist()
    options = ["--path", paths["plain"], "--data", data]
    one, two, three = feed("\u3042\u3044\tba\n\u4e00\u4e8c\tba\nba\tba\n", *options)
    assert one == two != three


def test_gzip_quotes_and_line_separators(feed, paths, data, tmp_path):
    import gzip

    with gzip.open(tmp_path / "pairs.tsv.gz", "wb") as file:
        file.write('ba\u2028na\t"he said ""ba"""\r\nba\tba'.encode())
    options = ["--path", paths["plain"], "--data", data]
    assert len(feed(None, *options, tmp_path / "pairs.tsv.gz")) == 2
    plain = feed('ba\u2028na\the said "ba"\nba\tba\n', *options)  # the same batch, hence the same digits
    assert plain == feed(None, *options, tmp_path / "pairs.tsv.gz")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("plain", "ba\tba\nba\n", "standard input:2: 1 columns, expected text1 TAB text2"),
        ("plain", "ba\tba\tneutral\n", "standard input:1: 3 columns, expected"),
        ("plain", "ba\tba\nba\t \n", "standard input:2: text2 is empty"),
        ("plain", "ba\tba\n\nba\tba\n", "standard input:2: blank line"),
        (
            "plain",
            "ba\tba\tba\tba\n",
            "standard input:1: a translation is given, but the checkpoint reads the text alone",
        ),
        ("plain", "ba\t\u200b\u200b\n", "standard input:1: a text has no visible character"),
        ("plain", b"ba\tba\nba\t\xff\n", "standard input:2: not UTF-8"),
        ("xmixup", "ba\tba\tba\tba\nba\tba\n", "standard input:2: no translation into the source language"),
        ("xmixup", "ba\tba\t\tba\n", "standard input:1: source1 is empty"),
        ("plain", '{"text1": "ba", "text2": "ba"}\n{"text1": "ba"}\n', "standard input:2: key 'text2' is missing"),
        ("plain", '{"text1": "ba", "text2": 3}\n', "standard input:1: key 'text2' is missing or no text"),
        ("plain", '{"text1": "ba", "text2": "ba"}\nba\tba\n', "standard input:2: not JSON"),
        ("plain", '{"text1": "ba", "text2": "ba"}\n[1]\n', "standard input:2: a JSON list, expected an object"),
        ("xmixup", '{"text1": "ba", "text2": "ba", "source1": "ba"}\n', "standard input:1: key 'source2' is missing"),
        ("xmixup", '{"text1": "ba", "text2": "ba"}\n', "pass --no-mixup-inference"),
    ],
)
def test_bad_lines_are_named_after_the_good_ones_are_answered(feed, paths, data, name, text, message):
    with pytest.raises(UserError) as caught:
        feed(text, "--path", paths[name], "--data", data)
    assert message in str(caught.value)
    assert len(feed.lines) == (1 if ":2:" in message else 0)


def test_bad_options(feed, paths, data, raw, tmp_path, tiny_spm):
    def error(*args: object) -> str:
        with pytest.raises(UserError) as caught:
            feed("ba\tba\n", "--path", paths["plain"], *args)
        return str(caught.value)

    assert error("--data", data, "--columns", "1") == (
        "--columns 1: expected two or four column numbers from 1, such as 1,2 or 1,2,3,4"
    )
    assert error("--data", data, "--columns", "1,9") == "standard input:1: 2 columns, but --columns asks for column 9"
    assert error("--data", data, tmp_path / "none.tsv").endswith(
        "none.tsv does not exist; name a file, or - for standard input"
    )
    assert "--spm" in error("--data", data, "--spm", tmp_path / "none.model")
    other = tmp_path / "other.model"
    other.write_bytes(tiny_spm.model.read_bytes() + b" ")
    assert "not the tokenizer that" in error("--data", data, "--spm", other)
    assert "no such data folder" in error("--data", tmp_path / "none")
    assert "--probabilities is read for tagging only" in error("--data", data, "--probabilities")


def test_no_input_gives_no_output(feed, paths, data):
    assert feed("", "--path", paths["plain"], "--data", data) == []


def test_the_command_streams_and_ends_quietly(run_cli, repo, paths, data):
    """An answer comes while the input is still open; a reader that goes away, or a bad line, gives no traceback."""
    done = run_cli("predict", "--path", paths["plain"], "--data", data, stdin="ba\tna\nba\n")
    assert done.code == 2 and len(done.out.splitlines()) == 1
    assert done.err.count("\n") == 1 and done.err.startswith("xl-predict: error: standard input:2: 1 columns")
    command = [
        sys.executable,
        "-m",
        "xl_plugins.cli.predict",
        "--path",
        paths["plain"],
        "--data",
        data,
        "--batch-size",
        "1",
    ]
    with subprocess.Popen(
        list(map(str, command)), cwd=repo, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(b"ba\tna\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["label"] in LABELS
        process.stdout.close()
        process.stdin.write(b"ba\tna\n" * 50)
        process.stdin.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait(60) == 1


def test_tables_by_name_of_column(feed, paths, data, tmp_path):
    options = ["--path", paths["plain"], "--data", data]
    expected = feed('ba na\tda; "la"\nka\tga, ma\n', *options)
    (tmp_path / "a.csv").write_text('id; premise ;two\n1;ba na;"da; ""la"""\n2;ka;ga, ma\n', encoding="utf-16")
    rows = [{"two": 'da; "la"', "premise": "ba na", "x": [1]}, {"premise": "ka", "two": "ga, ma"}]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (tmp_path / "b.txt").write_text('ba na|"da; ""la"""\nka|ga, ma\n')
    for name, given in (
        ("a.csv", ["--columns", "text1=premise,text2=two"]),
        ("a.json", ["--columns", "second=two,first=premise"]),
        ("b.txt", ["--columns", "first=1,second=2", "--delimiter", "pipe"]),
    ):
        assert feed(None, *options, tmp_path / name, *given) == expected
    for given, message in (
        (
            ["--columns", "text1=premise,text2=three"],
            "a.csv:1: no column 'three'; the file has columns id, premise, two",
        ),
        (["--columns", "text1=premise"], "--columns: expected text1 and text2"),
        (["--columns", "text1=premise,text3=two"], "expected FIELD=COLUMN,... with text1, text2, source1, source2"),
        (["--format", "csv"], "--format, --delimiter: say where the texts are"),
    ):
        with pytest.raises(UserError) as caught:
            feed(None, *options, tmp_path / "a.csv", *given)
        assert message in str(caught.value)
