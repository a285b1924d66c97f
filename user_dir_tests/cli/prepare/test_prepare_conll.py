"""xl-prepare conll on files as people have them: counts of words, labels, and the lines it prints of both."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from user_dir_tests.helpers.prepare import prepared
from user_dir_tests.helpers.prepare.runs import meta, run
from xl_plugins.errors import UserError
from xl_plugins.problems.tagging.raw import SentenceReader

TRAIN = "#harbor\tB-creative-work\n#days\tI-creative-work\nstart\tO\ntoday\tO\n\n"
TRAIN += "The\tO\nship\tO\nleft\tO\nOslo\tB-location\n\n#\tO\nA\tO\nnew\tB-creative-work\nstart\tO\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def count(folder: Path, split: str) -> int:
    return sum(map(len, prepared.words(folder, split)))


def test_hashtags_are_words(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    train = write(tmp_path / "train.tsv", TRAIN)
    dev = write(tmp_path / "dev.tsv", "#sunny\tO\nmorning\tO\nin\tO\nOslo\tB-location\n\nThe\tO\ndays\tO\n")
    test = write(tmp_path / "test.tsv", "Go\tO\n#harbor\tB-creative-work\nnow\tO\n\n" + TRAIN.partition("today")[0])
    run(tiny_spm, "conll", tmp_path / "bin", "--train", f"en={train}", "--valid", f"en={dev}", "--test", f"en={test}")
    assert [count(tmp_path / "bin/en", split) for split in ("train", "valid", "test")] == [12, 6, 6]
    assert prepared.labels(tmp_path / "bin") == ["B-creative-work", "B-location", "I-creative-work", "O"]
    assert "4 labels (words of en train): B-creative-work 2, B-location 1, I-creative-work 1, O 8" in (
        " ".join(capsys.readouterr().out.split())
    )
    comments = write(tmp_path / "c.tsv", "# sent_id = 1\n# text = The ship left\nThe\tO\nship\tO\nleft\tB-location\n\n")
    run(tiny_spm, "conll", tmp_path / "c", "--train", f"en={comments}")
    assert prepared.words(tmp_path / "c/en", "train") == [["The", "ship", "left"]]
    assert f"comment lines skipped: 2, first {comments}:1, '# sent_id = 1'" in capsys.readouterr().out


def test_a_line_that_names_the_sentence_is_no_word(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    named = "# id 7f-2\tdomain=en\nAnna _ _ B-PER\nsings _ _ O\n\n"  # has as many columns as a word
    run(tiny_spm, "conll", tmp_path / "a", "--train", f"en={write(tmp_path / 'a.conll', named)}")
    assert prepared.words(tmp_path / "a/en", "train") == [["Anna", "sings"]]
    assert prepared.labels(tmp_path / "a") == ["B-PER", "O"]
    assert "comment lines skipped: " in (shown := capsys.readouterr().out) and "spans: IOB (from the labels" in shown
    features = "# SYM Case=Nom\nAnna N Case=Acc\n\n"
    run(tiny_spm, "conll", tmp_path / "b", "--train", f"en={write(tmp_path / 'b.conll', features)}")
    assert prepared.words(tmp_path / "b/en", "train") == [["#", "Anna"]]
    mixed = "a\tB-PER\nb\tE-PER\nc\tL-PER\n\n"
    run(tiny_spm, "conll", tmp_path / "c", "--train", f"en={write(tmp_path / 'c.conll', mixed)}")
    assert (
        "warning: training will refuse the labels: tags 'E-PER' (BIOES) and 'L-PER' (BILOU)" in capsys.readouterr().out
    )


@pytest.mark.parametrize("blank", ["\t", " ", "\t\t"])
def test_white_lines_are_ends_of_sentences_in_all_files(tiny_spm: Any, tmp_path: Path, blank: str) -> None:
    text = f"Hi\tO\nAnna\tB-PER\n{blank}\nBern\tB-LOC\n{blank}\n"
    train = write(tmp_path / "a.tsv", text)
    soft = write(tmp_path / "s.tsv", text.replace("O\n", "1;0;0\n").replace("B-PER", "0;1;0").replace("B-LOC", "0;0;1"))
    bank = "1\tHi\t_\tINTJ" + "\t_" * 6 + f"\n{blank}\n1\tAnna\t_\tX" + "\t_" * 6 + f"\n{blank}\n"
    run(tiny_spm, "conll", tmp_path / "b", "--train", f"en={train}", f"de={train}", "--soft-labels", f"de={soft}")
    assert prepared.words(tmp_path / "b/de", "train") == [["Hi", "Anna"], ["Bern"]]
    run(tiny_spm, "conllu", tmp_path / "u", "--train", f"en={write(tmp_path / 'a.conllu', bank)}")
    assert prepared.words(tmp_path / "u/en", "train") == [["Hi"], ["Anna"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EU\tNNP\tB-NP\tB-ORG\nrejects\tVBZ\nGerman\tJJ\tB-NP\tB-MISC\n\nPeter\tNNP\tB-NP\tB-PER\n", "a:2: 2 columns"),
        ("Anna\tB-PER\nsaid\tO\tO\nso\tO\t\tx\n\nBern\tB-LOC\n\n", "a:3"),
        ("Hi\tO\rAnna\tB-PER\r\rBern\tB-LOC\r", "a:1: lines end in carriage returns alone"),
        ("Hi\nAnna\n\nBern\n", "a: no tags to take the labels from"),
        ('{"tokens":["Hi","Anna"],"ner_tags":[0,1]}\n', "a:1: tags are numbers such as 0; .*--labels O,B-PER"),
        ("Hi\tB \x07\nYo\tO\n", "a:1: 'B .*x07' cannot be a tag"),
    ],
)
def test_wrong_files_are_named_in_one_line(tiny_spm: Any, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        run(tiny_spm, "conll", tmp_path / "b", "--train", f"en={write(tmp_path / 'a', text)}")
    assert "\n" not in str(caught.value) and not list(tmp_path.glob("b*"))


def test_headers_are_skipped_and_said_or_warned_about(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    text = "token\tner\nHi\tO\nAnna\tB-PER\n\nBern\tB-LOC\n"
    train = write(tmp_path / "a.tsv", text)
    run(tiny_spm, "conll", tmp_path / "b", "--train", f"en={train}")
    assert prepared.labels(tmp_path / "b") == ["B-LOC", "B-PER", "O"]
    said = capsys.readouterr()
    assert f"line taken for a header and skipped (--header keep if it is a word): {train}:1, 'token ner'" in (said.out)
    write(train, text.replace("token\tner", "mot\tsens"))
    run(tiny_spm, "conll", tmp_path / "c", "--train", f"en={train}")
    assert f"{train}:1: 'sens', the first tag, occurs in this line alone; if it is a header, pass --header skip" in (
        capsys.readouterr().err
    )
    run(tiny_spm, "conll", tmp_path / "d", "--train", f"en={train}", "--header", "skip")
    assert prepared.words(tmp_path / "d/en", "train") == prepared.words(tmp_path / "b/en", "train")


def test_other_layouts(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    words, tags = [["Hi", "Anna"], ["Bern"]], [["O", "B-PER"], ["B-LOC"]]
    spaced = write(tmp_path / "a.conll", "Hi UH O\nAnna NNP B-PER\n\nBern NNP B-LOC\n")
    rows = write(tmp_path / "a.csv", "sentence_id,word,tag\n1,Hi,O\n1,Anna,B-PER\n2,Bern,B-LOC\n")
    names = ["O", "B-PER", "I-PER", "B-LOC"]
    lists = [{"tokens": w, "ner_tags": [names.index(tag) for tag in t]} for w, t in zip(words, tags)]
    hub = write(tmp_path / "a.jsonl", "".join(json.dumps(record) + "\n" for record in lists))
    for number, (file, options) in enumerate(((spaced, ()), (rows, ()), (hub, ("--labels", ",".join(names))))):
        run(tiny_spm, "conll", tmp_path / str(number), "--train", f"en={file}", *options)
        assert prepared.words(tmp_path / str(number) / "en", "train") == words
        assert prepared.tags(tmp_path / str(number) / "en", "train") == tags
        said = "separated by blanks" if not number else "words are read from"
        assert said in capsys.readouterr().out


def test_numbered_tags_and_parquet(tiny_spm: Any, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    records = [{"tokens": ["Hi", "#Anna"], "ner_tags": [0, 1]}, {"tokens": ["Bern"], "ner_tags": [3]}]
    parquet.write_table(pyarrow.Table.from_pylist(records), tmp_path / "a.parquet")
    names = write(tmp_path / "names.txt", "O\nB-PER\nI-PER\nB-LOC\n")
    options = ("conll", tmp_path / "b", "--train", f"en={tmp_path}/a.parquet")
    with pytest.raises(UserError, match=r"a\.parquet:1: tags are numbers such as 0; .*--label-names FILE"):
        run(tiny_spm, *options)
    run(tiny_spm, *options, "--label-names", names)
    assert prepared.words(tmp_path / "b/en", "train") == [["Hi", "#Anna"], ["Bern"]]
    assert prepared.tags(tmp_path / "b/en", "train") == [["O", "B-PER"], ["B-LOC"]]
    assert prepared.labels(tmp_path / "b") == ["O", "B-PER", "I-PER", "B-LOC"]
    features = {"ner_tags": {"feature": {"names": ["X", "Y", "Z", "O"]}}}
    info = write(tmp_path / "info.json", json.dumps({"features": features}))
    run(tiny_spm, *options, "--overwrite", "--label-names", info, "--labels", "O,X,Y,Z")
    assert prepared.tags(tmp_path / "b/en", "train") == [["X", "Y"], ["O"]]
    assert prepared.labels(tmp_path / "b") == ["O", "X", "Y", "Z"]


def test_words_are_kept_or_changes_are_counted(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    text = "1 000\tNUM\nمی\u200cرود\tVERB\n\nxx\tX\n"
    train = write(tmp_path / "train-en.tsv", text)
    run(tiny_spm, "conll", tmp_path / "kept", "--train", f"en={train}")
    assert prepared.words(tmp_path / "kept/en", "train") == [["1 000", "می\u200cرود"], ["xx"]]
    assert "changed" not in capsys.readouterr().out and "word_cleaning" not in meta(tmp_path / "kept")
    run(tiny_spm, "udpos", tmp_path, tmp_path / "ud")
    assert prepared.words(tmp_path / "ud/en", "train") == [["1000", "میرود"], ["xx"]]
    wanted = f"words changed: blanks and U+200C inside words removed, as XTREME does: 2, first {train}:1, '1 000'"
    assert wanted in capsys.readouterr().out and meta(tmp_path / "ud")["word_cleaning"] == "xtreme"


def test_what_was_changed_is_said_after_a_resumed_run_too(tiny_spm: Any, tmp_path: Path, monkeypatch: Any, capsys: Any):
    from user_dir_tests.helpers.prepare.killing import kill_after

    write(tmp_path / "train-en.tsv", "1 000\tNUM\n")
    write(tmp_path / "test-de.tsv", "2 000\tNUM\n")
    kill_after(1, monkeypatch, tiny_spm, "udpos", tmp_path, tmp_path / "b")
    run(tiny_spm, "udpos", tmp_path, tmp_path / "b")
    out = capsys.readouterr().out
    assert "1 of 2 parts were complete" in out and "as XTREME does: 2 (" in out and "test-de.tsv 1)" in out


def test_all_words_of_a_character_level_file(tiny_spm: Any, tmp_path: Path, xl_data: Path) -> None:
    """PAN-X Japanese: the characters # of 2,740 words are words, whether the file is panx's or the user's."""
    path = xl_data / "panx/test-ja.tsv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        lines = [line.rstrip("\n") for line in file]
    assert sum(map(bool, lines)) == 62_000
    run(tiny_spm, "conll", tmp_path / "b", "--train", f"en={path}", "--test", f"ja={path}")
    found = prepared.words(tmp_path / "b/ja", "test")
    assert sum(map(len, found)) == 62_000 and len(found) == 2_000
    assert [word for words in found for word in words] == [line.split("\t")[0] for line in lines if line]


