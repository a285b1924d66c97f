"""Negative entropy: its numbers, its gradient and where training with it ends."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.functional.divergence import cross_entropy
from xl_plugins.functional.penalty import negative_entropy

LOGITS = torch.tensor([[2.0, 0, -1], [0, 0, 0], [1, 1, 3]], dtype=torch.float64)
LABELS = torch.tensor([0, 1])  # the third is unlabelled

# classes: the probability of the label at which CE - H is least, and that least value
FITTED = {2: (0.782188, -0.278465), 3: (0.683501, -0.463056), 5: (0.582132, -0.717825), 9: (0.490169, -1.040113)}


def objective(logits: torch.Tensor, labels: torch.Tensor, sign: float = 1.0) -> torch.Tensor:
    return cross_entropy(logits, labels) + sign * negative_entropy(logits)


def test_worked_values() -> None:
    ce, penalty = cross_entropy(LOGITS[:2], LABELS).mean().item(), negative_entropy(LOGITS)
    assert ce == pytest.approx(0.634229, abs=6e-7)
    assert penalty[:2].mean().item() == pytest.approx(-0.811439, abs=6e-7)
    assert penalty.mean().item() == pytest.approx(-0.762817, abs=6e-7)
    assert ce + penalty[:2].mean().item() == pytest.approx(-0.177210, abs=6e-7)
    assert ce + penalty.mean().item() == pytest.approx(-0.128588, abs=6e-7)


def test_worked_gradient() -> None:
    logits = LOGITS.clone().requires_grad_()
    objective(logits[:2], LABELS).mean().backward()
    expected = [[0.071426, -0.036861, -0.034565], [0.166667, -0.333333, 0.166667], [0, 0, 0]]
    assert torch.allclose(logits.grad, torch.tensor(expected, dtype=torch.float64), atol=6e-7)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.sampled_from([0.1, 1.0, 30.0]))
def test_gradient_is_the_formula(seed: int, classes: int, spread: float) -> None:
    """The gradient of sum p ln p: p_i (ln p_i + H), which sums to 0."""
    logits = torch.randn(4, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * spread
    logits.requires_grad_()
    value = negative_entropy(logits)
    (grad,) = torch.autograd.grad(value.sum(), logits)
    p = torch.softmax(logits.detach(), dim=-1)
    assert torch.allclose(grad, p * (torch.log_softmax(logits.detach(), -1) - value.detach()[:, None]), atol=1e-12)
    assert torch.allclose(grad.sum(dim=-1), torch.zeros(4, dtype=torch.float64), atol=1e-12)
    assert ((value <= 0) & (value >= -math.log(classes) - 1e-12)).all()


def test_uniform_prediction_has_the_least_value_and_no_gradient() -> None:
    logits = torch.full((2, 5), 3.0, dtype=torch.float64, requires_grad=True)
    value = negative_entropy(logits)
    value.sum().backward()
    assert value.tolist() == pytest.approx([-math.log(5)] * 2, abs=1e-12)
    assert logits.grad.abs().max() < 1e-12


@pytest.mark.parametrize("classes", FITTED)
def test_descent_ends_at_the_fitted_probability(classes: int) -> None:
    """It solves ln(p (C - 1) / (1 - p)) = 1 / p: the model stays unsure of labels that it knows."""
    logits = torch.zeros(1, classes, dtype=torch.float64)
    for _ in range(400):
        logits.requires_grad_()
        loss = objective(logits, torch.tensor([0]))
        (grad,) = torch.autograd.grad(loss.sum(), logits)
        logits = (logits - 2 * grad).detach()
    p = torch.softmax(logits, -1)[0, 0].item()
    assert math.log(p * (classes - 1) / (1 - p)) == pytest.approx(1 / p, abs=1e-6)
    assert (p, loss.item()) == pytest.approx(FITTED[classes], abs=6e-7)


def test_the_other_sign_trains_certainty() -> None:
    """CE + H keeps pushing towards 1, beyond what CE alone does."""
    trained = {}
    for sign in (-1.0, 0.0, 1.0):
        logits = torch.zeros(1, 3, dtype=torch.float64)
        for _ in range(100):
            logits.requires_grad_()
            (grad,) = torch.autograd.grad(objective(logits, torch.tensor([0]), sign).sum(), logits)
            logits = (logits - grad).detach()
        trained[sign] = torch.softmax(logits, -1)[0, 0].item()
    assert trained[1.0] == pytest.approx(FITTED[3][0], abs=1e-5)
    assert trained[-1.0] > trained[0.0] > 0.97


def test_certain_predictions_are_finite_in_value_and_gradient() -> None:
    """p ln p of the released code is 0 * -inf here."""
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        logits = torch.tensor([[400.0, 0.0, -400.0]], dtype=dtype, requires_grad=True)
        value = negative_entropy(logits)
        value.sum().backward()
        assert value.item() == 0 and value.dtype == torch.float32
        assert torch.equal(logits.grad, torch.zeros_like(logits))
    assert torch.isnan(torch.softmax(logits.float(), -1) * torch.softmax(logits.float(), -1).log()).any()


def test_half_precision_is_computed_in_float32() -> None:
    logits = torch.randn(3, 4, 9, generator=torch.Generator().manual_seed(1)).half()
    assert torch.equal(negative_entropy(logits), negative_entropy(logits.float()))
    assert negative_entropy(logits).shape == (3, 4)
