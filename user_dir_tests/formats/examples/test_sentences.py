"""Words and tags out of column files, treebanks and plain text."""

from __future__ import annotations

from pathlib import Path

import pytest

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.conllu_format import PRECEDENCE, fused_tag
from xl_plugins.formats.examples.sentences import SentenceFile, guess_kind, text_checksum

LABELS = ("O", "NOUN", "VERB")

CONLLU = """\
# newdoc id = n01
# sent_id = 1
# text = Er geht zum Arzt.
1\tEr\ter\tPRON\tPPER\t_\t2\tnsubj\t_\t_
2\tgeht\tgehen\tVERB\tVVFIN\t_\t0\troot\t_\t_
3-4\tzum\t_\t_\t_\t_\t_\t_\t_\t_
3\tzu\tzu\tADP\tAPPR\t_\t5\tcase\t_\t_
4\tdem\tder\tDET\tART\t_\t5\tdet\t_\t_
5\tArzt\tArzt\tNOUN\tNN\t_\t2\tobl\t_\tSpaceAfter=No
5.1\tgeht\tgehen\tVERB\t_\t_\t_\t_\t_\t_
6\t.\t.\tPUNCT\t$.\t_\t2\tpunct\t_\t_

# sent_id = 2
# text = Vámonos ya
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\t_\t_\t0\troot\t_\t_
2\tnos\tyo\tPRON\t_\t_\t1\tobj\t_\t_
3\tya\tya\tADV\t_\t_\t1\tadvmod\t_\t_
"""


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8", newline="")
    return str(path)


def read(file: SentenceFile) -> list[tuple[list[str], list[str] | None]]:
    return [(sentence.words, sentence.tags) for sentence in file.sentences()]


def test_xtreme_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", 'Das\tDET\n"\tPUNCT\r\n\n\n1 000\tNUM\nمی\u200cرود\tVERB\n')
    assert read(SentenceFile(path)) == [
        (["Das", '"'], ["DET", "PUNCT"]),
        (["1000", "میرود"], ["NUM", "VERB"]),
    ]
    assert [sentence.lines for sentence in SentenceFile(path).sentences()] == [[1, 2], [5, 6]]
    assert read(SentenceFile(path, clean=False))[1][0] == ["1 000", "می\u200cرود"]


