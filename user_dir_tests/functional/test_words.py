"""Word vectors from pieces, and the losses over words, spans and inner positions, against loops and worked numbers."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from xl_plugins.functional.divergence import (
    cross_entropy,
    inner_mean,
    inner_sum,
    soft_cross_entropy,
    span_cross_entropy,
    word_mean,
)
from xl_plugins.functional.words import POOLINGS, pool_words

PIECES = torch.tensor([[[9.0, 9.0], [1.0, 2.0], [3.0, -2.0], [9.0, 9.0]]])  # <s>, two pieces of one word, </s>
ONE_WORD = torch.tensor([[0, 1, 1, 0]])


@pytest.mark.parametrize("how, vector", [("mean", [2.0, 0.0]), ("sum", [4.0, 0.0]), ("first", [1.0, 2.0])])
def test_worked_pooling(how: str, vector: list[float]) -> None:
    assert pool_words(PIECES, ONE_WORD, how).tolist() == [[vector]]


def slow_pool(states: Tensor, words: Tensor, how: str) -> list[list[list[float]]]:
    """One word at a time, in Python numbers."""
    table = []
    for row, numbers in zip(states.tolist(), words.tolist()):
        vectors = []
        for word in range(1, max(map(max, words.tolist())) + 1):
            pieces = [state for state, number in zip(row, numbers) if number == word]
            if how == "first":
                pieces = pieces[:1]
            divisor = len(pieces) if how == "mean" else 1
            vectors.append([sum(column) / divisor for column in zip(*pieces)] if pieces else [0.0] * len(row[0]))
        table.append(vectors)
    return table


def draw_rows(counts: list[list[int]], pad: int = 0) -> tuple[Tensor, Tensor]:
    """Random states and word numbers of rows with these piece counts."""
    numbers = [[0, *(n + 1 for n, count in enumerate(row) for _ in range(count)), 0] for row in counts]
    width = max(map(len, numbers)) + pad
    words = torch.tensor([row + [0] * (width - len(row)) for row in numbers])
    generator = torch.Generator().manual_seed(sum(map(sum, counts)))
    return torch.randn(len(counts), width, 5, generator=generator), words


ROWS = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=6), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from(POOLINGS))
def test_pooling_equals_one_word_at_a_time(counts: list[list[int]], how: str) -> None:
    states, words = draw_rows(counts)
    pooled = pool_words(states, words, how)
    torch.testing.assert_close(pooled, torch.tensor(slow_pool(states, words, how)), atol=1e-6, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_poolings_agree_on_words_of_one_piece(counts: list[list[int]]) -> None:
    states, words = draw_rows([[1] * len(row) for row in counts])
    first, mean, total = (pool_words(states, words, how) for how in POOLINGS)
    assert torch.equal(first, mean) and torch.equal(first, total)
    assert torch.equal(first[0, : len(counts[0])], states[0, 1 : 1 + len(counts[0])])


@pytest.mark.parametrize("how", POOLINGS)
def test_padding_and_its_states_change_nothing(how: str) -> None:
    counts = [[2, 1, 3], [1]]
    states, words = draw_rows(counts)
    wide_states, wide_words = torch.nn.functional.pad(states, (0, 0, 0, 4), value=77.0), draw_rows(counts, pad=4)[1]
    assert torch.equal(pool_words(states, words, how), pool_words(wide_states, wide_words, how))
    assert pool_words(states, words, how)[1, 1:].abs().max() == 0, "words that a row does not have are zeros"


@pytest.mark.parametrize("how", POOLINGS)
def test_gradient_goes_to_the_pieces_that_count(how: str) -> None:
    states, words = draw_rows([[2, 1], [3]])
    states.requires_grad_()
    pool_words(states, words, how).sum().backward()
    expected = torch.tensor(
        {"sum": [[0, 1, 1, 1, 0], [0, 1, 1, 1, 0]], "first": [[0, 1, 0, 1, 0], [0, 1, 0, 0, 0]],
         "mean": [[0, 1 / 2, 1 / 2, 1, 0], [0, 1 / 3, 1 / 3, 1 / 3, 0]]}[how]
    )  # fmt: skip
    torch.testing.assert_close(states.grad, expected.float()[..., None].expand(2, 5, 5))


@pytest.mark.parametrize("how", POOLINGS)
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32(how: str, kind: torch.dtype) -> None:
    """A word of 9 pieces of 0.3 + 1000: half-precision sums would lose the small part of each."""
    states = torch.full((1, 11, 2), 1000.3).to(kind)
    words = torch.tensor([[0, *[1] * 9, 0]])
    pooled = pool_words(states, words, how)
    assert pooled.dtype == kind
    exact = states[0, 0].float() * (9 if how == "sum" else 1)
    torch.testing.assert_close(pooled[0, 0], exact.to(kind), atol=0, rtol=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(pool_words(states, words, how), pooled)


def test_unknown_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="first, mean, sum"):
        pool_words(PIECES, ONE_WORD, "last")


# -- losses --


def test_worked_soft_cross_entropy() -> None:
    logits, soft = torch.tensor([1.0, 0.0, -1.0]), torch.tensor([0.7, 0.2, 0.1])
    assert soft_cross_entropy(logits, soft).item() == pytest.approx(0.807606, abs=6e-7)
    assert soft_cross_entropy(1000 * logits, soft).item() == pytest.approx(1000 * 0.2 + 2000 * 0.1, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([torch.float32, torch.float16]))
def test_one_hot_soft_labels_give_the_hard_loss(seed: int, kind: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = (5 * torch.randn(6, 4, generator=generator)).to(kind)
    labels = torch.randint(4, (6,), generator=generator)
    soft = torch.nn.functional.one_hot(labels, 4).float()
    value = soft_cross_entropy(logits, soft)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, cross_entropy(logits, labels), atol=1e-6, rtol=1e-6)


def test_word_mean() -> None:
    losses = torch.tensor([[1.0, 2.0, 7.0], [6.0, float("nan"), float("inf")]])
    active = torch.tensor([[True, True, False], [True, False, False]])
    rows = word_mean(losses, active)
    assert rows.tolist() == [2.0, 4.0]  # the mean over three words is 3, times two rows
    assert rows.sum().item() == pytest.approx(2 * 3.0)


def test_rows_without_an_active_word_do_not_count() -> None:
    """One labelled row weighs the same alone and beside rows without labels."""
    losses = torch.tensor([[1.0, 2.0], [8.0, 8.0], [9.0, 9.0]])
    active = torch.tensor([[True, True], [False, False], [False, False]])
    assert word_mean(losses, active).tolist() == [1.5, 0.0, 0.0] and word_mean(losses[:1], active[:1]).tolist() == [1.5]


def test_no_active_word_gives_zero_and_no_gradient() -> None:
    losses = torch.tensor([[1.0, float("nan")]], requires_grad=True)
    rows = word_mean(losses, torch.zeros(1, 2, dtype=torch.bool))
    rows.sum().backward()
    assert rows.tolist() == [0.0] and losses.grad.tolist() == [[0.0, 0.0]]


def test_span_loss_is_torchs_on_real_positions() -> None:
    generator = torch.Generator().manual_seed(3)
    lengths, positions = [7, 4], torch.tensor([[2, 5], [0, 3]])
    logits = 3 * torch.randn(2, 7, 2, generator=generator)
    padding = torch.arange(7)[None, :] >= torch.tensor(lengths)[:, None]
    value = span_cross_entropy(logits, padding, positions)
    for row, length in enumerate(lengths):
        parts = [
            torch.nn.functional.cross_entropy(logits[row, :length, side][None], positions[row, side][None])
            for side in (0, 1)
        ]
        assert value[row].item() == pytest.approx((parts[0] + parts[1]).item() / 2, abs=1e-6)


def test_span_loss_does_not_see_padding() -> None:
    logits = torch.tensor([[[0.0, 0.0], [1.0, 2.0], [50.0, float("nan")]]], requires_grad=True)
    value = span_cross_entropy(logits, torch.tensor([[False, False, True]]), torch.tensor([[1, 1]]))
    assert value.item() == pytest.approx((math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2, abs=1e-6)
    value.sum().backward()
    assert torch.isfinite(logits.grad).all() and logits.grad[0, 2].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("width", [5, 8, 128])
def test_inner_mean_of_three_states(width: int) -> None:
    """Inner states 1, 2, 6 between the special ones: 3 at every padded width, and 9 / 126 for the constant 128."""
    states = torch.full((1, width, 1), 99.0)
    states[0, 1:4, 0] = torch.tensor([1.0, 2.0, 6.0])
    padding = torch.arange(width)[None, :] >= 5
    assert inner_mean(states, padding).item() == pytest.approx(3.0)
    assert inner_sum(states, padding, 128).item() == pytest.approx(9 / 126)
    assert inner_sum(states, padding, 128).item() == pytest.approx(0.0714, abs=5e-5)


def test_inner_sum_of_nothing_is_zero() -> None:
    assert inner_sum(torch.ones(1, 4, 2), torch.tensor([[False, False, True, True]]), 10).tolist() == [[0.0, 0.0]]
