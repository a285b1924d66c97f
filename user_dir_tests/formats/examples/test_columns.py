"""Column files and tables of tagged words: every token is read, and what is none is named with file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.sentences import SentenceFile
from xl_plugins.formats.examples.token_tables import guess
from xl_plugins.formats.examples.words import Notes

CONLL = {"word": None, "tag": None, "separator": "auto", "comment": "#", "header": "auto", "clean": False}


def read(path: Path, text: str, notes: Notes | None = None, **options) -> list[list[tuple[str, str | None]]]:
    path.write_text(text, encoding="utf-8", newline="")
    kind = guess(str(path)) or "tokens"
    file = SentenceFile(str(path), kind=kind, **{**CONLL, **options})
    return [list(zip(s.words, s.tags or [None] * len(s.words))) for s in file.sentences(notes=notes)]


def words(found) -> list[list[str]]:
    return [[word for word, _ in sentence] for sentence in found]


def test_words_that_begin_with_the_comment_mark(tmp_path):
    found = read(tmp_path / "a", "#harbor\tB-creative-work\n#days\tI-creative-work\n\n#\tO\nA\tO\n")
    assert found == [[("#harbor", "B-creative-work"), ("#days", "I-creative-work")], [("#", "O"), ("A", "O")]]
    notes = Notes()
    found = read(tmp_path / "b", "# sent_id = 1\n# text = The ship\nThe\tO\nship\tO\n\n#x\nleft\tB-LOC\n", notes)
    assert words(found) == [["The", "ship"], ["left"]]
    assert notes.found == {"note: comment lines skipped": [3, 1, "# sent_id = 1"]}
    found = read(tmp_path / "c", "# sent_id = 1\n# text = EU\n# NN B-NP O\nEU NNP B-NP B-ORG\n\n#x NN B-NP O\n")
    assert words(found) == [["#", "EU"], ["#x"]]
    assert words(read(tmp_path / "d", "# a comment\n#x\ny\n\n#z\n")) == [["#x", "y"], ["#z"]]


def test_all_sentences_may_begin_with_the_mark(tmp_path):
    assert words(read(tmp_path / "a", "#a\tO\n\n#b\tO\n\n#c\tB-X\n")) == [["#a"], ["#b"], ["#c"]]
    assert words(read(tmp_path / "b", "#a O\n\n#b O\n\n#c B-X\n")) == [["#a"], ["#b"], ["#c"]]


def test_a_comment_mark_inside_a_sentence_is_no_comment(tmp_path):
    with pytest.raises(UserError, match="a:2: 1 column, expected 2"):
        read(tmp_path / "a", "The\tO\n# here\nship\tO\n")


@pytest.mark.parametrize("blank", ["", "\t", "\t\t", " ", " \t ", "\u00a0", "\u3000\t", "\r"])
def test_white_space_alone_ends_a_sentence(tmp_path, blank):
    text = f"Hi\tO\tO\nAnna\tO\tB-PER\n{blank}\nBern\tO\tB-LOC\n{blank}\n{blank}\n"
    assert read(tmp_path / "a", text) == [[("Hi", "O"), ("Anna", "B-PER")], [("Bern", "B-LOC")]]
    assert words(read(tmp_path / "b", text.replace("\tO\t", " O "))) == [["Hi", "Anna"], ["Bern"]]


def test_a_line_with_a_tag_alone_has_an_empty_word(tmp_path):
    for text in ("a\tX\n\tO\n\nb\tX\n", "a\tX\n \tO\n\nb\tX\n"):
        with pytest.raises(UserError, match="a:2: empty word"):
            read(tmp_path / "a", text)
    assert words(read(tmp_path / "a", "a\tX\n\u3000\tO\n\u200c\tO\n\nb\tX\n")) == [["a", "\u3000", "\u200c"], ["b"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EU\tN\tB\tO\nrejects\tV\nGerman\tJ\tB\tO\n", "a:2: 2 columns, expected 4 as in the first sentences"),
        (
            "Anna\tB-PER\nsaid\tO\tO\nso\tO\t\tx\n\nBern\tB-LOC\n",
            r"a:2: 3 columns, expected 2 .* as well as .*a:3 \(4\)",
        ),
        ("A B\n\nB A\n\nC\n", "a:5: 1 column, expected 2 .*separated by blanks"),
        ("a\tX\n" * 3000 + "b\tX\tY\n", "a:3001: 3 columns, expected 2"),
        ("My tagged words\nAnna\tB-PER\nBern\tO\n", "a:1: 1 column, expected 2"),
        ("Hi\tO\rAnna\tB-PER\r\rBern\tB-LOC\r", "a:1: lines end in carriage returns alone"),
    ],
)
def test_lines_of_another_number_of_columns(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read(tmp_path / "a", text)


def test_tabs_at_the_end_are_no_columns(tmp_path):
    assert read(tmp_path / "a", "a\tX\nb\tY\t\n\nc\tX \t \n") == [[("a", "X"), ("b", "Y")], [("c", "X")]]
    assert read(tmp_path / "b", "a\tX\t\nb\tY\t\n") == [[("a", "X"), ("b", "Y")]]
    assert read(tmp_path / "c", "a\t\nb\t\n") == [[("a", None), ("b", None)]]


def test_headers(tmp_path):
    text = "token\tner\nHi\tO\nAnna\tB-PER\n\nBern\tB-LOC\n"
    notes = Notes()
    assert words(read(tmp_path / "a", text, notes)) == [["Hi", "Anna"], ["Bern"]]
    assert ["taken for a header" in kind for kind in notes.found] == [True]
    assert list(notes.found.values()) == [[1, 1, "token ner"]]
    assert words(read(tmp_path / "a", text, header="keep")) == [["token", "Hi", "Anna"], ["Bern"]]
    other = text.replace("token\tner", "mot\tsens")
    assert words(read(tmp_path / "a", other)) == [["mot", "Hi", "Anna"], ["Bern"]]
    assert words(read(tmp_path / "a", other, header="skip")) == [["Hi", "Anna"], ["Bern"]]
    named = "ner\tid\ttoken\nO\t1\tHi\nB-PER\t2\tAnna\n"
    expected = [[("Hi", "O"), ("Anna", "B-PER")]]
    assert read(tmp_path / "a", named) == expected
    assert read(tmp_path / "a", named.replace("ner", "mine"), word="token", tag="mine") == expected
    with pytest.raises(UserError, match="a:1: no column 'x' for the tag; the first line names ner, id, token"):
        read(tmp_path / "a", named, tag="x")


def test_beginnings_of_documents_are_no_words_but_the_same_word_is(tmp_path):
    notes = Notes()
    text = "-DOCSTART- -X- -X- O\n\nEU N B O\n-DOCSTART- N B O\n\n-DOCSTART- N B B-X\n\n-DOCSTART- -X- O O\n\nX N B O\n"
    assert words(read(tmp_path / "a", text, notes)) == [["EU", "-DOCSTART-"], ["-DOCSTART-"], ["X"]]
    assert [found[0] for kind, found in notes.found.items() if "skipped" in kind] == [2]
    dutch = "-DOCSTART- -DOCSTART- O\nDe Art O\n\n-DOCSTART- -DOCSTART- O\nHet Art O\n"
    assert words(read(tmp_path / "a", dutch)) == [["De"], ["Het"]]
    assert words(read(tmp_path / "a", "Hi\tO\n\n-DOCSTART-\tO\n")) == [["Hi"], ["-DOCSTART-"]]
    notes = Notes()
    assert words(read(tmp_path / "a", "-DOCSTART-\tO\n\nHi\tO\n", notes)) == [["-DOCSTART-"], ["Hi"]]
    assert "kept; remove the lines" in next(iter(notes.found))
    assert words(read(tmp_path / "a", "-DOCSTART-\n\nHi\tO\n")) == [["Hi"]]
    assert len(read(tmp_path / "a", text, comment=None)) == 5


def test_changes_to_words_are_counted(tmp_path):
    notes = Notes()
    text = "a b\tX\n می\u200cرود\tX\n\nc \tX\n"
    assert words(read(tmp_path / "a", text, notes)) == [["a b", "می\u200cرود"], ["c"]]
    assert notes.found == {"word: blanks around words removed": [2, 2, " می\u200cرود"]}
    notes = Notes()
    assert words(read(tmp_path / "a", text, notes, clean=True)) == [["ab", "میرود"], ["c"]]
    assert notes.found == {"word: blanks and U+200C inside words removed, as XTREME does": [3, 1, "a b"]}
    notes = Notes()
    read(tmp_path / "a", "de:Berlin\tO\nde:a\tO\n", notes, prefix="de:")
    assert notes.found == {"word: the language's prefix 'de:' removed": [2, 1, "de:Berlin"]}


def test_a_prefix_of_the_first_sentence_alone_is_part_of_its_words(tmp_path):
    assert words(read(tmp_path / "a", "de:x\tO\n\nBerlin\tO\n", prefix="de:")) == [["de:x"], ["Berlin"]]


def test_blanks_as_separator_are_recognised(tmp_path):
    notes = Notes()
    text = "EU NNP B-NP B-ORG\nrejects VBZ  B-VP O \n\n\u3000 NNP B-NP B-PER\n"
    assert read(tmp_path / "a", text, notes) == [[("EU", "B-ORG"), ("rejects", "O")], [("\u3000", "B-PER")]]
    assert "columns are separated by blanks" in next(iter(notes.found))


def test_lists_of_words_and_tags(tmp_path):
    text = '{"id": "0", "tokens":["Hi","Anna"],"pos_tags":[5,6],"ner_tags":[0,1]}\n{"tokens":["Bern"],"ner_tags":[3]}\n'
    names = ("O", "B-PER", "I-PER", "B-LOC")
    expected = [[("Hi", "O"), ("Anna", "B-PER")], [("Bern", "B-LOC")]]
    assert read(tmp_path / "a.jsonl", text, names=names) == expected
    listed = json.dumps([json.loads(line) for line in text.splitlines()], indent=1)
    assert read(tmp_path / "a.json", listed, names=names) == expected
    for row in ("5", "6"):
        with pytest.raises(UserError, match=rf":1: tags are numbers such as {row}; .*--labels O,B-PER"):
            read(tmp_path / "a.jsonl", text.replace("[5,6]", f"[{row},6]"), tag="pos_tags")
    with pytest.raises(UserError, match=":2: tag number 3, but only 0 to 1 have names"):
        read(tmp_path / "a.jsonl", text, names=("O", "B-PER"))
    for old, new, message in (
        ("[0,1]", "[0]", ":1: 2 words in 'tokens', but 1 tags in 'ner_tags'"),
        ("[3]", "3", ":2: 'ner_tags' is no list"),
        ('"ner_tags":[3]', '"x":1', ":2: 'ner_tags' is missing"),
        ('["Bern"]', "[5]", ":2: 'tokens' holds 5, expected a list of texts"),
        ('["Bern"]', '[""]', ":2: empty word"),
        ("tokens", "mots", ":1: no column of words among id, mots, pos_tags, ner_tags; name it: --word-column"),
    ):
        with pytest.raises(UserError, match=message):
            read(tmp_path / "a.jsonl", text.replace(old, new), names=names)
    texts = text.replace("[0,1]", '["O","B-PER"]').replace("[3]", '["B-LOC"]').replace("tokens", "mots")
    notes = Notes()
    assert read(tmp_path / "a.jsonl", texts.replace("Hi", "H\\ti"), notes, word="mots")[0][0] == ("H i", "O")
    assert notes.found["word: tabs and line ends inside words made blanks"] == [1, 1, "H\ti"]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_row_per_word(tmp_path, mark):
    rows = ["Sentence #,Word,POS,Tag", "Sentence: 1,Hi,UH,O", ',"Anna ""A""",NNP,B-PER', "Sentence: 2,Bern,NNP,B-LOC"]
    expected = [[("Hi", "O"), ('Anna "A"', "B-PER")], [("Bern", "B-LOC")]]
    assert read(tmp_path / "a.csv", "\n".join(rows).replace(",", mark) + "\n") == expected
    every = [row if row[0] != "," else "Sentence: 1" + row for row in rows]
    assert read(tmp_path / "a.csv", "\n".join(every).replace(",", mark) + "\n") == expected
    with pytest.raises(UserError, match=r"a\.csv:3: 3 columns, expected 4 as in the header"):
        read(tmp_path / "a.csv", "\n".join([*rows[:2], ",Anna,B-PER"]).replace(",", mark))
    with pytest.raises(UserError, match=r"a\.csv:3: empty word"):
        read(tmp_path / "a.csv", "\n".join([*rows[:2], ",,NNP,B-PER"]).replace(",", mark))


