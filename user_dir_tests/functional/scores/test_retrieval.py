"""Retrieval on hand-made vectors, against naive loops, and independent of blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from xl_plugins.functional.scores.retrieval import (
    Neighbours,
    best_threshold,
    margin_scores,
    mine,
    neighbours,
    normalise,
)


def unit(count: int, width: int = 12, seed: int = 0) -> torch.Tensor:
    return normalise(torch.randn(count, width, generator=torch.Generator().manual_seed(seed)))


def naive(x: torch.Tensor, y: torch.Tensor, k: int) -> tuple[list[list[float]], list[list[int]]]:
    """Plain Python: every pair on its own."""
    scores, rows = [], []
    for a in x.tolist():
        found = [(-sum(p * q for p, q in zip(a, b)), j) for j, b in enumerate(y.tolist())]
        best = sorted(found)[:k]
        scores.append([-value for value, _ in best])
        rows.append([j for _, j in best])
    return scores, rows


@pytest.mark.parametrize("block", [1, 3, 7, 64])
@pytest.mark.parametrize("k", [1, 4])
def test_neighbours_equal_a_double_loop_for_any_block(block, k):
    x, y = unit(23), unit(17, seed=1)
    for found, (scores, rows) in zip(neighbours(x, y, k, block), (naive(x, y, k), naive(y, x, k))):
        assert found.rows.tolist() == rows
        np.testing.assert_allclose(found.scores.numpy(), scores, atol=1e-6)


def test_hand_made_vectors_by_their_angles():
    """x at 0, 40, 90 degrees, y at 10, 100, 35: nearest 10, 35, 100; back 0, 90, 40."""

    def at(*degrees: float) -> torch.Tensor:
        return torch.tensor([[5 * math.cos(math.radians(d)), 5 * math.sin(math.radians(d))] for d in degrees])

    forward, backward = neighbours(normalise(at(0, 40, 90)), normalise(at(10, 100, 35)))
    assert forward.rows.flatten().tolist() == [0, 2, 1]
    assert backward.rows.flatten().tolist() == [0, 2, 1]
    expected = [math.cos(math.radians(d)) for d in (10, 5, 10)]
    assert forward.scores.flatten().tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("block", [1, 2, 4, 100])
def test_of_equal_similarities_the_first_row_is_taken(block):
    x = torch.eye(3)
    y = x[[2, 0, 0, 1, 2, 1, 0]]
    forward, backward = neighbours(x, y, 1, block)
    assert forward.rows.flatten().tolist() == [1, 3, 0]
    assert backward.rows.flatten().tolist() == [2, 0, 0, 1, 2, 1, 0]


def test_fewer_rows_than_neighbours():
    forward, backward = neighbours(unit(6), unit(2, seed=1), 4)
    assert forward.rows.shape == (6, 2) and backward.rows.shape == (2, 4)


def test_normalise_gives_length_one_and_keeps_zero():
    found = normalise(torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float16))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), [[0.6, 0.8], [0, 0]], atol=1e-7)


def test_margins_by_hand():
    """Two x, two y, k = 2: means of x .7 and .4, of y .55 and .55."""
    forward = Neighbours(torch.tensor([[0.9, 0.5], [0.6, 0.2]]), torch.tensor([[0, 1], [1, 0]]))
    backward = Neighbours(torch.tensor([[0.9, 0.2], [0.6, 0.5]]), torch.tensor([[0, 1], [1, 0]]))
    around = [[0.625, 0.625], [0.475, 0.475]]
    cosine = np.array([[0.9, 0.5], [0.6, 0.2]])
    np.testing.assert_allclose(margin_scores(forward, backward, "ratio"), cosine / around, atol=1e-6)
    np.testing.assert_allclose(margin_scores(forward, backward, "distance"), cosine - around, atol=1e-6)
    np.testing.assert_allclose(margin_scores(forward, backward, "absolute"), cosine, atol=1e-6)


def by_loops(x: np.ndarray, y: np.ndarray, k: int, how: str) -> list[tuple[float, int, int]]:
    """XTREME's rule with ratio margin, spelt out."""
    cosine = x @ y.T
    near = np.sort(cosine, 1)[:, ::-1][:, :k].mean(1)
    near_back = np.sort(cosine.T, 1)[:, ::-1][:, :k].mean(1)
    score = {(i, j): cosine[i, j] * 2 / (near[i] + near_back[j]) for i in range(len(x)) for j in range(len(y))}
    best, back = {}, {}
    for i in range(len(x)):
        best[i] = max(np.argsort(-cosine[i])[:k], key=lambda j: score[i, j])
    for j in range(len(y)):
        back[j] = max(np.argsort(-cosine[:, j])[:k], key=lambda i: score[i, j])
    if how == "forward":
        return sorted((score[i, j], i, int(j)) for i, j in best.items())
    if how == "intersection":
        return sorted((score[i, j], i, int(j)) for i, j in best.items() if back[j] == i)
    pool = sorted({(i, int(j)) for i, j in best.items()} | {(int(i), j) for j, i in back.items()}, key=score.get)[::-1]
    taken: list[tuple[float, int, int]] = []
    for i, j in pool:
        if all(i != a and j != b for _, a, b in taken):
            taken.append((score[i, j], i, j))
    return sorted(taken)


@pytest.mark.parametrize("how", ["max", "intersection", "forward"])
@pytest.mark.parametrize("block", [5, 1000])
def test_mining_equals_the_rule_spelt_out(how, block):
    x, y = unit(30, 6), unit(25, 6, seed=3)
    pairs, scores = mine(*neighbours(x, y, 4, block), how=how)
    expected = by_loops(x.numpy().astype(float), y.numpy().astype(float), 4, how)
    found = sorted(zip(scores.tolist(), pairs[:, 0].tolist(), pairs[:, 1].tolist()))
    assert [pair[1:] for pair in found] == [pair[1:] for pair in expected]
    np.testing.assert_allclose([pair[0] for pair in found], [pair[0] for pair in expected], rtol=1e-5)


def test_threshold_by_hand():
    """4 gold pairs; hits at ranks 1, 2, 4: F1 after each of 5 ranks 2/5 4/6 4/7 6/8 6/9, best at 4."""
    scores = np.array([0.9, 0.5, 0.8, 0.7, 0.6])
    correct = np.array([True, False, True, False, True])
    threshold = best_threshold(scores, correct, 4)
    assert threshold == pytest.approx(0.55)
    assert f1_at(threshold, scores, correct, 4) == 75.0


def f1_at(threshold: float, scores: np.ndarray, correct: np.ndarray, gold: int) -> float:
    chosen = scores >= threshold
    return 200 * int(correct[chosen].sum()) / (int(chosen.sum()) + gold)


def test_threshold_takes_equal_scores_together_and_is_the_best_of_all():
    draw = np.random.default_rng(0)
    for _ in range(30):
        scores, correct = draw.integers(0, 8, 20) / 8.0, draw.random(20) < 0.4
        correct[0] = True
        gold = int(correct.sum()) + 3
        made = best_threshold(scores, correct, gold)
        best = max(f1_at(value, scores, correct, gold) for value in scores)
        assert f1_at(made, scores, correct, gold) == pytest.approx(best)


def test_nothing_found_extracts_nothing():
    assert best_threshold(np.array([0.5]), np.array([False]), 3) == math.inf
    assert best_threshold(np.zeros(0), np.zeros(0, dtype=bool), 3) == math.inf
