"""CKA and centroids against direct formulas, by blocks and at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from xl_plugins.functional.analysis.similarity import ParallelMoments, linear_cka


def rows(seed: int, count: int = 120, width: int = 7, offset: float = 0.0) -> torch.Tensor:
    made = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=made, dtype=torch.float64) * torch.arange(1, width + 1) + offset


def by_gram_matrices(x: np.ndarray, y: np.ndarray) -> float:
    """HSIC of centred Gram matrices (Kornblith et al., Eq. 3), another way to the same number."""
    count = len(x)
    centre = np.eye(count) - 1 / count
    k, m = (centre @ (z @ z.T) @ centre for z in (x, y))
    return float((k * m).sum() / math.sqrt((k * k).sum() * (m * m).sum()))


def moments(*sets: torch.Tensor, block: int) -> ParallelMoments:
    stacked = torch.stack(sets)
    pairs = [(i, j) for i in range(len(sets)) for j in range(i + 1, len(sets))]
    made = ParallelMoments(len(sets), stacked.size(2), pairs)
    for part in stacked.split(block, dim=1):
        made.add(part)
    return made


def test_a_matrix_with_itself_and_rotated_is_1() -> None:
    x = rows(1)
    rotation = torch.linalg.qr(rows(2, 7)).Q
    assert linear_cka(x, x) == pytest.approx(1, abs=1e-12)
    assert linear_cka(x, 3.5 * x @ rotation + 11) == pytest.approx(1, abs=1e-12)
    assert moments(x, x @ rotation - 2, block=50).cka(0, 1) == pytest.approx(1, abs=1e-12)
    assert linear_cka(x, rows(3)) < 0.2


def test_it_is_that_of_gram_matrices() -> None:
    x, y = rows(1), rows(1) + rows(3)
    expected = by_gram_matrices(x.numpy(), y.numpy())
    assert 0.1 < expected < 0.9
    assert linear_cka(x, y) == pytest.approx(expected, abs=1e-12)
    assert linear_cka(x, y[:, :3]) == pytest.approx(by_gram_matrices(x.numpy(), y[:, :3].numpy()), abs=1e-12)


@pytest.mark.parametrize("block", [1, 7, 119, 120])
def test_blocks_change_nothing(block: int) -> None:
    """Also where means are a thousand times the spreads, as float32 gives them."""
    sets = [(rows(seed, offset=2000.0)).float() for seed in (1, 2, 3)]
    sets[1] = sets[0] + 0.5 * sets[1]
    found = moments(*sets, block=block)
    assert found.rows == 120
    for left, right in ((0, 1), (0, 2), (1, 2)):
        assert found.cka(left, right) == pytest.approx(linear_cka(sets[left], sets[right]), abs=1e-9)
        assert found.cka(right, left) == found.cka(left, right)
    for number, one in enumerate(sets):
        assert found.means[number].numpy() == pytest.approx(one.double().mean(0).numpy(), rel=1e-12)
        distances = (one.double() - one.double().mean(0)).square().sum(1)
        assert found.spread(number) == pytest.approx(float(distances.mean().sqrt()), rel=1e-9)


def test_memory_is_that_of_the_sums() -> None:
    made = ParallelMoments(3, 5, [(0, 1), (0, 2)])
    before = made._own.numel() + made._cross.numel()
    for seed in range(5):
        made.add(torch.stack([rows(seed, 40, 5)] * 3))
    assert made.rows == 200 and made._own.numel() + made._cross.numel() == before == 5 * 25
    with pytest.raises(KeyError):
        made.cka(1, 2)


def test_centroids() -> None:
    """Two squares of side 2 around (1, 1) and (4, 5): 5 apart, spread sqrt(2)."""
    square = torch.tensor([[0.0, 0], [2, 0], [0, 2], [2, 2]])
    found = moments(square, square + torch.tensor([3.0, 4]), block=3)
    distance = found.centroid_distance(0, 1)
    assert distance["euclidean"] == pytest.approx(5) and distance["relative"] == pytest.approx(5 / math.sqrt(2))
    assert distance["cosine"] == pytest.approx(1 - 9 / math.sqrt(2 * 41))


def test_rows_that_are_all_equal_have_none() -> None:
    still = torch.ones(10, 7)
    assert math.isnan(linear_cka(still, rows(1, 10)))
    found = moments(still.double(), rows(1, 10), block=4)
    assert math.isnan(found.cka(0, 1)) and math.isnan(found.cka(0, 0)) and found.cka(1, 1) == 1