def test_only_line_feeds_and_tabs_divide(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a\u2028b\tX\nc\u00a0d\tX\n\x0b\tX\n")
    assert read(SentenceFile(path)) == [(["a\u2028b", "c\u00a0d", "\x0b"], ["X", "X", "X"])]


def test_a_file_without_tags(tmp_path: Path) -> None:
    assert read(SentenceFile(write(tmp_path / "a.tsv", "ein\nWort\n\nnoch\n"))) == [
        (["ein", "Wort"], None),
        (["noch"], None),
    ]


def test_language_prefix_is_removed_only_where_every_word_has_it(tmp_path: Path) -> None:
    original = write(tmp_path / "a", "de:Berlin\tB-LOC\nde::\tO\n\nde:x\tO\n")
    assert read(SentenceFile(original, prefix="de:")) == [(["Berlin", ":"], ["B-LOC", "O"]), (["x"], ["O"])]
    processed = write(tmp_path / "b", "de:Berlin\tB-LOC\n:\tO\n")
    assert read(SentenceFile(processed, prefix="de:"))[0][0] == ["de:Berlin", ":"]


def test_conll_2003_and_universal_ner(tmp_path: Path) -> None:
    text = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ  B-VP O\n\n# NN B-NP O\n"
    conll = SentenceFile(write(tmp_path / "a", text), tag=-1, separator="space", comment="#")
    assert read(conll) == [(["EU", "rejects"], ["B-ORG", "O"]), (["#"], ["O"])]
    text = "# sent_id = 1\n# text = a\n1\tBerlin\tB-LOC\t-\tx\n2\t#\tO\t-\tx\n\n"
    assert read(SentenceFile(write(tmp_path / "b", text), word=1, tag=2, comment="#")) == [
        (["Berlin", "#"], ["B-LOC", "O"])
    ]


def test_treebank_words_are_those_of_the_text(tmp_path: Path) -> None:
    file = SentenceFile(write(tmp_path / "a.conllu", CONLLU), kind="conllu")
    first, second = file.sentences()
    assert first.words == ["Er", "geht", "zum", "Arzt", "."]
    assert first.tags == ["PRON", "VERB", "ADP", "NOUN", "PUNCT"]
    assert (first.text, first.lines) == ("Er geht zum Arzt.", [4, 5, 6, 9, 11])
    assert (second.words, second.tags) == (["Vámonos", "ya"], ["VERB", "ADV"])
    xpos = SentenceFile(file.path, kind="conllu", column="xpos")
    assert next(xpos.sentences()).tags == ["PPER", "VVFIN", "APPR", "NN", "$."]


def test_precedence_of_fused_tags() -> None:
    assert PRECEDENCE[:6] == ("VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM")
    assert len(set(PRECEDENCE)) == 17
    assert fused_tag(["ADP", "DET"]) == "ADP"
    assert fused_tag(["PRON", "AUX"]) == "PRON"
    assert fused_tag(["DET", "NOUN", "PART"]) == "NOUN"
    assert fused_tag(["APPR", "ART"]) == "APPR"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2\tgeht\tgehen", "2 geht gehen", r":5: .* columns, expected the 10 of CoNLL-U"),
        ("2\tgeht\tgehen", "3\tgeht\tgehen", ":5: word number 3, expected 2"),
        ("2\tgeht\tgehen", "x\tgeht\tgehen", ":5: 'x' is no word number"),
        ("3-4\tzum", "3-2\tzum", ":6: word number 3-2"),
        ("3\tya", "4\tya", ":18: word number 4, expected 3"),
        ("3-4\tzum", "3-9\tzum", ":11: the sentence ends inside a multiword token"),
        ("1\tEr", "1\t \u200c", ":4: empty word"),
    ],
)
def test_errors_in_treebanks(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert CONLLU.count(old) == 1
    path = write(tmp_path / "a.conllu", CONLLU.replace(old, new))
    with pytest.raises(UserError, match=message):
        read(SentenceFile(path, kind="conllu"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tX\n\u200c \tX\n", ":2: empty word"),
        ("a\tX\n\tX\n", ":2: empty word"),
        ("a\tX\nb\t\n", ":2: no tag for the word 'b'"),
        ("a\tX\nb\n", ":2: 1 column, expected 2"),
        ("", "the file has no sentence"),
        ("\n\n", "the file has no sentence"),
    ],
)
def test_errors_in_column_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(SentenceFile(write(tmp_path / "a.tsv", text)))


def test_a_missing_column(tmp_path: Path) -> None:
    file = SentenceFile(write(tmp_path / "a", "1\ta\tX\n2\tb\n"), word=1, tag=2)
    with pytest.raises(UserError, match=":2: 2 columns, expected 3 as in the first sentences"):
        read(file)
    with pytest.raises(UserError, match=":1: no column 4 for the tag, the lines have 3"):
        read(SentenceFile(write(tmp_path / "a", "1\ta\tX\n"), word=1, tag=3))


def test_running_text_and_its_translation(tmp_path: Path) -> None:
    text = SentenceFile(write(tmp_path / "a.txt", "Hello  world\nBye\n"), kind="text")
    assert [(s.words, s.text, s.check) for s in text.sentences()] == [
        (["Hello", "world"], "Hello  world", None),
        (["Bye"], "Bye", None),
    ]
    both = SentenceFile(write(tmp_path / "a.tsv", "Er geht zum Arzt.\tHe goes\n"), kind="parallel")
    (sentence,) = both.sentences()
    assert (sentence.text, sentence.check) == ("He goes", text_checksum("ErgehtzumArzt."))
    with pytest.raises(UserError, match=":2: blank line between rows"):
        read(SentenceFile(write(tmp_path / "b.txt", "a\n\nb\n"), kind="text"))
    with pytest.raises(UserError, match=":1: expected 'sentence TAB its translation'"):
        read(SentenceFile(write(tmp_path / "b.tsv", "a\t \n"), kind="parallel"))


def test_ranges(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "a\n\nb\n\nc\n")
    assert [words for words, _ in read(SentenceFile(path, start=1, end=3))] == [["b"], ["c"]]
    assert [words for words, _ in read(SentenceFile(path, start=2))] == [["c"]]
    for start, end in ((3, None), (0, 4), (5, 6)):
        with pytest.raises(UserError, match="the file has only 3"):
            read(SentenceFile(path, start=start, end=end))


@pytest.mark.parametrize(
    ("name", "text", "view", "kind"),
    [
        ("a.tsv", "Hund\tNOUN\n\n", True, "tokens"),
        ("a.tsv", "Hund\n\nKatze\n", True, "tokens"),
        ("a.tsv", "Der Hund\tThe dog\n", True, "parallel"),
        ("a.tsv", "Der Hund\tThe dog\n", False, "tokens"),
        ("a.txt", "The dog\n", True, "text"),
        ("a.conllu", CONLLU, True, "conllu"),
        ("a.tsv", CONLLU, True, "conllu"),
        ("a.txt", "Hund\n\nKatze\n", True, "tokens"),
        ("a.txt", "Hund\tNOUN\n", False, "tokens"),
        ("a.txt", "Der Hund\n\nEine gute Katze\n", True, "text"),
        ("a.tsv", "2020" + 10 * "\tX" + "\n", True, "tokens"),
    ],
)
def test_formats_are_told_apart(tmp_path: Path, name: str, text: str, view: bool, kind: str) -> None:
    assert guess_kind(write(tmp_path / name, text), LABELS, view) == kind
