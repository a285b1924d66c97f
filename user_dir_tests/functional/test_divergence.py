"""Losses and consistency terms against worked numbers and loops."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.functional.divergence import (
    cross_entropy,
    inner_mean,
    inner_sum,
    kl_divergence,
    representation_mse,
)

SOURCE = torch.tensor([[2.0, 0.5, -1.0]])
TARGET = torch.tensor([[1.0, 0.2, 0.1]])


def test_worked_losses() -> None:
    label = torch.tensor([0])
    source, target = cross_entropy(SOURCE, label).item(), cross_entropy(TARGET, label).item()
    assert source == pytest.approx(0.241311, abs=6e-7)
    assert target == pytest.approx(0.618369, abs=6e-7)
    assert 0.4 * source + 0.6 * target == pytest.approx(0.467546, abs=6e-7)
    assert kl_divergence(SOURCE, TARGET).item() == pytest.approx(0.172218, abs=6e-7)
    assert kl_divergence(TARGET, SOURCE).item() == pytest.approx(0.252463, abs=6e-7)
    states = torch.tensor([[1.0, 0.0, 2.0, -1.0]]), torch.tensor([[0.5, 0.5, 1.0, -1.0]])
    mse = representation_mse(*states).item()
    assert mse == pytest.approx(0.375, abs=1e-7)
    total = 0.4 * source + 0.6 * target + mse + kl_divergence(SOURCE, TARGET).item()
    assert total == pytest.approx(1.014764, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1.0, 30.0, 1000.0]))
def test_kl_equals_the_definition_and_is_not_negative(seed: int, spread: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    p, q = torch.randn(2, 4, 3, generator=generator, dtype=torch.float64) * spread
    value = kl_divergence(p, q)
    assert (value >= -1e-12).all()
    for row in range(4):
        slow = sum(
            math.exp(a) * (a - b)
            for a, b in zip(torch.log_softmax(p[row], 0).tolist(), torch.log_softmax(q[row], 0).tolist())
        )
        assert value[row].item() == pytest.approx(slow, rel=1e-9, abs=1e-12)


def test_kl_of_equal_distributions_is_zero_and_shift_does_not_matter() -> None:
    assert kl_divergence(SOURCE, SOURCE + 7).item() == pytest.approx(0.0, abs=1e-7)


def test_kl_sends_gradients_to_both_sides() -> None:
    p, q = SOURCE.clone().requires_grad_(), TARGET.clone().requires_grad_()
    kl_divergence(p, q).sum().backward()
    assert p.grad.abs().max() > 0.05 and q.grad.abs().max() > 0.05


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(2, 9), min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 10**6))
def test_inner_mean_equals_the_loop(lengths: list[int], more: int, seed: int) -> None:
    width = max(lengths) + more
    states = torch.randn(len(lengths), width, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    padding = torch.arange(width)[None] >= torch.tensor(lengths)[:, None]
    result = inner_mean(states, padding)
    for row, length in enumerate(lengths):
        inner = [states[row, i] for i in range(1, length - 1)]
        expected = sum(inner) / len(inner) if inner else torch.zeros(3, dtype=torch.float64)
        torch.testing.assert_close(result[row], expected, atol=1e-14, rtol=0)


def test_inner_mean_of_one_two_six_is_three_at_every_width() -> None:
    for width in (5, 8, 128):
        states = torch.full((1, width, 1), 99.0)
        states[0, 1:4, 0] = torch.tensor([1.0, 2.0, 6.0])
        assert inner_mean(states, torch.arange(width)[None] >= 5).item() == pytest.approx(3.0, abs=1e-6)


def test_inner_mean_does_not_read_padding() -> None:
    states = torch.ones(1, 6, 2)
    states[0, 4:] = 1e30
    padding = torch.tensor([[False] * 4 + [True] * 2])
    assert inner_mean(states, padding).tolist() == [[1.0, 1.0]]


def test_mse_averages_over_features() -> None:
    wide = representation_mse(torch.zeros(2, 10), torch.full((2, 10), 2.0))
    assert wide.tolist() == [4.0, 4.0]


def test_representations_of_a_right_padded_row() -> None:
    padding = torch.tensor([[False, False, False, False, True]])
    states = torch.tensor([[[9.0], [2.0], [4.0], [9.0], [99.0]]])
    assert inner_mean(states, padding).tolist() == [[3.0]]
    assert inner_sum(states, padding, 14).tolist() == [[0.5]]  # 6 over 14 - 2 positions, whatever the padding
