"""xl-prepare pairs: joins by id, row ranges, views, and the commands of its help on the real data sets."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from user_dir_tests.helpers.prepare.raw import write_rows
from user_dir_tests.helpers.prepare.runs import labels, meta, run, texts, tokenizer_options
from xl_plugins.cli import prepare
from xl_plugins.datasets.generic.pairs import EPILOG
from xl_plugins.errors import UserError

ENTAILMENT = {"A": "ba", "B": "da", "C": "ga", "D": "ka", "E": "la"}


def table(path: Path, ids: str, word: str, label: str = "x", extra: str = "s") -> Path:
    """Rows with the ids' letters in the texts, so that a wrong join is seen."""
    rows = [["id", "set", "one", "two", "judgement"]]
    rows += [[i, extra, f"{word} {ENTAILMENT[i]}", f"{ENTAILMENT[i]} {word}", label] for i in ids]
    return write_rows(path, rows)


COLUMNS = ["--columns", "first=one,second=two,label=judgement", "--labels", "x,y"]


def test_joined_by_id_in_the_sources_order(tiny_spm, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    en, de, bt = (tmp_path / f"{name}.tsv" for name in ("en", "de", "bt"))
    table(en, "DABE", "mi")
    table(de, "ACBD", "no")
    table(bt, "BDAE", "pu")
    run(
        tiny_spm, "pairs", tmp_path / "bin", *COLUMNS, "--align-on", "id", "--train", f"en={en}", f"de={de}",
        "--back-translation", f"de={bt}",
    )  # fmt: skip
    for folder, word in (("en", "mi"), ("de", "no"), ("de/en-view", "pu")):
        assert texts(tmp_path / "bin", folder, "input0", "train") == [f"{word} {ENTAILMENT[i]}" for i in "DAB"]
        assert texts(tmp_path / "bin", folder, "input1", "train") == [f"{ENTAILMENT[i]} {word}" for i in "DAB"]
    rows = [line.split("│") for line in capsys.readouterr().out.splitlines() if "train" in line and "│" in line]
    assert [row[8].strip() for row in rows] == ["1", "1", "1"]


def test_join_by_id_checks_labels_with_both_lines(tiny_spm, tmp_path: Path) -> None:
    table(tmp_path / "en.tsv", "ABC", "mi")
    path = table(tmp_path / "de.tsv", "CBA", "no")
    path.write_text(path.read_text().replace("C\ts\tno ga\tga no\tx", "C\ts\tno ga\tga no\ty"))
    with pytest.raises(UserError, match=r"de.tsv:2: the label differs from .*en.tsv:4 \(1 of 3 rows\)"):
        run(
            tiny_spm, "pairs", tmp_path / "bin", *COLUMNS, "--align-on", "id", "--train", f"en={tmp_path}/en.tsv",
            f"de={path}",
        )  # fmt: skip


def test_test_sets_with_labels_of_their_own_are_warned_of(tiny_spm, tmp_path: Path, capsys) -> None:
    """As JSICK's beside SICK's: each keeps its own."""
    en, de = (table(tmp_path / f"{name}.tsv", "ABC", "mi") for name in ("en", "de"))
    de.write_text(de.read_text().replace("ga mi\tx", "ga mi\ty"))
    run(
        tiny_spm, "pairs", tmp_path / "bin", *COLUMNS, "--align-on", "id", "--train", f"en={en}",
        "--test", f"en={en}", f"de={de}", "--translate-test", f"de={en}",
    )  # fmt: skip
    printed = capsys.readouterr()
    assert "de.tsv:4: the label differs from" in (printed.out + printed.err).replace("\n", " ")
    assert [labels(tmp_path / "bin", lang, "test") for lang in ("en", "de")] == [["x", "x", "x"], ["x", "x", "y"]]


@pytest.mark.parametrize(
    ("english", "german", "message"),
    [
        ("ABA", "AB", r"en.tsv:4: the id of this row was used before, in line 2"),
        ("AB", "CD", r"de.tsv: no id in common with .*en.tsv"),
    ],
)
def test_bad_ids(tiny_spm, tmp_path: Path, english: str, german: str, message: str) -> None:
    table(tmp_path / "en.tsv", english, "mi")
    table(tmp_path / "de.tsv", german, "no")
    files = [f"en={tmp_path}/en.tsv", f"de={tmp_path}/de.tsv"]
    with pytest.raises(UserError, match=message):
        run(tiny_spm, "pairs", tmp_path / "bin", *COLUMNS, "--align-on", "id", "--train", *files)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    with pytest.raises(UserError, match="no column 'nr'; the file has columns id, set, one"):
        run(tiny_spm, "pairs", tmp_path / "bin", *COLUMNS, "--align-on", "nr", "--train", *files)


def test_filters_scopes_and_ranges(tiny_spm, tmp_path: Path) -> None:
    path = table(tmp_path / "all.tsv", "ABC", "mi", extra="TRAIN")
    with path.open("a") as file:
        file.write("D\tTEST\tmi ka\tka mi\ty\nE\tTEST\tmi la\tla mi\tx\n")
    run(
        tiny_spm, "pairs", tmp_path / "bin", *COLUMNS, "--train", f"en={path}", "--test", f"en={path}",
        "--valid", f"en={path}[1:4]", "--filter", "train:set=TRAIN", "test:set!=TRAIN",
    )  # fmt: skip
    assert texts(tmp_path / "bin", "en", "input0", "train") == ["mi ba", "mi da", "mi ga"]
    assert texts(tmp_path / "bin", "en", "input0", "valid") == ["mi da", "mi ga", "mi ka"]
    assert texts(tmp_path / "bin", "en", "input0", "test") == ["mi ka", "mi la"]
    assert labels(tmp_path / "bin", "en", "test") == ["y", "x"]


def test_a_translation_without_labels_takes_the_sources(tiny_spm, tmp_path: Path, capsys) -> None:
    write_rows(tmp_path / "en.tsv", [["ba", "be", "y"], ["da", "de", "x"]])
    write_rows(tmp_path / "de.tsv", [["ka", "ke"], ["ga", "ge"]])
    write_rows(tmp_path / "test.tsv", [["ka", "ke"]])
    run(
        tiny_spm, "pairs", tmp_path / "bin", "--labels", "x,y", "--columns", "first=1,second=2,label=3",
        "de/train:label=none", "test:label=none", "--train", f"en={tmp_path}/en.tsv", f"de={tmp_path}/de.tsv",
        "--test", f"de={tmp_path}/test.tsv", "--name", "mine",
    )  # fmt: skip
    said = f"columns are counted from 1: line 1 of {tmp_path}/en.tsv is first 'ba', second 'be', label 'y'"
    assert said in capsys.readouterr().err
    assert labels(tmp_path / "bin", "de", "train") == ["y", "x"]
    assert meta(tmp_path / "bin")["unlabelled"] == {"de": ["test"]}
    assert meta(tmp_path / "bin")["dataset"] == "mine"


def test_missing_translations_are_marked_by_the_user(tiny_spm, tmp_path: Path) -> None:
    write_rows(tmp_path / "en.tsv", [["ba", "be", "y"], ["da", "de", "x"]])
    write_rows(tmp_path / "de.tsv", [["???", "ke", "y"], ["ga", "ge", "x"]])
    run(
        tiny_spm, "pairs", tmp_path / "bin", "--labels", "x,y", "--columns", "first=1,second=2,label=3",
        "--train", f"en={tmp_path}/en.tsv", f"de={tmp_path}/de.tsv", "--no-translation", "???",
    )  # fmt: skip
    assert texts(tmp_path / "bin", "de", "input1", "train") == ["be", "ge"]


def test_other_source_language_and_formats(tiny_spm, tmp_path: Path) -> None:
    rows = [{"premise": "ba", "hypothesis": "be", "label": "x"}, {"premise": "da", "hypothesis": "de", "label": "y"}]
    (tmp_path / "id.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "en.csv").write_text("hypothesis,premise\nke,ka\nge,ga\n")
    run(
        tiny_spm, "pairs", tmp_path / "bin", "--source-language", "id", "--labels", "x,y",
        "--columns", "first=premise,second=hypothesis,label=label", "en:label=none",
        "--train", f"id={tmp_path}/id.jsonl", f"en={tmp_path}/en.csv", "--back-translation", f"en={tmp_path}/id.jsonl",
    )  # fmt: skip
    assert texts(tmp_path / "bin", "en", "input0", "train") == ["ka", "ga"]
    assert texts(tmp_path / "bin", "en/id-view", "input0", "train") == ["ba", "da"]
    assert meta(tmp_path / "bin")["source_language"] == "id"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--train, --valid, --test: no file given"),
        (["--train", "de=F"], "--train: no file of the source language en"),
        (["--train", "en=F", "--columns", "premise"], "--columns: 'premise' in 'premise' is not KEY=COLUMN"),
        (["--train", "en=F", "--columns", "first=none"], "first of en/train cannot be none"),
        (["--train", "en=F", "--filter", "set"], "--filter: 'set' is not column=value"),
        (["--train", "en=F", "--translate-test", "de=F"], "translates de's test pairs, but --test has no file"),
        (["--train", "en=G"], "--train: G (en) does not exist"),
        (["--train", "en=F", "--columns", "first=one,second=two,label=judgement"], "F:2: label 'z' is not one of x, y"),
    ],
)  # fmt: skip
def test_wrong_options(
    tiny_spm, tmp_path: Path, options: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "F", "A", "mi", label="z")
    with pytest.raises(UserError) as caught:
        run(tiny_spm, "pairs", "bin", "--labels", "x,y", *options)
    assert message in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["F"]


