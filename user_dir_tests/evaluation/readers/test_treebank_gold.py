"""Gold tags straight from CoNLL-U treebanks."""

from __future__ import annotations

from pathlib import Path

import pytest

from xl_plugins.errors import UserError
from xl_plugins.evaluation.readers.file_scores import score_files
from xl_plugins.evaluation.readers.tags import read_treebank
from xl_plugins.formats.predictions import write_tags

ROWS = """\
# sent_id = 1
# text = zum Haus.
1-2\tzum\t_\t_\t_\t_\t_\t_\t_\t_
1\tzu\tzu\tADP\t_\t_\t0\troot\t_\t_
2\tdem\tder\tDET\t_\t_\t0\troot\t_\t_
3\tHaus\tHaus\tNOUN\t_\t_\t0\troot\t_\t_
3.1\tnichts\t_\tX\t_\t_\t_\t_\t_\t_
4\t.\t.\tPUNCT\t_\t_\t0\troot\t_\t_

# sent_id = 2
1\tJa\tja\tINTJ\t_\t_\t0\troot\t_\t_

"""
GOLD = [["ADP", "NOUN", "PUNCT"], ["INTJ"]]


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    (tmp_path / "gold").mkdir()
    (tmp_path / "gold" / "test-de.conllu").write_text(ROWS, encoding="utf-8")
    (tmp_path / "pred" / "pud").mkdir(parents=True)
    (tmp_path / "pred" / "pud" / "test-de.tsv").write_text(write_tags(GOLD))
    return tmp_path / "pred", tmp_path / "gold"


def score(folders, **options):
    return score_files(str(folders[0]), str(folders[1]), "pud", metric="chunk_f1", **options)


def test_words_as_xl_prepare_makes_them(folders):
    assert read_treebank(str(folders[1] / "test-de.conllu")).sentences == GOLD
    assert score(folders).counts == {"de": (4, 4, 4, 4, 4)}
    (folders[1] / "test-de.conllu").write_text(ROWS.rstrip("\n"), encoding="utf-8")  # no blank line at the end
    assert read_treebank(str(folders[1] / "test-de.conllu")).sentences == GOLD
    (folders[0] / "pud" / "test-de.tsv").write_text(write_tags([["ADP", "DET", "NOUN", "PUNCT"], ["INTJ"]]))
    with pytest.raises(UserError, match=r"test-de\.tsv:1: sentence 1 has 4 tags, but 3 tokens in .*conllu:3"):
        score(folders)


def test_treebanks_without_tags(folders):
    path = folders[1] / "test-de.conllu"
    for tag in ("ADP", "DET", "NOUN", "X", "PUNCT", "INTJ"):
        path.write_text(path.read_text(encoding="utf-8").replace(f"\t{tag}\t", "\t_\t"), encoding="utf-8")
    with pytest.raises(UserError, match="a sentence without UPOS tags; scoring needs gold tags"):
        score(folders)
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(UserError, match="no sentence in it"):
        score(folders)


def test_real_treebanks_agree_with_themselves(xl_data, tmp_path):
    """PUD, all languages: gold tags written and read back score 100."""
    for path in sorted((xl_data / "pud").glob("*.conllu.gz")):
        gold = read_treebank(str(path))
        assert len(gold.sentences) == 800
        (tmp_path / "pud").mkdir(exist_ok=True)
        (tmp_path / "pud" / "test-xx.tsv").write_text(write_tags(gold.sentences), encoding="utf-8")
        (tmp_path / "test-xx.conllu.gz").write_bytes(path.read_bytes())
        assert score((tmp_path, tmp_path)).scores == {"xx": 100.0}
