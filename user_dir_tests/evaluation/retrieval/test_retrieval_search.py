"""Translations and mined pairs on hand-made vectors: exact counts."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.sentences import Sentences
from xl_plugins.errors import UserError
from xl_plugins.evaluation.retrieval import search as retrieval_search
from xl_plugins.evaluation.retrieval.search import Mined, Side, find_translations, mine_pairs, read_gold, search
from xl_plugins.functional.scores.retrieval import normalise


def side(names: str) -> Side:
    """One sentence per letter; equal letters are equal sentences."""
    ids = np.array([code for name in names for code in (ord(name), 2)])
    starts = np.arange(len(names)) * 2
    return Side.of(Sentences(ids, starts, np.full(len(names), 2)))


def at(*degrees: float) -> torch.Tensor:
    return torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees])


def test_accuracy_in_both_directions_by_hand():
    """Own at 0, 30, 60; source at 1, 14, 16: from the source 0, 0, 1 are nearest, from the language 0, 2, 2."""
    found = find_translations(side("abc"), at(0, 30, 60), side("xyz"), at(1, 14, 16))
    assert found.to_language.tolist() == [0, 0, 1] and found.to_source.tolist() == [0, 2, 2]
    assert found.counters(np.array([[0, 0], [1, 1], [2, 2]])).tolist() == [[1, 1, 1], [0, 0, 1], [1, 0, 1]]
    assert found.counters(np.array([[0, 1], [1, 2], [2, 0]])).tolist() == [[0, 1, 1], [1, 1, 1], [0, 0, 1]]


def test_equal_sentences_are_searched_once_and_the_first_is_the_hit():
    """Rows 0 and 2 of the language are the same sentence: it counts for row 0 only."""
    own, source = side("aba"), side("xyy")
    found = find_translations(own, at(0, 80), source, at(3, 85))
    assert found.to_language.tolist() == [0, 1, 1] and found.to_source.tolist() == [0, 1, 0]
    assert found.counters(np.array([[0, 0], [1, 1], [2, 0]])).tolist() == [[1, 1, 1], [1, 1, 1], [1, 0, 1]]


def test_mined_pairs_threshold_and_f1_by_hand():
    found = Mined(np.array([[0, 0], [1, 2], [3, 3], [4, 1]]), np.array([1.4, 1.2, 1.1, 0.9]))
    gold = np.array([[0, 0], [3, 3], [2, 2]])
    assert found.correct(gold).tolist() == [True, False, True, False]
    assert found.threshold(gold) == pytest.approx(1.0)  # F1 2/4, 2/5, 4/6, 4/7
    assert found.counters(gold, 1.3).tolist() == [[1, 1, 1], [1, 0, 0], [1, 0, 0]]
    assert found.counters(gold, 1.0).tolist() == [[1, 1, 1], [1, 1, 1], [1, 0, 0], [0, 1, 0]]
    assert found.counters(gold, math.inf).sum(axis=0).tolist() == [3, 0, 0]


def test_repeated_sentences_are_mined_and_then_left_out():
    """Sentence a stands in rows 0 and 1: its pair is dropped, and no other pair may take its partner."""
    own, source = side("aabc"), side("xyz")
    vectors = torch.eye(3)
    found = mine_pairs(own, vectors, source, vectors)
    assert sorted(found.pairs.tolist()) == [[2, 1], [3, 2]]
    assert sorted(mine_pairs(side("abc"), vectors, source, vectors).pairs.tolist()) == [[0, 0], [1, 1], [2, 2]]


def test_gold_pairs_are_checked(tmp_path):
    data = DataBin(tmp_path)
    path = tmp_path / "de" / "gold" / "test.npy"
    assert read_gold(data, "de", "test", (3, 3)) is None
    path.parent.mkdir(parents=True)
    np.save(path, np.array([[0, 2], [2, 0]]))
    found = read_gold(data, "de", "test", (3, 3))
    assert found is not None and found.tolist() == [[0, 2], [2, 0]]
    for rows in ((2, 3), (3, 2)):
        with pytest.raises(UserError, match="names a row beyond"):
            read_gold(data, "de", "test", rows)
    for wrong in (np.zeros(3, int), np.zeros((2, 2)), np.zeros((0, 2), int)):
        np.save(path, wrong)
        with pytest.raises(UserError, match="expected pairs of row numbers"):
            read_gold(data, "de", "test", (3, 3))
    path.write_bytes(b"no array")
    with pytest.raises(UserError, match="expected pairs of row numbers"):
        read_gold(data, "de", "test", (3, 3))


class FlatIndex:
    """faiss.IndexFlatIP, as far as it is used."""

    def __init__(self, width: int) -> None:
        self.rows = np.zeros((0, width), np.float32)

    def add(self, rows: np.ndarray) -> None:
        self.rows = rows

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        similarity = queries @ self.rows.T
        order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(similarity, order, 1), order


def test_faiss_searches_large_sides_and_blocks_do_without_it(monkeypatch, capsys):
    draw = torch.Generator().manual_seed(0)
    x, y = normalise(torch.randn(40, 8, generator=draw)), normalise(torch.randn(30, 8, generator=draw))
    expected = search(x, y, 4)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(retrieval_search, "FAISS_ROWS", 35)
    monkeypatch.setitem(sys.modules, "faiss", None)  # not installed
    by_blocks = search(x, y, 4)
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setitem(sys.modules, "faiss", SimpleNamespace(IndexFlatIP=FlatIndex))
    by_faiss = search(x, y, 4)
    assert capsys.readouterr().err == ""
    for one, two, three in zip(expected, by_blocks, by_faiss):
        assert one.rows.tolist() == two.rows.tolist() == three.rows.tolist()
        np.testing.assert_allclose(one.scores.numpy(), three.scores.numpy(), atol=1e-6)


def test_the_real_faiss_finds_the_same(monkeypatch):
    pytest.importorskip("faiss")
    draw = torch.Generator().manual_seed(1)
    x, y = normalise(torch.randn(50, 8, generator=draw)), normalise(torch.randn(30, 8, generator=draw))
    expected = search(x, y, 4)
    monkeypatch.setattr(retrieval_search, "FAISS_ROWS", 35)
    for one, other in zip(expected, search(x, y, 4)):
        assert one.rows.tolist() == other.rows.tolist()
        np.testing.assert_allclose(one.scores.numpy(), other.scores.numpy(), atol=1e-6)
