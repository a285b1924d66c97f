"""Counterparts compared with a bilingual dictionary."""

from __future__ import annotations

import numpy as np
import pytest
from fairseq.data import Dictionary

from xl_plugins.augment.counterparts.dictionary import TranslationPairs
from xl_plugins.augment.counterparts.report import Counts, translation_lines
from xl_plugins.augment.primitives.piece_classes import PieceClasses

WORDS = ["▁dog", "▁Dog", "▁chien", "▁Chien", "▁cat", "▁chat", "▁house", "▁mai", "son", "dog"]


@pytest.fixture(scope="module")
def pieces() -> Dictionary:
    dictionary = Dictionary()
    for word in WORDS:
        dictionary.add_symbol(word)
    return dictionary


@pytest.fixture(scope="module")
def pairs(pieces) -> TranslationPairs:
    table = {"dog": ["chien", "clébard"], "CAT": "chat", "house": "maison", "bird": "oiseau"}
    return TranslationPairs(table, pieces, PieceClasses(pieces))


def judged(pieces, pairs, *couples: tuple[str, str]) -> list[tuple[bool, bool]]:
    source, target = (np.array([pieces.index(word) for word in column]) for column in zip(*couples))
    return list(zip(*(part.tolist() for part in pairs.judge(source, target))))


def test_translations_whatever_their_case(pieces, pairs):
    couples = [("▁dog", "▁chien"), ("▁Dog", "▁Chien"), ("▁dog", "▁Chien"), ("▁cat", "▁chat")]
    assert judged(pieces, pairs, *couples) == [(True, True)] * 4


def test_listed_words_with_another_counterpart(pieces, pairs):
    assert judged(pieces, pairs, ("▁dog", "▁chat"), ("▁house", "▁mai"), ("▁cat", "▁dog")) == [(True, False)] * 3


def test_what_is_not_counted(pieces, pairs):
    """Words without an entry, words that stayed, pieces within a word."""
    couples = [("▁chien", "▁dog"), ("▁dog", "▁dog"), ("▁dog", "▁Dog"), ("dog", "▁chien"), ("son", "▁mai")]
    assert judged(pieces, pairs, *couples) == [(False, False)] * 5


def test_shares_above_thresholds():
    counts = Counts()
    scores = np.log([0.5, 0.05, 0.05, 0.005, 0.0005])
    counts.add(scores, 5, 0)
    counts.judge(scores, np.array([1, 1, 1, 1, 0], bool), np.array([1, 0, 1, 0, 0], bool))
    assert [counts.translated_above(10.0**-power) for power in (1, 2, 3, 4)] == [1.0, 2 / 3, 0.5, 0.5]
    assert Counts().translated_above(1e-7) is None
    lines = translation_lines({"fr": counts, "de": Counts()})
    assert lines[0].split() == ["translations", "above", *(f"1e-{power:02d}" for power in range(1, 11))]
    assert lines[1].split() == ["fr", "100.0%", "66.7%", *["50.0%"] * 8]
    assert lines[2].split() == ["de", *["-"] * 10]
