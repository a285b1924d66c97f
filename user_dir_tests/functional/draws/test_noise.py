"""Noise from counters: its distribution, and what it may and may not depend on."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from xl_plugins.functional.draws import noise
from xl_plugins.functional.draws.noise import counter_noise

IDS = torch.tensor([5, 0, 10**12, 7])


def make(seed=1, update=3, ids=IDS, length=16, width=12, eps=1.0, kind="normal", view=0) -> torch.Tensor:
    return counter_noise(seed, update, ids, length, width, eps, kind, view, torch.device("cpu"))


@pytest.mark.parametrize("kind", noise.KINDS)
def test_form(kind: str) -> None:
    out = make(kind=kind)
    assert out.shape == (4, 16, 12) and out.dtype == torch.float32
    assert torch.equal(out, make(kind=kind))
    assert make(ids=IDS[:0], kind=kind).shape == (0, 16, 12)
    assert make(length=0, kind=kind).shape == (4, 0, 12)


@pytest.mark.parametrize("eps", [1.0, 1e-5])
def test_normal_moments(eps: float) -> None:
    values = make(ids=torch.arange(50), length=100, width=40, eps=eps).double().flatten() / eps
    size = len(values)
    assert abs(values.mean()) < 4 / math.sqrt(size)
    assert abs(values.var() - 1) < 4 * math.sqrt(2 / size)
    assert abs((values**3).mean()) < 4 * math.sqrt(15 / size)
    assert abs((values**4).mean() - 3) < 4 * math.sqrt(96 / size)
    edges = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0], dtype=torch.float64)
    counts = torch.bincount(torch.bucketize(values, edges), minlength=8)
    below = [0.0, *(0.5 * (1 + math.erf(edge / math.sqrt(2))) for edge in edges), 1.0]
    expected = torch.tensor([size * (b - a) for a, b in pairwise(below)])
    assert ((counts - expected) ** 2 / expected).sum() < 24.4  # 7 degrees of freedom, p = 0.001


@pytest.mark.parametrize("eps", [1.0, 1e-5])
def test_uniform_moments(eps: float) -> None:
    values = make(ids=torch.arange(50), length=100, width=40, eps=eps, kind="uniform").double().flatten() / eps
    size = len(values)
    assert values.abs().max() <= 1 + 1e-6
    assert abs(values.mean()) < 4 / math.sqrt(3 * size)
    counts = torch.histc(values, bins=20, min=-1, max=1)
    assert ((counts - size / 20) ** 2 / (size / 20)).sum() < 43.8  # 19 degrees of freedom, p = 0.001


@pytest.mark.parametrize("kind", noise.KINDS)
def test_neighbours_are_uncorrelated(kind: str) -> None:
    values = make(ids=torch.arange(60), length=50, width=40, kind=kind).double()
    values = values / values.std()
    for first, second in (
        (values[1:], values[:-1]),
        (values[:, 1:], values[:, :-1]),
        (values[:, :, 1::2], values[:, :, ::2]),
        (values[:, :, 1:-1:2], values[:, :, 2::2]),
        (values[:, :, 1::2] ** 2 - 1, values[:, :, ::2] ** 2 - 1),
    ):
        product = first * second
        assert abs(product.mean()) < 4 * product.std() / math.sqrt(product.numel())


@pytest.mark.parametrize("kind", noise.KINDS)
def test_independent_of_padding_width_and_batch(kind: str) -> None:
    out = make(kind=kind)
    assert torch.equal(make(kind=kind, length=40)[:, :16], out)
    assert torch.equal(make(kind=kind, width=31)[:, :, :12], out)
    assert torch.equal(make(kind=kind, width=7), out[:, :, :7])
    assert torch.equal(make(kind=kind, ids=IDS.flip(0)), out.flip(0))
    assert torch.equal(make(kind=kind, ids=IDS[1:2]), out[1:2])


def test_groups_of_rows_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    out = make()
    for most in (1, 16 * 12, 3 * 16 * 12):
        monkeypatch.setattr(noise, "_AT_ONCE", most)
        assert torch.equal(make(), out)


@pytest.mark.parametrize("other", [{"seed": 2}, {"update": 4}, {"view": 1}, {"ids": IDS + 1}, {"seed": 3, "update": 1}])
def test_differs_in_every_counter(other: dict[str, object]) -> None:
    first, second = make(), make(**other)
    assert not torch.isin(first, second).any()


def test_extreme_counters() -> None:
    for other in ({"seed": -1}, {"seed": 2**64 + 1}, {"ids": torch.tensor([-(2**63), 2**63 - 1])}, {"update": 2**40}):
        assert make(**other).isfinite().all()
    assert torch.equal(make(seed=2**64 + 1), make(seed=1))


def test_no_generator_is_read_or_moved() -> None:
    torch.manual_seed(0)
    before, state = make(), torch.get_rng_state()
    torch.manual_seed(1)
    assert torch.equal(make(), before)
    torch.manual_seed(0)
    make()
    assert torch.equal(torch.get_rng_state(), state)


def test_zero_size_is_no_noise() -> None:
    assert not make(eps=0.0).any()


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="normal or uniform, not 'gaussian'"):
        make(kind="gaussian")


@pytest.mark.gpu
@pytest.mark.parametrize("kind", noise.KINDS)
def test_same_on_a_gpu(kind: str) -> None:
    there = counter_noise(1, 3, IDS.cuda(), 16, 12, 1.0, kind, 0, torch.device("cuda"))
    assert there.is_cuda
    assert torch.allclose(there.cpu(), make(kind=kind), atol=2e-6)