# -- the commands of the help on the real data --


def help_command(dest: str) -> list[str]:
    """The example of the help that writes ``data-bin/<dest>``, as arguments without the ones M stands for."""
    text = next(part for part in EPILOG.split("\n\n") if f"data-bin/{dest} M" in part)
    words = shlex.split(text[text.index("xl-prepare") :].replace("\\\n", " "))
    assert words[:4] == ["xl-prepare", "pairs", f"data-bin/{dest}", "M"]
    return words[4:]


def prepare_real(name: str, tiny_spm, xl_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    dest = tmp_path / "bin"
    monkeypatch.chdir(xl_data)
    assert prepare.main(["pairs", str(dest), *help_command(name), *tokenizer_options(tiny_spm)]) == 0
    return dest


def same_ids(dest: Path, left: str, right: str, split: str) -> float:
    """Share of equal rows of two folders' first texts."""
    from fairseq.data import data_utils

    a, b = (
        data_utils.load_indexed_dataset(str(dest / folder / "input0" / split), None, "mmap") for folder in (left, right)
    )
    assert len(a) == len(b)
    return float(np.mean([x.tolist() == y.tolist() for x, y in zip(a, b)]))


def test_sick(
    tiny_spm, xl_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dest = prepare_real("sick", tiny_spm, xl_data, tmp_path, monkeypatch)
    counts = {"train": 4439, "valid": 495, "test": 4006}
    assert meta(dest)["splits"] == dict.fromkeys(("en", "nl", "pt"), counts)
    assert meta(dest)["views"] == dict.fromkeys(("nl", "pt"), counts)
    for split in counts:
        for lang in ("nl", "pt"):
            assert labels(dest, lang, split) == labels(dest, "en", split)
            assert (
                same_ids(dest, f"{lang}/en-view", "en", split) > 0.99
            )  # joined right: the originals are the English text
            assert same_ids(dest, f"{lang}/en-view", lang, split) < 0.01
    captured = capsys.readouterr()
    assert captured.err.count("equal the source language's own test set") == 2
    lines = captured.out.splitlines()
    assert "--lr 5e-6" in " ".join(captured.out.replace("\\\n", " ").split())
    assert lines[-1].split() == ["--path", "outputs/bin-xmixup/checkpoint_best.pt"]


def test_xnli_dev_as_translate_train(tiny_spm, xl_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dest = prepare_real("xnli-dev", tiny_spm, xl_data, tmp_path, monkeypatch)
    splits = meta(dest)["splits"]
    assert len(splits) == 15 and set(map(str, splits.values())) == {str({"test": 4008, "train": 2000, "valid": 490})}
    assert meta(dest)["views"] == {"sw": {"test": 4008}, "ur": {"test": 4008}}
    assert len({tuple(labels(dest, lang, "train")) for lang in splits}) == 1
    # test-el.tsv holds Unicode line separators inside sentences
    assert labels(dest, "el", "test") == labels(dest, "en", "test")


def test_pawsx_dev_as_translate_train(
    tiny_spm, xl_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dest = prepare_real("pawsx-dev", tiny_spm, xl_data, tmp_path, monkeypatch)
    assert {lang: part["train"] for lang, part in meta(dest)["splits"].items()} == dict.fromkeys(
        ("de", "en", "es", "fr", "ja", "zh"), 1600
    )
    assert all(labels(dest, lang, "train") == labels(dest, "en", "train") for lang in ("de", "es", "fr", "ja", "zh"))
    rows = [line.split("│") for line in capsys.readouterr().out.splitlines() if "│ train" in line]
    assert {row[1].strip(): int(row[7]) for row in rows} == {"en": 0, "de": 57, "es": 33, "fr": 6, "ja": 20, "zh": 11}


def test_indonli(tiny_spm, xl_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dest = prepare_real("indonli", tiny_spm, xl_data, tmp_path, monkeypatch)
    assert meta(dest)["splits"] == {"id": {"train": 10330, "valid": 2197, "test": 2201}}
    assert meta(dest)["source_language"] == "id"


def test_americasnli(tiny_spm, xl_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dest = prepare_real("americasnli", tiny_spm, xl_data, tmp_path, monkeypatch)
    splits = meta(dest)["splits"]
    assert splits["en"] == {"train": 19691, "valid": 2490, "test": 4008}
    assert {lang: part["test"] for lang, part in splits.items() if lang != "en"} == {
        "aym": 750, "bzd": 750, "cni": 750, "gn": 750, "hch": 750, "nah": 735, "oto": 748, "quy": 750,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "languages", "train"), [("xnli", 16, 19691), ("pawsx", 6, 0)])
def test_xtreme_folders(tiny_spm, xl_data: Path, tmp_path: Path, name: str, languages: int, train: int) -> None:
    run(tiny_spm, name, xl_data / name, tmp_path / "bin")
    found = meta(tmp_path / "bin")
    assert len(found["languages"]) == languages and found["unlabelled"] == {}
    assert found["splits"]["en"].get("train", 0) == train
    assert found["splits"]["de"] == ({"valid": 2490, "test": 4008} if name == "xnli" else {"valid": 2000, "test": 1500})
    assert found["views"] == ({lang: {"test": 4008} for lang in ("my", "sw", "ur")} if name == "xnli" else {})
