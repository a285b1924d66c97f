"""Entropies, ratio and mixing against worked numbers, slow formulas and properties."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from user_dir_tests.helpers.references.xmixup import entropy as slow_entropy
from xl_plugins.functional.mixup import attention_entropies, cross_scores, mix, mixup_ratio

SCORES = [[1.0, 0.0, -1.0], [0.5, 0.5, 2.0]]


def no_padding(*sizes: int) -> Tensor:
    return torch.zeros(sizes, dtype=torch.bool)


def padded_scores() -> tuple[Tensor, Tensor, Tensor]:
    """The worked matrix with one padded source column (9, -7) and one padded target row (3, 3, 3, 3)."""
    scores = torch.tensor([[1.0, 0.0, -1.0, 9.0], [0.5, 0.5, 2.0, -7.0], [3.0, 3.0, 3.0, 3.0]])
    return scores[None, None], torch.tensor([[False, False, True]]), torch.tensor([[False, False, False, True]])


def test_worked_entropies() -> None:
    scores = torch.tensor(SCORES)[None, None]
    weights, forward, backward = attention_entropies(scores, no_padding(1, 2), no_padding(1, 3))
    expected = torch.tensor([[0.665241, 0.244728, 0.090031], [0.154281, 0.154281, 0.691438]])
    torch.testing.assert_close(weights[0, 0], expected, atol=6e-7, rtol=0)
    assert forward.item() == pytest.approx(0.832110, abs=6e-7)
    assert backward.item() == pytest.approx(0.505520, abs=6e-7)
    one = torch.ones(1)
    assert mixup_ratio(forward + backward, one, 0 * one, 0.5).item() == pytest.approx(0.396050, abs=6e-7)
    assert mixup_ratio(forward + backward, -0.6 * one, 1.4 * one, 0.5).item() == pytest.approx(0.322533, abs=6e-7)


def test_worked_row_entropies() -> None:
    rows = torch.tensor(SCORES)
    for row, value in zip(rows, (0.832396, 0.831823)):
        forward = attention_entropies(row[None, None, None], no_padding(1, 1), no_padding(1, 3))[1]
        assert forward.item() == pytest.approx(value, abs=6e-7)
    for column, value in zip(rows.T, (0.662847, 0.662847, 0.190865)):
        backward = attention_entropies(column[None, None, :, None], no_padding(1, 2), no_padding(1, 1))[2]
        assert backward.item() == pytest.approx(value, abs=6e-7)


def test_wrong_readings_have_other_values() -> None:
    """The misreadings of Eq. 5 give numbers that the code must not give, with padding or without."""
    weights = torch.softmax(torch.tensor(SCORES), dim=-1)
    literal = -(weights * weights.log()).sum().item() / 3
    assert literal == pytest.approx(0.554740, abs=6e-7)
    padded, target_padding, source_padding = padded_scores()
    _, forward, backward = attention_entropies(padded, target_padding, source_padding)
    for wrong in (0.554740, 1.029220):
        assert abs(forward.item() - wrong) > 0.1
    for wrong in (0.554740, 0.541109):
        assert abs(backward.item() - wrong) > 0.03


def test_values_at_padding_change_nothing() -> None:
    scores, target_padding, source_padding = padded_scores()
    weights, forward, backward = attention_entropies(scores, target_padding, source_padding)
    assert forward.item() == pytest.approx(0.832110, abs=6e-7)
    assert backward.item() == pytest.approx(0.505520, abs=6e-7)
    assert weights[0, 0, :, 3].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "total, ratio, slope",
    [
        (1.0, 0.365529, 0.098306),
        (2.0, 0.440399, 0.104994),
        (4.0, 0.491007, 0.035325),
        (6.0, 0.498764, 0.007400),
        (8.0, 0.499832, 0.001341),
        (2 * math.log(40), 0.499688, 0.002303),
        (2 * math.log(128), 0.499969, 0.000296),
    ],
)
def test_gate_table(total: float, ratio: float, slope: float) -> None:
    weight, bias = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (1.0, 0.0))
    value = mixup_ratio(torch.tensor([total], dtype=torch.float64), weight, bias, 0.5)
    assert value.item() == pytest.approx(ratio, abs=6e-7)
    value.sum().backward()
    assert weight.grad.item() == pytest.approx(slope, abs=6e-7)


@pytest.mark.parametrize("length", [40, 128])
def test_uniform_attention_has_the_largest_entropies(length: int) -> None:
    scores = torch.full((1, 3, length, length), 0.7)
    _, forward, backward = attention_entropies(scores, no_padding(1, length), no_padding(1, length))
    assert forward.item() == pytest.approx(math.log(length), abs=2e-6)
    assert backward.item() == pytest.approx(math.log(length), abs=2e-6)


@st.composite
def matrices(draw: st.DrawFn) -> Tensor:
    """(h, I, J) scores of moderate or very large spread."""
    heads, rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(st.integers(1, 5))
    spread = draw(st.sampled_from([1.0, 10.0, 3000.0]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    return torch.randn(heads, rows, columns, generator=generator, dtype=torch.float64) * spread


@settings(max_examples=60, deadline=None)
@given(matrices())
def test_entropies_equal_the_loop(scores: Tensor) -> None:
    heads, rows, columns = scores.shape
    _, forward, backward = attention_entropies(scores[None], no_padding(1, rows), no_padding(1, columns))

    def safe(row: Tensor) -> float:
        p = torch.softmax(row, dim=-1)
        return sum(-float(x) * math.log(float(x)) for x in p if x > 0)

    slow = sum(safe(scores[k, i]) for k in range(heads) for i in range(rows)) / (heads * rows)
    slow_back = sum(safe(scores[k, :, j]) for k in range(heads) for j in range(columns)) / (heads * columns)
    assert forward.item() == pytest.approx(slow, abs=1e-12)
    assert backward.item() == pytest.approx(slow_back, abs=1e-12)
    assert -1e-12 <= forward.item() <= math.log(columns) + 1e-12
    assert -1e-12 <= backward.item() <= math.log(rows) + 1e-12


@settings(max_examples=40, deadline=None)
@given(matrices(), st.integers(0, 4), st.integers(0, 4), st.integers(0, 10**6))
def test_padding_and_order_of_positions_change_no_entropy(scores: Tensor, more_rows: int, more: int, seed: int) -> None:
    heads, rows, columns = scores.shape
    generator = torch.Generator().manual_seed(seed)
    big = torch.randn(heads, rows + more_rows, columns + more, generator=generator, dtype=torch.float64) * 50
    big[:, :rows, :columns] = scores
    target_padding = torch.arange(rows + more_rows)[None] >= rows
    source_padding = torch.arange(columns + more)[None] >= columns
    row_order = torch.randperm(rows + more_rows, generator=generator)
    column_order = torch.randperm(columns + more, generator=generator)
    shuffled = big[:, row_order][:, :, column_order]
    plain = attention_entropies(scores[None], no_padding(1, rows), no_padding(1, columns))
    padded = attention_entropies(shuffled[None], target_padding[:, row_order], source_padding[:, column_order])
    for a, b in zip(plain[1:], padded[1:]):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=0)
    swapped = attention_entropies(scores.transpose(1, 2)[None], no_padding(1, columns), no_padding(1, rows))
    torch.testing.assert_close(swapped[2], plain[1], atol=1e-12, rtol=0)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)), st.integers(0, 10**6))
def test_permuting_pairs_permutes_entropies(order: list[int], seed: int) -> None:
    scores = torch.randn(4, 2, 3, 5, generator=torch.Generator().manual_seed(seed)) * 3
    target_padding = torch.arange(3)[None] >= torch.tensor([3, 1, 2, 3])[:, None]
    source_padding = torch.arange(5)[None] >= torch.tensor([5, 4, 1, 2])[:, None]
    direct = attention_entropies(scores, target_padding, source_padding)
    permuted = attention_entropies(scores[order], target_padding[order], source_padding[order])
    for a, b in zip(direct, permuted):
        torch.testing.assert_close(a[order], b, atol=1e-6, rtol=0)


def test_one_source_position_has_no_entropy() -> None:
    scores = torch.randn(2, 3, 4, 1, generator=torch.Generator().manual_seed(0))
    assert attention_entropies(scores, no_padding(2, 4), no_padding(2, 1))[1].tolist() == [0.0, 0.0]


def test_gradient_is_finite_at_certainty_and_under_padding() -> None:
    scores, target_padding, source_padding = padded_scores()
    scores = (scores * 1e4).requires_grad_()
    _, forward, backward = attention_entropies(scores, target_padding, source_padding)
    (forward + backward).sum().backward()
    assert torch.isfinite(scores.grad).all()
    assert scores.grad[0, 0, 2].tolist() == [0.0] * 4
    assert scores.grad[0, 0, :, 3].tolist() == [0.0] * 3


def test_gradient_equals_the_slow_formula() -> None:
    start = torch.randn(3, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    fast, slow = start.clone().requires_grad_(), start.clone().requires_grad_()
    _, forward, backward = attention_entropies(fast[None, None], no_padding(1, 3), no_padding(1, 4))
    (forward + 2 * backward).sum().backward()
    rows = sum(slow_entropy(row) for row in slow) / 3
    (rows + 2 * sum(slow_entropy(column) for column in slow.T) / 4).backward()
    torch.testing.assert_close(fast.grad, slow.grad, atol=1e-14, rtol=0)


def test_scores_are_scaled_by_the_width_of_a_head() -> None:
    query = torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])
    key = torch.tensor([[[[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]]])
    assert cross_scores(query, key).tolist() == [[[[2.0, 3.0]]]]


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 12), st.floats(-20, 20), st.floats(-20, 20), st.floats(0.0, 1.0))
def test_ratio_stays_between_zero_and_lambda0(total: float, weight: float, bias: float, lambda0: float) -> None:
    arguments = (torch.tensor([v], dtype=torch.float64) for v in (total, weight, bias))
    value = mixup_ratio(*arguments, lambda0).item()
    assert 0.0 <= value <= lambda0
    assert value == pytest.approx(lambda0 / (1 + math.exp(-(total * weight + bias))), abs=1e-12)


def test_zero_gate_halves_lambda0() -> None:
    total, zero = torch.tensor([3.0, 0.0]), torch.zeros(1)
    assert mixup_ratio(total, zero, zero, 0.5).tolist() == [0.25, 0.25]


def test_mix_is_a_weighted_mean_per_pair() -> None:
    target, cross = torch.ones(2, 3, 4), torch.full((2, 3, 4), 5.0)
    mixed = mix(target, cross, torch.tensor([0.0, 0.5, 1.0]))
    assert mixed[:, :, 0].tolist() == [[1.0, 3.0, 5.0]] * 2
    assert mixed.shape == (2, 3, 4)
