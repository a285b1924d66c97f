"""Every tensor operation in half precision at length 512: float32 where it matters, finite, close to float32."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from xl_plugins.functional.divergence import cross_entropy, inner_mean, kl_divergence, representation_mse
from xl_plugins.functional.mixup import attention_entropies, cross_scores, mix, mixup_ratio
from xl_plugins.functional.precision import at_least_float32

HALF = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["fp16", "bf16"])
LENGTH = 512
NONE = torch.zeros(2, LENGTH, dtype=torch.bool)


def normal(*shape: int, seed: int = 0, spread: float = 1.0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * spread


def test_which_types_are_widened() -> None:
    for dtype, wide in ((torch.float16, torch.float32), (torch.bfloat16, torch.float32), (torch.float32, torch.float32),
                        (torch.float64, torch.float64)):  # fmt: skip
        assert at_least_float32(torch.ones(1, dtype=dtype)).dtype == wide


@HALF
@pytest.mark.parametrize("spread", [1.0, 40.0], ids=["usual", "products beyond 65504"])
def test_scores_and_entropies(dtype: torch.dtype, spread: float) -> None:
    query, key = (normal(2, 2, LENGTH, 64, seed=s, spread=spread).to(dtype) for s in (1, 2))
    scores = cross_scores(query, key)
    assert scores.dtype == torch.float32 and torch.isfinite(scores).all()
    weights, forward, backward = attention_entropies(scores, NONE, NONE)
    expected = attention_entropies(cross_scores(query.double(), key.double()), NONE, NONE)
    for ours, exact in zip((weights, forward, backward), expected):
        assert ours.dtype == torch.float32 and torch.isfinite(ours).all()
        torch.testing.assert_close(ours.double(), exact, atol=2e-4, rtol=2e-3)
    assert (forward <= math.log(LENGTH) + 1e-4).all() and (forward >= -1e-5).all()


@HALF
def test_uniform_entropy_at_length_512_is_exact(dtype: torch.dtype) -> None:
    """512 probabilities of 1/512 each: summed in half precision this would be off by percents."""
    zeros = torch.zeros(2, 2, LENGTH, 64, dtype=dtype)
    _, forward, backward = attention_entropies(cross_scores(zeros, zeros), NONE, NONE)
    for value in (*forward.tolist(), *backward.tolist()):
        assert value == pytest.approx(math.log(512), abs=2e-5)


@HALF
@pytest.mark.parametrize("device_dtype", [torch.bfloat16])
def test_autocast_does_not_lower_scores(dtype: torch.dtype, device_dtype: torch.dtype) -> None:
    query, key = (normal(1, 1, 8, 64, seed=s).to(dtype) for s in (1, 2))
    with torch.autocast("cpu", dtype=device_dtype):
        scores = cross_scores(query, key)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, cross_scores(query, key), atol=1e-5, rtol=0)


@HALF
def test_ratio(dtype: torch.dtype) -> None:
    weight, bias = torch.tensor([-0.6], dtype=dtype), torch.tensor([1.4], dtype=dtype)
    value = mixup_ratio(torch.tensor([1.337630, 9.7041]), weight, bias, 0.5)
    exact = mixup_ratio(torch.tensor([1.337630, 9.7041]).double(), weight.double(), bias.double(), 0.5)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), exact, atol=1e-6, rtol=0)


@HALF
def test_mix(dtype: torch.dtype) -> None:
    target, cross = (normal(LENGTH, 2, 8, seed=s).to(dtype) for s in (1, 2))
    ratio = torch.tensor([0.3, 0.499])
    mixed = mix(target, cross, ratio)
    assert mixed.dtype == dtype
    exact = mix(target.double(), cross.double(), ratio.double())
    torch.testing.assert_close(mixed.double(), exact, atol=0.02 if dtype == torch.bfloat16 else 3e-3, rtol=0.01)


@HALF
def test_losses(dtype: torch.dtype) -> None:
    p, q = normal(8, 3, seed=1, spread=8).to(dtype), normal(8, 3, seed=2, spread=8).to(dtype)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    for ours, exact in (
        (cross_entropy(p, labels), cross_entropy(p.double(), labels)),
        (kl_divergence(p, q), kl_divergence(p.double(), q.double())),
    ):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours.double(), exact, atol=1e-5, rtol=1e-5)


@HALF
def test_kl_of_certain_and_opposite_predictions_is_finite(dtype: torch.dtype) -> None:
    p, q = torch.tensor([[3e4, 0.0, -3e4]], dtype=dtype), torch.tensor([[-3e4, 0.0, 3e4]], dtype=dtype)
    value = kl_divergence(p, q)
    assert torch.isfinite(value).all() and value.item() == pytest.approx(6e4, rel=0.01)


@HALF
def test_pooling_over_512_positions(dtype: torch.dtype) -> None:
    """A sum of 510 values of about 200 overflows fp16 and loses bf16's digits."""
    states = (200 + normal(2, LENGTH, 4)).to(dtype)
    pooled = inner_mean(states, NONE)
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled, states[:, 1:-1].double().mean(dim=1).float(), atol=1e-3, rtol=0)
    distance = representation_mse(states[:, 0] * 100, states[:, 1] * -100)
    assert distance.dtype == torch.float32 and torch.isfinite(distance).all()