def test_a_row_per_word_without_numbers_of_sentences(tmp_path):
    path = tmp_path / "a.csv"
    assert words(read(path, "word,tag\nHi,O\nAnna,B-PER\n\nBern,B-LOC\n,\n")) == [["Hi", "Anna"], ["Bern"]]
    with pytest.raises(UserError, match=r"--sentence-column NAME \(there are nr, word, tag\)"):
        read(path, "nr,word,tag\n" + "1,Hi,O\n" * 2001)
    found = read(path, "nr,word,tag\n1,Hi,O\n1,Anna,B-PER\n2,Bern,O\n", sentence="nr")
    assert words(found) == [["Hi", "Anna"], ["Bern"]]


WORD = st.one_of(
    st.sampled_from(["#", "#a", "-DOCSTART-", '"', '"a""b"', "\u200c", "a\u200cb", "\u200fאב", "e\u0301"]),
    st.sampled_from(["{", "1", "1-2", "token", "👩\u200d👧", "a,b", "# b", "\u00a0", "\u2028", "\u3000", "\x85"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\n\r"), min_size=1, max_size=5),
).filter(lambda word: word.strip(" ") == word)
SENTENCES = st.lists(st.lists(st.tuples(WORD, st.sampled_from(["O", "B-PER", "I-PER"])), min_size=1), min_size=1)


@settings(max_examples=60, deadline=None)
@given(sentences=SENTENCES)
def test_any_words_come_back(tmp_path_factory, sentences):
    path = tmp_path_factory.getbasetemp() / "any.tsv"
    text = "\n".join("".join(f"{word}\t{tag}\n" for word, tag in sentence) for sentence in sentences)
    notes = Notes()
    found = read(path, text, notes)
    assert found == sentences
    assert not [kind for kind in notes.found if kind.startswith("word")]
    assert read(path, text, comment=None, header="keep") == sentences