def test_words_of_the_file_of_the_data_and_of_predictions_are_the_same(tiny_spm: Any, tmp_path: Path) -> None:
    """Odd words and random characters, through xl-prepare and through the reader of xl-predict."""
    draw = random.Random(5)
    odd = ["#", "#a", "# b", "-DOCSTART-", '"', '"a""b"', "\u200c", "a\u200cb", "\u00a0", "a\u00a0b", "\u200fאב"]
    odd += ["👩\u200d👧", "e\u0301"]
    drawn = ["".join(chr(draw.randrange(33, 0x2FFF)) for _ in range(draw.randint(1, 4))) for _ in range(300)]
    words = odd + [word for word in drawn if word.strip()]
    sentences = [draw.choices(words, k=draw.randint(1, 9)) for _ in range(150)]
    rows = ["".join(f"{word}\t{draw.choice(['O', 'B-X'])}\n" for word in sentence) for sentence in sentences]
    run(tiny_spm, "conll", tmp_path / "b", "--train", f"en={write(tmp_path / 'a.tsv', chr(10).join(rows))}")
    assert prepared.words(tmp_path / "b/en", "train") == sentences
    assert prepared.check_tagging(tmp_path / "b", "en", "train") == (150, sum(map(len, sentences)))
    records = write(tmp_path / "a.jsonl", "".join(json.dumps({"words": sentence}) + "\n" for sentence in sentences))
    reader = SentenceReader(str(records), None, "refused")
    assert [sentence.words for sentence in reader] == sentences and not reader.notes.found
