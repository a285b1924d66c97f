"""WordPiece vocabularies: whole words, lists of words and dictionaries, with and without accents."""

from __future__ import annotations

import runpy
from pathlib import Path
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from fairseq.data import Dictionary

pytest.importorskip("transformers")

from user_dir_tests.helpers.wordpiece import make_tiny
from xl_plugins.augment.primitives.code_switch import CodeSwitch
from xl_plugins.augment.primitives.piece_classes import PieceClasses
from xl_plugins.augment.primitives.subword import SubwordSampling
from xl_plugins.augment.primitives.vocabulary import build_vocabulary
from xl_plugins.augment.primitives.word_lists import WordList
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.errors import UserError
from xl_plugins.functional.substitution import eligible_positions


def made(folder: Path, cased: bool) -> WordPieces:
    tiny = make_tiny(folder, cased)
    return WordPieces(Dictionary.load(str(tiny.dict)), str(tiny.model))


@pytest.fixture(scope="module")
def uncased(tmp_path_factory: pytest.TempPathFactory) -> WordPieces:
    return made(tmp_path_factory.mktemp("uncased"), cased=False)


@pytest.fixture(scope="module")
def cased(tmp_path_factory: pytest.TempPathFactory) -> WordPieces:
    return made(tmp_path_factory.mktemp("cased"), cased=True)


def names(pieces: WordPieces, ids: object) -> list[str]:
    return [pieces.dictionary.symbols[number] for number in ids]  # type: ignore[attr-defined]


def test_words_begin_where_no_continuation_is(uncased: WordPieces) -> None:
    """Punctuation is a word of its own, as BERT cuts it."""
    ids = uncased.encode("Abc, d-É!")
    words = uncased.split(ids)
    assert [uncased.text(word) for word in words] == ["abc", ",", "d", "-", "e", "!"]
    assert [piece for word in words for piece in word] == list(ids)
    assert names(uncased, words[0]) == ["▁a", "b", "c"] and len(words[-1]) == 1


def test_whole_words_may_be_substituted(uncased: WordPieces) -> None:
    """Pieces without ## and with none behind them: punctuation parts words, other than with SentencePiece."""
    classes = PieceClasses(uncased.dictionary)
    ids = np.array(uncased.encode("a, b' cd 3 e"))
    found = eligible_positions(classes.starts[ids], classes.letter[ids], classes.alnum[ids], classes.special[ids])
    assert [name for name, is_one in zip(names(uncased, ids), found) if is_one] == ["▁a", "▁b", "▁e"]
    assert set(classes.case[ids[found]].tolist()) == {0}  # LOWER: no case to match


def test_lists_are_met_without_case_and_accents(uncased: WordPieces, cased: WordPieces) -> None:
    """One piece for all spellings, counted once; a cased vocabulary tells them apart."""
    words = WordList("fr.txt", "0" * 64, ["É", "e", "abc", "E", "火"], {}, 5)
    found = build_vocabulary("fr", words, uncased)
    assert found.surfaces == ["e", "火"] and found.found == 4
    assert names(uncased, found.ids) == ["▁e", "▁火"]
    assert sorted(build_vocabulary("fr", words, cased).surfaces) == ["E", "e", "é", "火"]


def test_dictionaries_are_met_without_accents(uncased: WordPieces, cased: WordPieces) -> None:
    """The text has no accents any more; an entry that is spelt like that has the first word."""
    table = {"de": {"é": "a", "ä": "b", "a": "c"}}
    switch = CodeSwitch(uncased, table, ratio=1.0)
    out = switch(uncased.split(uncased.encode("É Ä")), Random(1))
    assert [uncased.text(word) for word in out.words] == ["a", "c"]
    kept = CodeSwitch(cased, table, ratio=1.0)(cased.split(cased.encode("é ä e")), Random(1))
    assert [cased.text(word) for word in kept.words] == ["a", "b", "e"]


def test_subword_sampling_has_nothing_to_draw(uncased: WordPieces) -> None:
    with pytest.raises(UserError, match=r"tokenizer.json: not a unigram model of SentencePiece"):
        SubwordSampling(uncased, 0.3)


def test_the_control_of_salt_meets_translations_without_accents(uncased: WordPieces, cased: WordPieces) -> None:
    """examples/experiments/mini/dictionary_counterparts.py: words and translations as the pieces spell them."""
    script = Path(__file__).resolve().parents[3] / "examples/experiments/mini/dictionary_counterparts.py"
    table = {"ä": ["zzz", "é"], "e": "É"}
    for pieces, expected in ((uncased, {"▁a": "▁e", "▁e": "▁e"}), (cased, {"▁ä": "▁é", "▁e": "▁É"})):
        job = SimpleNamespace(data=SimpleNamespace(dictionary=pieces.dictionary), pieces=pieces)
        found = runpy.run_path(str(script))["translations"](table, job)
        symbols = pieces.dictionary.symbols
        known = {name: target for name, target in expected.items() if {name, target} <= set(symbols)}
        assert {symbols[place]: symbols[piece] for place, piece in enumerate(found) if piece >= 0} == known
        assert known
