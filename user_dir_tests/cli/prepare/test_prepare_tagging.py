"""xl-prepare for tagged sentences: udpos, panx, conllu, conll."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.prepare import prepared
from user_dir_tests.helpers.prepare.raw import edit
from user_dir_tests.helpers.prepare.runs import meta, run, tree
from user_dir_tests.helpers.prepare.tagging import add_source_texts, make_udpos, soft_labels, tagged, write
from xl_plugins.errors import UserError

UPOS = "O ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()


def test_every_word_and_tag_is_where_the_layout_says(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    raw, dest = make_udpos(tmp_path / "raw"), tmp_path / "bin"
    run(tiny_spm, "udpos", raw, dest)
    assert prepared.labels(dest) == UPOS
    for language, split, name, count in (
        ("en", "train", "train", 6), ("en", "valid", "dev", 4), ("en", "test", "test", 12),
        ("de", "valid", "dev", 4), ("de", "test", "test", 12), ("kk", "test", "test", 12),
    ):  # fmt: skip
        wanted = [[line.split("\t") for line in tagged(language, name, i)] for i in range(count)]
        assert prepared.words(dest / language, split) == [[word for word, _ in rows] for rows in wanted]
        assert prepared.tags(dest / language, split) == [[tag for _, tag in rows] for rows in wanted]
        assert prepared.check_tagging(dest, language, split)[0] == count
    assert not (dest / "kk" / "input0" / "valid.idx").exists()
    content = meta(dest)
    assert content["problem"] == "tagging" and content["labels"] == UPOS and content["unlabelled"] == {}
    assert content["splits"]["kk"] == {"test": 12} and content["views"] == {}
    assert "--task xl_tagging --arch xl_xlmr" in capsys.readouterr().out.replace(" \\\n      ", " ")


def test_words_are_encoded_one_by_one(tiny_spm: Any, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw / "train-en.tsv", [["kabo\tNOUN", "\u200e\tX", "吉尔\tX"], ["nami\tNOUN"]])
    run(tiny_spm, "udpos", raw, tmp_path / "bin")
    first, second = prepared.pieces(tmp_path / "bin", tmp_path / "bin/en", "input0", "train")
    counts = prepared.rows(tmp_path / "bin/en", "words", "train")
    assert counts[0].sum() == len(first) - 1
    start = int(counts[0][0])
    assert "".join(first[:start]) == "▁kabo"
    assert first[start] == "<unk>" and counts[0][1] == 1  # no piece at all
    assert "".join(second[:-1]) == "▁nami"


def test_translations_and_soft_labels(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    raw, dest = add_source_texts(make_udpos(tmp_path / "raw")), tmp_path / "bin"
    soft_labels(raw / "soft-labels/en-de.tsv")
    run(tiny_spm, "udpos", raw, dest, "--languages", "en,de")
    assert prepared.words(dest / "de", "train")[2] == ["detrain2", "kabo", "nami", "tu", "."]
    assert not (dest / "de/label/train.idx").exists()
    soft = np.load(dest / "de/soft/train.npy")
    counts = [3 + i % 3 for i in range(6)]
    assert soft.dtype == np.float32 and soft.shape == (sum(counts), 18)
    assert soft.argmax(axis=1).tolist() == [(i + j) % 18 for i in range(6) for j in range(counts[i])]
    view = dest / "de/en-view"
    assert prepared.strings(view, "raw", "train")[1] == "bttrain1 kabo nami tu"
    assert prepared.strings(view, "raw", "valid")[0] == "tddev0 kabo nami"
    assert prepared.strings(view, "raw", "test")[11] == "tttest11 kabo nami tu ."
    assert len(prepared.rows(view, "input0", "test")) == 12 and not (view / "words").exists()
    content = meta(dest)
    assert content["unlabelled"] == {"de": ["train"]}
    assert content["views"] == {"de": {"test": 12, "train": 6, "valid": 4}}
    out = capsys.readouterr()
    assert "--task xmixup_tagging --arch xmixup_xlmr" in out.out.replace(" \\\n      ", " ")
    assert "--no-" not in out.out and "soft" in out.out
    assert "warning" not in out.err


def test_soft_labels_alone_are_the_translated_text(tiny_spm: Any, tmp_path: Path) -> None:
    raw = make_udpos(tmp_path / "raw")
    soft_labels(tmp_path / "soft/de.tsv")
    run(
        tiny_spm,
        "udpos",
        raw,
        tmp_path / "bin",
        "--languages",
        "en,de",
        "--soft-labels",
        f"{tmp_path}/soft/{{lang}}.tsv",
    )
    assert prepared.words(tmp_path / "bin/de", "train")[0] == ["detrain0", "kabo", "nami"]
    assert len(np.load(tmp_path / "bin/de/soft/train.npy")) == sum(3 + i % 3 for i in range(6))


def test_test_files_without_tags(tiny_spm: Any, tmp_path: Path) -> None:
    raw = make_udpos(tmp_path / "raw")
    write(raw / "test-de.tsv", [tagged("de", "test", i, tag=False) for i in range(12)])
    write(raw / "test-kk.tsv", [[line.split("\t")[0] + "\tX" for line in tagged("kk", "test", i)] for i in range(12)])
    run(tiny_spm, "udpos", raw, tmp_path / "bin")
    assert meta(tmp_path / "bin")["unlabelled"] == {"de": ["test"], "kk": ["test"]}
    for language in ("de", "kk"):
        assert {tag for row in prepared.tags(tmp_path / "bin" / language, "test") for tag in row} == {"O"}


def test_equal_input_equal_bytes_and_resuming(tiny_spm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from user_dir_tests.helpers.prepare.killing import kill_after

    raw = add_source_texts(make_udpos(tmp_path / "raw"))
    soft_labels(raw / "soft-labels/en-de.tsv")
    run(tiny_spm, "udpos", raw, tmp_path / "one", "--workers", 1)
    run(tiny_spm, "udpos", raw, tmp_path / "two", "--workers", 3)
    kill_after(4, monkeypatch, tiny_spm, "udpos", raw, tmp_path / "three")
    run(tiny_spm, "udpos", raw, tmp_path / "three")
    assert tree(tmp_path / "one") == tree(tmp_path / "two") == tree(tmp_path / "three")


@pytest.mark.parametrize(
    ("name", "line", "text", "message"),
    [
        ("train-en.tsv", 2, "kabo\tVREB", "train-en.tsv:2: tag 'VREB' is not one of O, ADJ"),
        ("dev-de.tsv", 1, "\u200c\tNOUN", "dev-de.tsv:1: empty word"),
        ("dev-de.tsv", 1, "kabo", "dev-de.tsv:1: 1 column, expected 2"),
        ("test-kk.tsv", 6, "nami", "test-kk.tsv:6: 1 column, expected 2"),
        ("translate-train/en-de.txt", 6, "", "en-de.txt: 5 sentences, but .*train-en.tsv has 6"),
        ("translate-test/de-en.tsv", 12, "", "de-en.tsv: 11 sentences, but .*test-de.tsv has 12"),
        ("back-translation/en-de.tsv", 2, "", "en-de.tsv:2: blank line between rows"),
        ("soft-labels/en-de.tsv", 1, "detrain0\t1;0", "en-de.tsv:1: 2 probabilities, but there are 18 labels"),
    ],
)
def test_errors_leave_nothing_behind(
    tiny_spm: Any, tmp_path: Path, name: str, line: int, text: str, message: str
) -> None:
    raw = add_source_texts(make_udpos(tmp_path / "raw"))
    soft_labels(raw / "soft-labels/en-de.tsv")
    edit(raw / name, line, text)
    with pytest.raises(UserError, match=message):
        run(tiny_spm, "udpos", raw, tmp_path / "bin")
    assert not list(tmp_path.glob("bin*"))


def test_a_file_that_is_tagged_in_part(tiny_spm: Any, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw / "train-en.tsv", [["a\tX"], ["b"]])
    with pytest.raises(UserError, match=r"en\.tsv:3: 1 column, expected 2"):
        run(tiny_spm, "udpos", raw, tmp_path / "bin")
    write(raw / "train-en.tsv", [["a"], ["b\tX"]])
    with pytest.raises(UserError, match=r"en\.tsv:3: 2 columns, expected 1"):
        run(tiny_spm, "udpos", raw, tmp_path / "bin")
    write(raw / "train-en.tsv", [["a"], ["b"]])
    with pytest.raises(UserError, match="no tags; train sentences of en need one tag per word"):
        run(tiny_spm, "udpos", raw, tmp_path / "bin")


def test_shifted_and_original_translations_are_warned_about(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    raw = make_udpos(tmp_path / "raw")
    (raw / "translate-test").mkdir()
    own = [" ".join(tagged("de", "test", i, tag=False)) for i in range(12)]
    english = [" ".join(tagged("en", "test", i, tag=False)) for i in range(12)]
    rows = [f"{a}\t{b}\n" for a, b in zip(own[1:] + own[:1], english)]
    (raw / "translate-test/de-en.tsv").write_text("".join(rows))
    run(tiny_spm, "udpos", raw, tmp_path / "bin")
    error = capsys.readouterr().err
    assert "de-en.tsv:1: the untranslated side is not the sentence at" in error and "(12 of 12 sentences)" in error
    assert "100% of the translate-test rows equal the source language's own test set" in error
    (raw / "dev-de.tsv").write_bytes((raw / "test-de.tsv").read_bytes())
    run(tiny_spm, "udpos", raw, tmp_path / "bin", "--overwrite")
    assert "de: valid and test hold the same sentences" in capsys.readouterr().err


def test_panx_keeps_words_and_drops_the_language(tiny_spm: Any, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw / "train-en.tsv", [["en:Berlin\tB-LOC", "en::\tO"]])
    write(raw / "train-fa.tsv", [["fa:x\tO"]])  # XTREME's, no translation
    write(raw / "test-fa.tsv", [["می\u200cرود\tI-PER"]])
    run(tiny_spm, "panx", raw, tmp_path / "bin")
    assert prepared.labels(tmp_path / "bin") == ["B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O"]
    assert prepared.words(tmp_path / "bin/en", "train") == [["Berlin", ":"]]
    assert prepared.words(tmp_path / "bin/fa", "test") == [["می\u200cرود"]]
    assert "train" not in meta(tmp_path / "bin")["splits"]["fa"]


def test_conll_files_and_their_labels(tiny_spm: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = write(tmp_path / "eng.train", [["-DOCSTART- -X- O O"], ["EU NNP B-NP I-ORG", "calls VB O O"]])
    test = write(tmp_path / "deu.test", [["Wien NNP O I-ORG"]])
    options = ("--separator", "space", "--train", f"en={train}", "--test", f"de={test}")
    run(tiny_spm, "conll", tmp_path / "bin", *options)
    assert prepared.labels(tmp_path / "bin") == ["I-ORG", "O"]
    assert prepared.tags(tmp_path / "bin/en", "train") == [["I-ORG", "O"]]
    run(tiny_spm, "conll", tmp_path / "pos", *options, "--tag-column", 2)
    assert prepared.labels(tmp_path / "pos") == ["O", "NNP", "VB"]
    said = f"columns are counted from 1: the first word of {train} is 'EU', its tag 'NNP'"
    assert capsys.readouterr().err.count(said) == 1
    with pytest.raises(UserError, match=r"eng.train:1: no column 5 for the tag, the lines have 4; columns are"):
        run(tiny_spm, "conll", tmp_path / "bad", *options, "--tag-column", 5)
    with pytest.raises(UserError, match="--word-column, --tag-column: there is no column 0, columns are counted"):
        run(tiny_spm, "conll", tmp_path / "bad", *options, "--tag-column", 0)
    with pytest.raises(UserError, match="--labels: 'A,A' must be two or more different words"):
        run(tiny_spm, "conll", tmp_path / "bad", *options, "--labels", "A,A")


def test_the_tag_set_of_training_does_not_hold_the_tests(tiny_spm: Any, tmp_path: Path) -> None:
    train, test = write(tmp_path / "a", [["x\tA"]]), write(tmp_path / "b", [["y\tB"]])
    with pytest.raises(UserError, match="b:1: tag 'B' is not one of O, A"):
        run(tiny_spm, "conll", tmp_path / "bin", "--train", f"en={train}", "--test", f"de={test}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--train", "de={f}"], "--train: no file of the source language en"),
        (["--train", "en={f}", "--translate-test", "de={f}"], "translates de's test sentences, but --test has no file"),
        (["--train", "en={f}", "--soft-labels", "de={f}"], "--soft-labels: de has no translated training sentences"),
        (["--train", "en={f}[3:2]"], "--train: the range of .* is empty"),
        (["--train", "en={f}[0:9]"], r"sentences \[0:9\] asked for, the file has only 2"),
        (["--train", "en=nowhere"], "--train: nowhere .en. does not exist"),
        ([], "no file given; see xl-prepare conll --help"),
    ],
)
def test_wrong_options(tiny_spm: Any, tmp_path: Path, options: list[str], message: str) -> None:
    file = write(tmp_path / "a", [["x\tA"], ["y\tB"]])
    with pytest.raises(UserError, match=message):
        run(tiny_spm, "conll", tmp_path / "bin", *(option.replace("{f}", str(file)) for option in options))


def test_treebanks(tiny_spm: Any, tmp_path: Path) -> None:
    from user_dir_tests.formats.examples.test_sentences import CONLLU

    file = tmp_path / "a.conllu"
    file.write_text(CONLLU, encoding="utf-8")
    run(tiny_spm, "conllu", tmp_path / "bin", "--train", f"en={file}", f"de={file}[0:2]", "--test", f"de={file}[1:2]",
        "--translate-test", f"de={file}[0:1]")  # fmt: skip
    assert prepared.labels(tmp_path / "bin") == UPOS
    assert prepared.words(tmp_path / "bin/de", "test") == [["Vámonos", "ya"]]
    assert prepared.tags(tmp_path / "bin/de", "test") == [["VERB", "ADV"]]
    assert prepared.strings(tmp_path / "bin/de/en-view", "raw", "test") == ["Er geht zum Arzt."]
    run(tiny_spm, "conllu", tmp_path / "xpos", "--train", f"en={file}", "--column", "xpos", "--labels",
        "PPER,VVFIN,APPR,NN,$.,_")  # fmt: skip
    assert prepared.tags(tmp_path / "xpos/en", "train")[0] == ["PPER", "VVFIN", "APPR", "NN", "$."]


@pytest.mark.slow
def test_a_mistake_is_one_line_and_status_2(tiny_spm: Any, tmp_path: Path, run_cli: Any) -> None:
    from user_dir_tests.helpers.prepare.runs import tokenizer_options

    raw = make_udpos(tmp_path / "raw")
    edit(raw / "test-de.tsv", 3, "nami\tADJECTIVE")
    done = run_cli("prepare", "udpos", raw, tmp_path / "bin", *tokenizer_options(tiny_spm))
    assert done.code == 2 and "Traceback" not in done.err
    assert (
        done.err.strip().splitlines()[-1].startswith(f"xl-prepare: error: {raw}/test-de.tsv:3: tag 'ADJECTIVE' is not")
    )
    assert not list(tmp_path.glob("bin*"))
