"""Numbers drawn by earlier versions: a run that goes on, and files made again, need the same ones to the last bit."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from xl_plugins.augment.primitives.base import generator
from xl_plugins.augment.primitives.translation import Translations
from xl_plugins.augment.vicinity.sites import draw_sites
from xl_plugins.functional.draws.noise import counter_noise
from xl_plugins.functional.draws.random import uniform
from xl_plugins.functional.draws.updates import Shares, arrange, plan_epoch
from xl_plugins.functional.schedule import draw_gold
from xl_plugins.functional.selection import draw_batches, subsample

IDS = torch.tensor([5, 0, 10**12, -7])


def digest(values: object) -> str:
    text = values if isinstance(values, bytes) else repr(values).encode("ascii")
    return hashlib.sha256(text).hexdigest()[:16]


# -- hashes of counters --


@pytest.mark.parametrize(
    ("counters", "expected"),
    [
        ((), "0x1.c4415072f63b9p-1"),
        ((0,), "0x1.4e0dba5e9a32fp-1"),
        ((1, 2, 3), "0x1.2588d809dce88p-4"),
        ((-7, 2**62, 5), "0x1.60ad39b57753bp-1"),
    ],
)
def test_uniform(counters: tuple[int, ...], expected: str) -> None:
    assert float(uniform(*counters)).hex() == expected


def test_uniform_of_arrays() -> None:
    found = [value.hex() for value in uniform(1, 90, np.arange(3)).tolist()]
    assert found == ["0x1.98f23747452acp-1", "0x1.f5157e62eae5cp-3", "0x1.5bc746b77ff5ap-1"]
    assert digest(uniform(3, np.arange(100_000) - 50_000, 9).tobytes()) == "193a69a0d5b21037"
    grid = uniform(np.arange(200)[:, None], -np.arange(300) << 40)
    assert digest(grid.tobytes()) == "985fd2d211dab64b"


def test_scheduled_sampling() -> None:
    assert np.flatnonzero(draw_gold(3, 40, 12.0, np.arange(12))).tolist() == [2, 4, 5, 8, 9]
    assert [epoch for epoch in range(12) if draw_gold(3, 24, 12.0, counter=epoch)] == [0, 1, 2, 4, 5, 7, 8]


@pytest.mark.parametrize(
    ("missing", "epoch", "view", "languages", "found"),
    [
        ("skip", 2, 1, [1, 1, 0, 1, 0, 1], [0, 1, 2, 3, 4, 5]),
        ("skip", 5, 0, [2, 2, 2, 1, 0, 1], [0, 1, 2, 3, 4, 5]),
        ("random", 2, 1, [1, 1, 0, 0, 0, 1], [0, 1, 2, 0, 4, 5]),
        ("random", 5, 0, [2, 2, 1, 1, 0, 1], [0, 1, 26, 3, 4, 5]),
    ],
)
def test_translations(missing: str, epoch: int, view: int, languages: list[int], found: list[int]) -> None:
    rows = np.tile(np.arange(6), (3, 1))
    rows[1, 2] = rows[0, 3] = -1
    translations = Translations(["de", "fr", "sw"], [None] * 3, rows, [6, 60, 600], missing, seed=5)
    assert [drawn.tolist() for drawn in translations.draw(epoch, view, np.arange(6))] == [languages, found]


def test_noise() -> None:
    """Normal noise is compared closely only: logarithm and cosine may differ in the last bit between machines."""
    last = counter_noise(1, 3, IDS, 2, 3, 1.0, "uniform")[3].tolist()
    assert last == [
        [0.17389023303985596, 0.7578750848770142, 0.17261946201324463],
        [0.5873323678970337, -0.5158551931381226, 0.460949182510376],
    ]
    whole = counter_noise(9, 8, torch.arange(-30, 70), 31, 45, 0.3, "uniform", 2)
    assert digest(whole.numpy().tobytes()) == "3e7a870c48f4b872"
    normal = counter_noise(-1, 2**40, IDS, 2, 3, 1.0, "normal", 1)[0]
    expected = [[-3.8573248, 1.3532059, 0.3191549], [-2.3521430, -0.1100882, -0.2187198]]
    torch.testing.assert_close(normal, torch.tensor(expected), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("counters", "number", "bits"),
    [
        ((1, 2, 3, 0), "0x1.e6c9c519a72d6p-1", 1604201202255750118),
        ((2**64 + 1, 2, 3, 0), "0x1.e6c9c519a72d6p-1", 1604201202255750118),
        ((0, 0, 0, 0), "0x1.95499c858637cp-2", 18159443903555633487),
        ((-1, 2**63 - 1, -(2**63), 1), "0x1.fd7b4209ea4e9p-1", 10932175263106138268),
    ],
)
def test_generators_of_views(counters: tuple[int, int, int, int], number: str, bits: int) -> None:
    rng = generator(*counters)
    assert (rng.random().hex(), rng.getrandbits(64)) == (number, bits)


def test_states_of_generators() -> None:
    keys = [(seed, e, i, v) for seed in (0, -5) for e in range(2) for i in range(-3, 9) for v in range(2)]
    assert digest([generator(*key).getstate() for key in keys]) == "23b8764ebbd1e662"


# -- seeded streams --


def test_batches_of_sets() -> None:
    few = draw_batches([5, 3], np.array([0.5, 0.5]), 2, 5, [1, 7])
    assert [batch.tolist() for batch in few] == [[5, 6], [2, 1], [4, 3], [7], [5, 6]]
    many = draw_batches([50, 31, 7], np.array([0.5, 0.2, 0.3]), 4, 500, (3, 7))
    assert digest([batch.tolist() for batch in many]) == "b2e559b7e3e183ef"


def test_subsamples() -> None:
    assert subsample(20, 40, 1).tolist() == [2, 3, 4, 6, 10, 14, 16, 17]
    assert subsample(20, 40, 2, exclude=np.arange(5)).tolist() == [5, 7, 9, 10, 12, 16, 17, 18]
    assert digest(subsample(10_000, 33, 7).tobytes()) == "413fd0463aaaf7af"


def test_updates_of_an_epoch() -> None:
    sizes, shares = np.arange(11) + 3, Shares(1, 1, 2)
    plan = plan_epoch(np.arange(11), sizes, sizes, shares, (1, 3), whole_only=False)
    assert plan.ids.tolist() == [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1]
    assert arrange(plan, shares, 0, (1, 3)).tolist() == [2, 0, 1, 3, 4, 5]
    assert arrange(plan, shares, 0, (1, 4)).tolist() == [0, 4, 2, 1, 3, 5]


def test_words_to_replace() -> None:
    chosen = draw_sites(np.arange(7), 3, 4, (1, 0, 0, 0))
    assert [words.tolist() for words in chosen] == [[5, 2, 1], [6, 4, 0], [3, 1, 4], [2, 5, 0]]
    assert [words.tolist() for words in draw_sites(np.arange(7), 3, 2, (4, 9))] == [[0, 4, 3], [6, 1, 2]]
    many = [[words.tolist() for words in draw_sites(np.arange(30), 5, 9, (i, 2))] for i in range(100)]
    assert digest(many) == "6bb5f0165e3ba190"
