"""Tag files are read for scores as xl-prepare reads them: marks, blank lines, blanks between columns, odd lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from xl_plugins.errors import UserError
from xl_plugins.evaluation.readers.tags import read_tags, read_treebank
from xl_plugins.formats.predictions import write_tags

TAGS = [["O", "B-PER"], ["B-LOC"]]


def tags(path: Path, text: str, gold: bool = True) -> list[list[str]]:
    path.write_text(text, encoding="utf-8", newline="")
    return read_tags(str(path), gold=gold).sentences


@pytest.mark.parametrize(
    "text",
    [
        "#Hi\tO\nAnna\tB-PER\n\n#\tB-LOC\n",
        "# sent_id = 1\n# text = Hi Anna\nHi\tO\nAnna\tB-PER\n\n# sent_id = 2\nBern\tB-LOC\n\n",
        "Hi UH O\nAnna NNP B-PER\n\nBern NNP B-LOC\n",
        "token\tner\nHi\tO\nAnna\tB-PER\n \t\nBern\tB-LOC\n\u00a0\n",
        "-DOCSTART- -X- O O\n\nHi UH B O\nAnna N B B-PER\n\nBern N B B-LOC\n",
        "O\nB-PER\n\t\t\nB-LOC\n",
    ],
)
def test_gold_as_people_have_it(tmp_path, text):
    assert tags(tmp_path / "a.tsv", text) == TAGS


def test_predictions(tmp_path):
    assert tags(tmp_path / "a.tsv", write_tags(TAGS), gold=False) == TAGS
    assert tags(tmp_path / "a.tsv", "#Hi\tO\nAnna\tB-PER\n \nBern\tB-LOC\n", gold=False) == TAGS
    assert tags(tmp_path / "a.tsv", "#\nNN\n\t\n#\n", gold=False) == [["#", "NN"], ["#"]]
    for text, line in (("O\nAnna\tB-PER\nO\n", 2), ("Hi\tO\nB-PER\nx\tO\n", 2)):
        with pytest.raises(UserError, match=rf"a\.tsv:{line}: . columns?, expected"):
            tags(tmp_path / "a.tsv", text, gold=False)


def test_treebanks_with_white_lines_and_marks(tmp_path):
    row = "{}\t#\t_\t{}" + 6 * "\t_" + "\n"
    text = "# a\n" + row.format(1, "SYM") + row.format(2, "NOUN") + " \t\n" + row.format(1, "X") + "\u00a0\n"
    path = tmp_path / "a.conllu"
    path.write_text(text, encoding="utf-8")
    assert read_treebank(str(path)).sentences == [["SYM", "NOUN"], ["X"]]
    path.write_text(text.replace("2\t#", "#\t#"), encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.conllu:3: '#' is no word number"):
        read_treebank(str(path))
