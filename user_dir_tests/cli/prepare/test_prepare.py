"""xl-prepare xnli and pawsx: what is written where, the quirks of XTREME's files, warnings."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from user_dir_tests.cli.test_hints import commands
from user_dir_tests.helpers.prepare.raw import label, make_xnli, pair, sentence, write_rows
from user_dir_tests.helpers.prepare.runs import labels, meta, run, texts, tree
from xl_plugins.cli.prepare import make_parser
from xl_plugins.errors import UserError
from xl_plugins.output import MARK, read_mark


def test_every_text_is_where_the_layout_says(tiny_spm, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dest = tmp_path / "bin"
    run(tiny_spm, "xnli", make_xnli(tmp_path / "raw"), dest)
    assert meta(dest) == {
        "format": 1,
        "problem": "sentence_pair",
        "dataset": "xnli",
        "source_language": "en",
        "languages": ["de", "en", "sw"],
        "labels": ["contradiction", "entailment", "neutral"],
        "splits": {lang: {"train": 12, "valid": 5, "test": 6} for lang in ("de", "en", "sw")},
        "views": {lang: {"train": 12, "valid": 5, "test": 6} for lang in ("de", "sw")},
        "tokenizer_sha256": meta(dest)["tokenizer_sha256"],
        "dictionary_sha256": meta(dest)["dictionary_sha256"],
        "unlabelled": {},
    }
    for split, raw in (("train", "train"), ("valid", "dev"), ("test", "test")):
        rows = range(meta(dest)["splits"]["de"][split])
        view = "btde" if split == "train" else "ttde"
        for field, which in (("input0", 0), ("input1", 1)):
            for folder, text in (("en", "en"), ("de", "de"), ("de/en-view", view)):
                assert texts(dest, folder, field, split) == [sentence(text, raw, i, which) for i in rows]
        for lang in ("en", "de", "sw"):
            assert labels(dest, lang, split) == [label(raw, i) for i in rows]
    assert (dest / "label" / "dict.txt").read_text() == "contradiction 1\nentailment 1\nneutral 1\n"
    assert (dest / "dict.txt").read_bytes() == tiny_spm.dict.read_bytes()
    assert (dest / "sentencepiece.bpe.model").read_bytes() == tiny_spm.model.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "raw"]
    mark = read_mark(dest)
    assert mark is not None and mark["command"] == "xl-prepare" and set(mark["files"]) == tree(dest).keys() - {MARK}
    out = capsys.readouterr().out
    assert commands(out)[-1] == f"xl-evaluate {dest} --path outputs/bin-xmixup/checkpoint_best.pt"
    assert commands(out)[-2].startswith(
        f"xl-train {dest} --task xmixup_sentence_pair --arch xmixup_xlmr --restore-file"
    )


def test_the_reading_side_agrees(tiny_spm, tmp_path: Path) -> None:
    from xl_plugins.data.binary.layout import DataBin

    run(tiny_spm, "xnli", make_xnli(tmp_path / "raw"), tmp_path / "bin")
    data = DataBin(tmp_path / "bin")
    assert data.languages == ["de", "en", "sw"] and data.source_language == "en"
    assert [data.labels[i] for i in data.open_labels("sw", "train")] == [label("train", i) for i in range(12)]
    assert data.has("de", "test", into_source=True) and not data.has("en", "test", into_source=True)


def test_output_is_the_same_each_time_and_with_any_number_of_workers(tiny_spm, tmp_path: Path) -> None:
    raw = make_xnli(tmp_path / "raw")
    run(tiny_spm, "xnli", raw, tmp_path / "a", "--workers", 1)
    run(tiny_spm, "xnli", raw, tmp_path / "b", "--workers", 3)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_many_batches_keep_their_order(tiny_spm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = make_xnli(tmp_path / "raw", train=97)
    run(tiny_spm, "xnli", raw, tmp_path / "a")
    monkeypatch.setattr("xl_plugins.data.prepare.binarize.BATCH", 5)
    run(tiny_spm, "xnli", raw, tmp_path / "b", "--workers", 3)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_gz_and_crlf_files_give_the_same_result(tiny_spm, tmp_path: Path) -> None:
    raw = make_xnli(tmp_path / "raw")
    run(tiny_spm, "xnli", raw, tmp_path / "a")
    for number, path in enumerate(sorted(raw.rglob("*.tsv"))):
        content = path.read_bytes()
        if number % 2:
            content = content.replace(b"\n", b"\r\n")
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(content))
        path.unlink()
    run(tiny_spm, "xnli", raw, tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_languages_and_views_can_be_chosen(tiny_spm, tmp_path: Path) -> None:
    raw, dest = make_xnli(tmp_path / "raw"), tmp_path / "bin"
    run(tiny_spm, "xnli", raw, dest, "--languages", "en,sw", "--back-translation", "none", "--translate-dev", "none")
    assert meta(dest)["languages"] == ["en", "sw"]
    assert meta(dest)["views"] == {"sw": {"test": 6}}


def test_xtremes_own_names_are_found(tiny_spm, tmp_path: Path) -> None:
    raw = make_xnli(tmp_path / "raw", ("de",))
    run(tiny_spm, "xnli", raw, tmp_path / "a")
    for old, new in (
        ("translate-train/en-de.tsv", "translate-train/en-de-translated.tsv"),
        ("translate-test/de-en.tsv", "translate-test/test-de-en-translated.tsv"),
        ("translate-dev/de-en.tsv", "translate-dev/dev-de-en-translated.tsv"),
    ):
        (raw / old).rename(raw / new)
    run(tiny_spm, "xnli", raw, tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_a_given_pattern_wins(tiny_spm, tmp_path: Path) -> None:
    raw = make_xnli(tmp_path / "raw", ("de",))
    rows = [[*pair("other", "train", i), label("train", i)] for i in range(12)]
    write_rows(tmp_path / "mine" / "de.tsv", rows)
    run(tiny_spm, "xnli", raw, tmp_path / "bin", "--translate-train", f"{tmp_path}/mine/{{lang}}.tsv")
    assert texts(tmp_path / "bin", "de", "input0", "train") == [sentence("other", "train", i, 0) for i in range(12)]


def test_translate_test_with_a_header(tiny_spm, tmp_path: Path) -> None:
    raw = make_xnli(tmp_path / "raw", ("sw",))
    run(tiny_spm, "xnli", raw, tmp_path / "a")
    rows = [["label", "sentence1_en", "sentence2_en", "sentence1_sw", "sentence2_sw"]]
    rows += [[label("test", i), *pair("ttsw", "test", i), *pair("sw", "test", i)] for i in range(6)]
    (raw / "translate-test" / "sw-en.tsv").unlink()
    write_rows(raw / "translate-test" / "sw.trans.test.tsv", rows)
    run(tiny_spm, "xnli", raw, tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_contradictory_is_contradiction(tiny_spm, tmp_path: Path) -> None:
    raw = make_xnli(tmp_path / "raw")
    run(tiny_spm, "xnli", raw, tmp_path / "a")
    for path in raw.rglob("*.tsv"):
        path.write_text(path.read_text().replace("contradiction", "contradictory"))
    run(tiny_spm, "xnli", raw, tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.parametrize("kind", ["absent", "-", "", "constant"])
def test_test_files_without_labels_are_marked(tiny_spm, tmp_path: Path, kind: str) -> None:
    raw, dest = make_xnli(tmp_path / "raw", ("de",), test=10), tmp_path / "bin"
    ends = {"absent": [], "-": ["-"], "": [""], "constant": ["neutral"]}[kind]
    write_rows(raw / "test-de.tsv", [[*pair("de", "test", i), *ends] for i in range(10)])
    run(tiny_spm, "xnli", raw, dest)
    assert meta(dest)["unlabelled"] == {"de": ["test"]}
    assert labels(dest, "de", "test") == ["contradiction"] * 10


def test_a_language_may_lack_dev_or_training_data(tiny_spm, tmp_path: Path) -> None:
    raw = make_xnli(tmp_path / "raw")
    for name in ("dev-de.tsv", "translate-dev/de-en.tsv", "translate-train/en-sw.tsv", "back-translation/en-sw.tsv"):
        (raw / name).unlink()
    run(tiny_spm, "xnli", raw, tmp_path / "bin")
    assert meta(tmp_path / "bin")["splits"]["de"] == {"train": 12, "test": 6}
    assert meta(tmp_path / "bin")["splits"]["sw"] == {"valid": 5, "test": 6}


def make_pawsx(raw: Path) -> Path:
    """Four training pairs; German rows 1 and 3 were not (wholly) translated, row 3 with the label 0 instead of 1."""
    gold = ["1", "0", "0", "1"]
    write_rows(raw / "train-en.tsv", [[*pair("en", "train", i), gold[i]] for i in range(4)])
    german = [[*pair("en", "train", i), *pair("de", "train", i), gold[i]] for i in range(4)]
    german[1][2] = "NS"
    german[3][2:] = ["NS", "NS", "0"]
    write_rows(raw / "translate-train" / "en-de.tsv", german)
    for lang in ("en", "de"):
        write_rows(raw / f"test-{lang}.tsv", [[*pair(lang, "test", i), gold[i]] for i in range(4)])
    write_rows(raw / "dev-de.tsv", [["NS", "NS", "0"], ["ba", "be", "1"]])
    return raw


def test_untranslated_training_rows_become_source_rows(
    tiny_spm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dest = tmp_path / "bin"
    run(tiny_spm, "pawsx", make_pawsx(tmp_path / "raw"), dest)
    for field, which in (("input0", 0), ("input1", 1)):
        expected = [sentence("en" if i in (1, 3) else "de", "train", i, which) for i in range(4)]
        assert texts(dest, "de", field, "train") == expected
    assert labels(dest, "de", "train") == ["1", "0", "0", "1"] == labels(dest, "en", "train")
    assert labels(dest, "de", "valid") == ["0", "1"]  # dev rows stay as they are
    assert len(texts(dest, "de", "input0", "valid")) == 2
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if "de" in line and "train" in line and "own" in line)
    assert [cell.strip() for cell in row.split("│")][7] == "2"
    assert "replaced: training rows without a translation" in out


def test_both_quoting_styles_of_pawsx(tiny_spm, tmp_path: Path) -> None:
    raw = make_pawsx(tmp_path / "raw")
    write_rows(raw / "dev-de.tsv", [['"da ""be"" du"', "ga", "1"], ['da "be" du', '"ga"', "0"]])
    write_rows(raw / "dev-en.tsv", [['da "be" du', "ga", "1"], ['"da ""be"" du"', '"ga"', "0"]])
    run(tiny_spm, "pawsx", raw, tmp_path / "bin")
    for field in ("input0", "input1"):
        german, english = (tmp_path / "bin" / lang / field / "valid.bin" for lang in ("de", "en"))
        assert german.read_bytes() == english.read_bytes()


def test_warnings_about_leaks(tiny_spm, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = make_xnli(tmp_path / "raw", ("de",))
    rows = [[*pair("de", "test", i), *pair("en", "test", i), label("test", i)] for i in range(6)]
    write_rows(raw / "translate-test" / "de-en.tsv", rows)
    (raw / "dev-en.tsv").write_bytes((raw / "test-en.tsv").read_bytes())
    shifted = [[*pair("en", "train", i + 12), *pair("de", "train", i), label("train", i)] for i in range(12)]
    write_rows(raw / "translate-train" / "en-de.tsv", shifted)
    run(tiny_spm, "xnli", raw, tmp_path / "bin")
    err = capsys.readouterr().err
    assert "100% of the translate-test rows equal the source language's own test set" in err
    assert "en: valid and test hold the same pairs" in err
    assert "en-de.tsv:1: the untranslated side is not the text of" in err and "(12 of 12 rows)" in err


def test_no_warnings_on_clean_data(tiny_spm, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tiny_spm, "xnli", make_xnli(tmp_path / "raw"), tmp_path / "bin")
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["xnli"], ["pawsx"], ["pairs"]])
def test_help_ends_with_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        make_parser().parse_args([*command, "--help"])
    assert caught.value.code == 0
    assert f"  xl-prepare {command[0] if command else 'xnli'} " in capsys.readouterr().out


def test_progress_goes_to_standard_error(tiny_spm, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tiny_spm, "xnli", make_xnli(tmp_path / "raw"), tmp_path / "bin", "--progress")
    assert "100%" in capsys.readouterr().err
    with pytest.raises(UserError, match="--workers: 0 given"):
        run(tiny_spm, "xnli", tmp_path / "raw", tmp_path / "c", "--workers", 0)
