"""Divergences between views, and between teacher and student, against worked numbers, loops and properties."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from xl_plugins.functional.consistency import (
    hard_cross_entropy,
    kl_of_logs,
    reduced_log_probabilities,
    symmetric_kl,
    symmetric_kl_of_logs,
    teacher_kl,
)

A, B = (2.0, 0.0, -1.0), (1.0, 1.0, 0.0)
SEEDS = st.integers(0, 10**6)
START = (0, -1, -2, -2, 2, 0.5, 0, 1, -2), (0, -1, -2, -2, 1.5, 1, 1, -2)
END = (0, -1, -2, -2, 0, 0, 1, 2, -2), (0.5, -1, -2, -2, 0, 1, 2, -2)
KEPT = (0, 4, 7), (0, 4, 6)


def leaf(*values: float) -> Tensor:
    return torch.tensor([values], requires_grad=True)


def random(seed: int, *shape: int, scale: float = 3.0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def windows() -> list[Tensor]:
    """Scores of start and end for both views, (1, T, 2)."""
    return [torch.tensor([list(zip(START[v], END[v]))], dtype=torch.float32) for v in (0, 1)]


def close(found: Tensor, expected: list) -> None:
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-5, rtol=0)


# -- worked numbers --


def test_worked_symmetric_divergence() -> None:
    a, b = leaf(*A), leaf(*B)
    value = symmetric_kl(a, b)
    close(value, [0.842952])
    assert (value / 3).item() == pytest.approx(0.280984, abs=1e-5)
    assert (value / 3 * 5).item() == pytest.approx(1.404920, abs=1e-5)
    logs = [torch.log_softmax(x, -1) for x in (a, b)]
    close(kl_of_logs(*logs), [0.379738])
    close(kl_of_logs(*logs[::-1]), [0.463214])
    value.backward()
    close(a.grad, [[0.421476, -0.308124, -0.113352]])
    close(b.grad, [[-0.421476, 0.308124, 0.113352]])


def test_worked_gradients_without_stop_gradient() -> None:
    a, b = leaf(*A), leaf(*B)
    value = symmetric_kl(a, b, stop_gradient=False)
    close(value, [0.842952])
    value.backward()
    close(a.grad, [[0.685086, -0.500838, -0.184248]])
    close(b.grad, [[-0.909407, 0.664830, 0.244577]])


def test_one_direction_has_no_gradient_on_its_target() -> None:
    a, b = leaf(*A), leaf(*B)
    teacher_kl(a, b).backward()
    assert a.grad is None
    close(b.grad, [[0.422319 - 0.843795, 0.422319 - 0.114195, 0.155362 - 0.042010]])


def test_worked_distillation() -> None:
    student = torch.tensor([[2.0, 0, -1], [0.5, 1.5, -0.5]], requires_grad=True)
    teacher = torch.tensor([[3.0, 0, 0], [1, 2, -1]], requires_grad=True)
    rows = teacher_kl(teacher, student)
    close(rows, [0.029645, 0.023475])
    rows.mean().backward()
    close(student.grad, [[-0.032824, 0.034458, -0.001634], [-0.007384, -0.020072, 0.027456]])
    assert teacher.grad is None
    close(hard_cross_entropy(teacher, student), [0.169846, 0.407606])


def test_worked_reduced_distributions() -> None:
    logs = [reduced_log_probabilities(scores, None, torch.tensor([kept])) for scores, kept in zip(windows(), KEPT)]
    close(logs[0].exp()[0, :, 0], [0.068823, 0.508540, 0.187081, 0.235555])
    close(logs[1].exp()[0, :, 0], [0.085528, 0.383308, 0.232488, 0.298676])
    close(logs[0].exp()[0, :, 1], [0.072040, 0.072040, 0.532306, 0.323615])
    close(logs[1].exp()[0, :, 1], [0.121857, 0.073910, 0.546126, 0.258107])
    heads = symmetric_kl_of_logs(*logs, dim=1)
    close(heads, [[0.063886, 0.041405]])
    close(heads.mean(dim=-1), [0.052645])
    assert 5 * heads.mean().item() == pytest.approx(0.263226, abs=1e-5)


@pytest.mark.parametrize("masked, expected", [(True, 0.052645), (False, 0.060266)])
def test_worked_value_with_a_pad_position(masked: bool, expected: float) -> None:
    first, second = windows()
    padded = torch.cat([first, torch.zeros(1, 1, 2)], dim=1)
    padding = torch.tensor([[False] * 9 + [True]])
    logs = [
        reduced_log_probabilities(padded, padding if masked else None, torch.tensor([KEPT[0]])),
        reduced_log_probabilities(second, None, torch.tensor([KEPT[1]])),
    ]
    assert symmetric_kl_of_logs(*logs, dim=1).mean().item() == pytest.approx(expected, abs=1e-5)


def test_adding_dead_classes() -> None:
    """Logits of -60 leave the divergence; the mean over elements is halved."""
    dead = (-60.0,) * 3
    value = symmetric_kl(leaf(*A, *dead), leaf(*B, *dead)).item()
    assert value == pytest.approx(0.842952, abs=1e-5) and value / 6 == pytest.approx(0.140492, abs=1e-5)


# -- properties --


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from([0.5, 5.0, 100.0]), st.booleans())
def test_symmetric_and_not_negative(seed: int, scale: float, stop: bool) -> None:
    a, b = random(seed, 4, 5, scale=scale), random(seed + 1, 4, 5, scale=scale)
    one, other = symmetric_kl(a, b, stop), symmetric_kl(b, a, stop)
    assert torch.equal(one, other) and bool((one >= -1e-6).all())
    assert bool(torch.isfinite(one).all())
    assert torch.equal(symmetric_kl(a, a, stop), torch.zeros(4))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from([0.5, 5.0, 50.0]))
def test_gradients_are_differences_of_softmax(seed: int, scale: float) -> None:
    a, b = (random(seed + i, 3, 4, scale=scale).requires_grad_() for i in (0, 1))
    symmetric_kl(a, b).sum().backward()
    expected = (torch.softmax(a, -1) - torch.softmax(b, -1)).detach()
    torch.testing.assert_close(a.grad, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(b.grad, -expected, atol=1e-5, rtol=0)
    assert a.grad.sum(dim=-1).abs().max() < 1e-5 and (a.grad + b.grad).abs().max() < 1e-5


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_against_plain_arithmetic(seed: int) -> None:
    p, q = random(seed, 5).tolist(), random(seed + 1, 5).tolist()
    sums = [sum(map(math.exp, x)) for x in (p, q)]
    probs = [[math.exp(v) / s for v in x] for x, s in zip((p, q), sums)]
    one, other = (sum(u * math.log(u / v) for u, v in zip(*pair)) for pair in (probs, probs[::-1]))
    assert symmetric_kl(torch.tensor([p]), torch.tensor([q])).item() == pytest.approx(one + other, rel=1e-4, abs=1e-6)
    assert teacher_kl(torch.tensor([p]), torch.tensor([q])).item() == pytest.approx(one, rel=1e-4, abs=1e-6)
    label = probs[0].index(max(probs[0]))
    found = hard_cross_entropy(torch.tensor([p]), torch.tensor([q])).item()
    assert found == pytest.approx(-math.log(probs[1][label]), rel=1e-5, abs=1e-6)


def test_nothing_times_the_log_of_nothing_is_nothing() -> None:
    scores = torch.tensor([[1.0, 2.0, float("-inf")]], requires_grad=True)
    other = torch.tensor([[0.5, 0.0, float("-inf")]], requires_grad=True)
    value = symmetric_kl(scores, other)
    assert value.item() == pytest.approx(symmetric_kl(scores[:, :2], other[:, :2]).item(), rel=1e-6)
    value.backward()
    assert torch.isfinite(scores.grad).all() and torch.isfinite(other.grad).all() and scores.grad[0, 2] == 0


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_reduced_distributions_against_loops(seed: int) -> None:
    """Rows of different lengths with padded lists: each as if it were alone."""
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, 9, (4,), generator=draw).tolist()
    width = max(lengths) + 2
    scores = random(seed, 4, width, 2)
    padding = torch.arange(width)[None, :] >= torch.tensor(lengths)[:, None]
    lists = [sorted({0, *torch.randint(0, n, (n // 2,), generator=draw).tolist()}) for n in lengths]
    aligned = torch.full((4, max(map(len, lists)) + 1), -1)
    for row, kept in enumerate(lists):
        aligned[row, : len(kept)] = torch.tensor(kept)
    found = reduced_log_probabilities(scores, padding, aligned).exp()
    torch.testing.assert_close(found.sum(dim=1), torch.ones(4, 2))
    for row, kept in enumerate(lists):
        p = torch.softmax(scores[row, : lengths[row]], dim=0)
        others = [i for i in range(lengths[row]) if i not in kept]
        assert found[row, len(kept) : -1].abs().sum() == 0
        torch.testing.assert_close(found[row, : len(kept)], p[kept], atol=1e-6, rtol=1e-4)
        torch.testing.assert_close(found[row, -1], p[others].sum(dim=0), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("kept", [[0, 1, 2], [0, -1, -1]])
def test_a_view_without_a_rest_has_finite_values_and_gradients(kept: list[int]) -> None:
    """All positions shared: the rest is 0 in both views."""
    scores = [random(i, 1, 3, 2).requires_grad_() for i in (0, 1)]
    logs = [reduced_log_probabilities(s, None, torch.tensor([kept])) for s in scores]
    value = symmetric_kl_of_logs(*logs, dim=1)
    if kept[1] == 1:
        expected = symmetric_kl(*(s.transpose(1, 2) for s in scores))
        torch.testing.assert_close(value, expected)
        assert logs[0][0, -1].exp().tolist() == [0, 0]
    value.sum().backward()
    assert all(torch.isfinite(s.grad).all() and s.grad.abs().max() > 0 for s in scores)


def test_gradients_of_reduced_distributions() -> None:
    """On x: p(x) - p(x') at shared positions; the others share the difference of the rest by their own probability."""
    scores = [s.requires_grad_() for s in windows()]
    logs = [reduced_log_probabilities(s, None, torch.tensor([kept])) for s, kept in zip(scores, KEPT)]
    symmetric_kl_of_logs(*logs, dim=1).sum().backward()
    p = torch.softmax(scores[0][0].detach(), dim=0)
    difference = (logs[0].exp() - logs[1].exp())[0].detach()
    expected = p * (difference[-1] / logs[0][0, -1].exp().detach())
    expected[list(KEPT[0])] = difference[:-1]
    torch.testing.assert_close(scores[0].grad[0], expected, atol=1e-6, rtol=1e-4)
    assert scores[0].grad.sum().abs() < 1e-6


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    a, b = (random(seed, 3, 4).to(dtype) for seed in (1, 2))
    value = symmetric_kl(a, b)
    assert value.dtype == torch.float32 and torch.equal(value, symmetric_kl(a.float(), b.float()))
    assert teacher_kl(a, b).dtype == hard_cross_entropy(a, b).dtype == torch.float32
    scores = random(3, 2, 5, 2).to(dtype)
    reduced = reduced_log_probabilities(scores, None, torch.tensor([[0, 2], [0, -1]]))
    assert reduced.dtype == torch.float32
