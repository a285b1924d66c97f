"""Mixed embeddings: worked numbers, gradients, exact ends, and the law of r."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import layer_norm

from xl_plugins.functional.draws.noise import counter_noise
from xl_plugins.functional.embedding_mixup import GRANULARITIES, mix_embeddings, mixing_ratio

SOURCE, OTHER = [1.0, 2.0, -1.0, 0.0], [3.0, -2.0, 0.0, 4.0]
RATIO, POSITION = [0.25, 0.5, 1.0, 0.0], [0.1, -0.2, 0.3, 0.4]
IDS = torch.tensor([5, 0, 10**12, 7])


def close(found: Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-5, atol=0)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# -- mixing --


def test_worked_example() -> None:
    s, t, r, p = (torch.tensor(values) for values in (SOURCE, OTHER, RATIO, POSITION))
    mixed = mix_embeddings(s, t, r)
    assert mixed.tolist() == [2.5, 0.0, -1.0, 4.0]
    torch.testing.assert_close(mix_embeddings(s + p, t + p, r), mixed + p, rtol=1e-6, atol=1e-7)
    close(layer_norm(mixed + p, (4,)), [0.516202, -0.828324, -1.068418, 1.380540])
    after = mix_embeddings(layer_norm(s + p, (4,)), layer_norm(t + p, (4,)), r)
    close(after, [0.621363, -0.082448, -1.462123, 1.175340])


@pytest.mark.parametrize("shape", [(3, 1, 8), (3, 5, 8), (3, 1, 1), (1, 1, 1)], ids=str)
def test_gradients_reach_both(shape: tuple[int, ...]) -> None:
    """r * g and (1 - r) * g, which sum to the upstream gradient; no gradient into r is asked for."""
    s, t = (normal(3, 5, 8, seed=n).double().requires_grad_() for n in (1, 2))
    r, g = torch.rand(shape, generator=torch.Generator().manual_seed(3)).double(), normal(3, 5, 8, seed=4).double()
    mix_embeddings(s, t, r).backward(g)
    torch.testing.assert_close(s.grad, r * g, rtol=1e-12, atol=0)
    torch.testing.assert_close(t.grad, (1 - r) * g, rtol=1e-12, atol=0)
    torch.testing.assert_close(s.grad + t.grad, g, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_ends_and_equal_embeddings_are_exact(dtype: torch.dtype) -> None:
    s, t = (normal(6, 7, 8, seed=n).mul(30).to(dtype) for n in (1, 2))
    s.requires_grad_(), t.requires_grad_()
    ratio = mixing_ratio(1, 2, torch.arange(6), 7, 8)
    assert torch.equal(mix_embeddings(s, s.detach(), ratio), s)
    for r, kept, gone in ((1.0, s, t), (0.0, t, s)):
        s.grad = t.grad = None
        mixed = mix_embeddings(s, t, torch.full((1, 1, 1), r))
        assert mixed.dtype == dtype and torch.equal(mixed, kept)
        mixed.backward(torch.ones_like(mixed))
        assert bool((kept.grad == 1).all()) and not gone.grad.any()


NUMBERS = st.floats(-1e4, 1e4, width=32)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.floats(0, 1, width=32)), min_size=1, max_size=20))
def test_mixed_coordinates_lie_between(rows: list[tuple[float, float, float]]) -> None:
    s, t, r = torch.tensor(rows).T
    mixed = mix_embeddings(s, t, r)
    assert bool((torch.minimum(s, t) <= mixed).all()) and bool((mixed <= torch.maximum(s, t)).all())
    exact = r.double() * s.double() + (1 - r.double()) * t.double()
    torch.testing.assert_close(mixed.double(), exact, rtol=0, atol=3e-3)  # of numbers up to 1e4


@pytest.mark.parametrize("dtype, tolerance", [(torch.float16, 2e-3), (torch.bfloat16, 2e-2)], ids=["fp16", "bf16"])
def test_half_precision_is_close(dtype: torch.dtype, tolerance: float) -> None:
    """r is drawn in float32 and cast."""
    s, t = normal(4, 9, 16, seed=1), normal(4, 9, 16, seed=2)
    ratio = mixing_ratio(1, 3, IDS, 9, 16)
    assert ratio.dtype == torch.float32
    half = mix_embeddings(s.to(dtype), t.to(dtype), ratio)
    assert half.dtype == dtype and bool(half.isfinite().all())
    torch.testing.assert_close(half.float(), mix_embeddings(s, t, ratio), atol=3 * tolerance, rtol=tolerance)


# -- r --


@pytest.mark.parametrize("granularity, shape", [("instance", (4, 1, 6)), ("token", (4, 9, 6)), ("scalar", (4, 1, 1))])
def test_shapes(granularity: str, shape: tuple[int, ...]) -> None:
    ratio = mixing_ratio(1, 3, IDS, 9, 6, granularity)
    assert ratio.shape == shape and ratio.dtype == torch.float32
    assert mixing_ratio(1, 3, IDS[:0], 9, 6, granularity).shape == (0, *shape[1:])
    assert mixing_ratio(1, 3, IDS, 9, 6, granularity).equal(ratio)


def test_default_is_one_vector_per_instance() -> None:
    assert GRANULARITIES[0] == "instance"
    assert torch.equal(mixing_ratio(1, 3, IDS, 9, 6), mixing_ratio(1, 3, IDS, 9, 6, "instance"))


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_law(granularity: str) -> None:
    """Uniform on [0, 1]: mean 1/2, variance 1/12, equal shares of twenty intervals, independent neighbours."""
    ratio = mixing_ratio(1, 3, torch.arange(40_000 if granularity == "scalar" else 400), 10, 100, granularity)
    values = ratio.double().flatten()
    size = len(values)
    assert size >= 40_000 and 0 <= values.min() < 1e-3 and 1 - 1e-3 < values.max() <= 1
    assert abs(values.mean() - 0.5) < 4 / math.sqrt(12 * size)
    assert abs(values.var() - 1 / 12) < 4 * math.sqrt(1 / (180 * size))  # variance of (r - 1/2)^2
    counts = torch.histc(values, bins=20, min=0, max=1)
    assert ((counts - size / 20) ** 2 / (size / 20)).sum() < 43.8  # 19 degrees of freedom, p = 0.001
    centred = ratio.double() - 0.5
    pairs = [(centred[1:], centred[:-1]), (centred[:, 1:], centred[:, :-1]), (centred[..., 1:], centred[..., :-1])]
    for first, second in pairs:
        if first.numel():
            assert abs((first * second).mean()) < 4 / 12 / math.sqrt(first.numel())


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("other", [{"seed": 2}, {"update": 4}, {"ids": IDS + 1}, {"seed": 3, "update": 1}], ids=str)
def test_new_in_every_seed_update_and_instance(granularity: str, other: dict) -> None:
    given = {"seed": 1, "update": 3, "ids": IDS, "length": 9, "width": 64, "granularity": granularity}
    first, second = mixing_ratio(**given), mixing_ratio(**{**given, **other})
    assert first.shape == second.shape
    assert float((first == second).float().mean()) < 0.01 and abs(first - second).mean() > 0.05
    assert first.flatten(1).unique(dim=0).size(0) == len(IDS)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_depends_on_nothing_else(granularity: str) -> None:
    """Neither on the batch, its padding or its order nor on any generator."""
    torch.manual_seed(0)
    state = torch.get_rng_state()
    ratio = mixing_ratio(1, 3, IDS, 9, 64, granularity)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1)
    assert torch.equal(mixing_ratio(1, 3, IDS.flip(0), 9, 64, granularity), ratio.flip(0))
    assert torch.equal(mixing_ratio(1, 3, IDS[1:2], 9, 64, granularity), ratio[1:2])
    assert torch.equal(mixing_ratio(1, 3, IDS[[0, 0, 3]], 9, 64, granularity), ratio[[0, 0, 3]])
    assert torch.equal(mixing_ratio(1, 3, IDS, 30, 64, granularity)[:, :9], ratio)


def test_apart_from_noise() -> None:
    """Noise on the embeddings of the same example and update takes other numbers."""
    ratio = mixing_ratio(1, 3, IDS, 9, 64, "token")
    for view in (0, 1, 2):
        noise = counter_noise(1, 3, IDS, 9, 64, 0.5, "uniform", view) + 0.5
        assert float((noise == ratio).float().mean()) < 0.01


def test_unknown_granularity_is_refused() -> None:
    with pytest.raises(ValueError, match="instance, token, scalar, not 'word'"):
        mixing_ratio(1, 3, IDS, 9, 6, "word")


@pytest.mark.gpu
@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_same_on_a_gpu(granularity: str) -> None:
    there = mixing_ratio(1, 3, IDS.cuda(), 9, 64, granularity)
    assert there.is_cuda
    torch.testing.assert_close(there.cpu(), mixing_ratio(1, 3, IDS, 9, 64, granularity), atol=1e-6, rtol=0)
    s, t = (normal(4, 9, 64, seed=n).cuda() for n in (1, 2))
    for r, kept in ((1.0, s), (0.0, t)):
        assert torch.equal(mix_embeddings(s, t, torch.full((1, 1, 1), r, device="cuda")), kept)
