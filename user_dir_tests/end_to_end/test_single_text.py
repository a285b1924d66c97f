"""Single texts through the commands: ``second=none``, a row is ``<s> text </s>``; methods that need pairs say so."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from user_dir_tests.helpers.prepare.raw import sentence, write_rows
from user_dir_tests.helpers.prepare.runs import labels, meta, run, texts
from user_dir_tests.helpers.running.training import train_here, words
from user_dir_tests.helpers.toys.tiny import build
from xl_plugins.cli import augment, evaluate, predict
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.training.pairs import PairTexts
from xl_plugins.errors import UserError

ROWS = {lang: [[sentence(lang, "train", i, 0), "pos" if i % 3 else "neg"] for i in range(9)] for lang in ("en", "de")}
COLUMNS = "--columns first=text,second=none,label=label --labels neg,pos".split()


@pytest.fixture(scope="module")
def data(tiny_spm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw, dest = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("data") / "bin"
    for lang, rows in ROWS.items():
        write_rows(raw / f"{lang}.tsv", [["text", "label"], *rows])
        write_rows(raw / f"back-{lang}.tsv", [["text", "label"], *rows])
    options = ["--train", raw / "{lang}.tsv", "--valid", f"{raw}/{{lang}}.tsv[0:6]", "--test", raw / "{lang}.tsv"]
    views = ["--translate-dev", f"de={raw}/back-de.tsv[0:6]", "--translate-test", f"de={raw}/back-de.tsv"]
    run(tiny_spm, "pairs", dest, *COLUMNS, "--languages", "en,de", *options, *views)
    return dest


def test_prepared(data: Path) -> None:
    assert meta(data)["texts"] == 1 and not list(data.rglob("input1"))
    assert texts(data, "de", "input0", "train") == [row[0] for row in ROWS["de"]]
    assert labels(data, "de", "test") == [row[1] for row in ROWS["de"]]
    found = PairTexts(DataBin(data), "en", "train", 8)
    for row in range(len(found)):
        tokens = found.tokens(row).tolist()
        assert tokens[0] == 0 and tokens[-1] == 2 and tokens[1:-1] == found.first[row][:-1].tolist()[:6]
        assert found.lengths[row] == len(tokens) <= 8
    assert found.take([2]).tokens(0).tolist() == found.tokens(2).tolist()  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["xl_sentence_pair", "xmixup_sentence_pair"])
def test_trained_scored_and_predicted(
    data: Path, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"no_scheduled_sampling": True} if task.startswith("xmixup") else {}
    train_here(monkeypatch, words(data, tmp_path / "run", task, lr=1e-3, max_update=2, update_freq=1, **options))
    common = f"--path {tmp_path}/run/checkpoint_best.pt --device cpu"
    evaluate.main(f"{data} {common} --output {tmp_path}/out".split())
    scored = {lang: (tmp_path / "out" / "pairs" / f"test-{lang}.tsv").read_text().split() for lang in ROWS}
    capsys.readouterr()
    for lang, rows in ROWS.items():
        given = [[row[0]] if task.startswith("xl_") else [row[0], row[0]] for row in rows]
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(map("\t".join, given)).encode())))
        predict.main(f"{common} --data {data}".split())
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert len(found) == len(rows) and {*found[0]["probabilities"]} == {"neg", "pos"}
        assert [record["label"] for record in found] == scored[lang]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"text1": "ba", "source1": "ba"}\na\tb\n')))
    with pytest.raises(UserError, match=r"standard input:(1: a translation is given|2: not JSON)"):
        predict.main(f"{common} --data {data}".split())
    with pytest.raises(UserError, match=r"--generalised is for sentence pairs, .* holds single texts"):
        evaluate.main(f"{data} {common} --generalised".split())


def test_methods_that_need_pairs(data: Path) -> None:
    with pytest.raises(UserError, match=r"--augment, --second-view: for sentence pairs, .* holds single texts"):
        build(data, "xl_sentence_pair", augment="ss")[1].load_dataset("train")
    with pytest.raises(UserError, match=r"holds single texts; .* are for sentence pairs and tagging"):
        augment.main(f"code-switch {data} --dictionaries {data}".split())


def test_all_files_or_none(tiny_spm, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.tsv", [["text", "label", "other"], ["ba", "pos", "da"]])
    given = ["--train", f"en={path}", "--test", f"en={path}"]
    with pytest.raises(UserError, match=r"--columns: second=none for some files only"):
        run(tiny_spm, "pairs", tmp_path / "bin", *COLUMNS, "--columns", "test:second=other", *given)
    with pytest.raises(UserError, match=r"--columns: first of en/train cannot be none"):
        run(tiny_spm, "pairs", tmp_path / "bin", *COLUMNS, "--columns", "first=none", *given)
    write_rows(path, [["text", "label", "other"], [" ", "pos", "da"]])
    with pytest.raises(UserError, match=r"a.tsv:2: the first text is empty"):
        run(tiny_spm, "pairs", tmp_path / "bin", *COLUMNS, *given)
