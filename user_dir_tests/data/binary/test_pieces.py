"""The pieces and the different words of binarised texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fairseq.data import Dictionary

from user_dir_tests.helpers.toys.toy import write_rows
from xl_plugins.data.binary import pieces
from xl_plugins.data.binary.pieces import distinct_words, occurring

EOS, UNK = 2, 3


def dictionary(types: int) -> Dictionary:
    made = Dictionary()
    for number in range(types - made.nspecial):
        made.add_symbol(f"{'▁' if number % 2 == 0 else ''}p{number}")  # even ids begin a word
    return made


@pytest.fixture
def texts(tmp_path: Path) -> list[str]:
    write_rows(tmp_path / "a", [[4, 5, 7, 6], [4, 5, 7], [9, 8, UNK, 5]], 12)
    write_rows(tmp_path / "b", [[6, 4, 7, 5]], 12)
    return [str(tmp_path / "a"), str(tmp_path / "b")]


def test_occurring(texts: list[str]) -> None:
    assert np.flatnonzero(occurring(texts, dictionary(12))).tolist() == [2, 3, 4, 5, 6, 7, 8, 9]
    assert np.flatnonzero(occurring(texts[1:], dictionary(12))).tolist() == [2, 4, 5, 6, 7]


@pytest.mark.parametrize("stretch", [1 << 22, 6])
def test_words(texts: list[str], stretch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, in their pieces' order; what comes before the first beginning is a word, too."""
    monkeypatch.setattr(pieces, "_STRETCH", stretch)
    made = dictionary(12)
    starts = np.array([symbol.startswith("▁") for symbol in made.symbols])
    found = list(distinct_words(texts, made, starts))
    assert sorted(found) == [[4, 5, 7], [4, 7, 5], [5], [6], [8], [9]]


def test_words_at_random(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_STRETCH", 100)
    made, draw = dictionary(30), np.random.default_rng(0)
    rows = [draw.integers(3, 30, draw.integers(1, 30)).tolist() for _ in range(200)]
    write_rows(tmp_path / "x", rows, 30)
    starts = np.array([symbol.startswith("▁") for symbol in made.symbols])
    expected: set[tuple[int, ...]] = set()
    for row in rows:
        word: list[int] = []
        for piece in [*row, EOS]:
            if starts[piece] or piece in (EOS, UNK):
                expected |= {tuple(word)} if word else set()
                word = []
            if piece not in (EOS, UNK):
                word.append(piece)
    found = [tuple(word) for word in distinct_words([str(tmp_path / "x")], made, starts)]
    assert len(found) == len(set(found)) and set(found) == expected
