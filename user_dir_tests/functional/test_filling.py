"""The best column of a product that is never held as a whole."""

from __future__ import annotations

import pytest
import torch

from xl_plugins.functional.filling import blockwise_argmax


@pytest.mark.parametrize("width", [1, 3, 10, 64])
def test_equals_the_whole_product(width: int) -> None:
    draw = torch.Generator().manual_seed(0)
    states, weight = (torch.randn(rows, 8, generator=draw, dtype=torch.float64) for rows in (20, 10))
    bias = torch.randn(10, generator=draw, dtype=torch.float64)
    columns, best = blockwise_argmax(states, weight, bias, width)
    whole = states @ weight.T + bias
    assert columns.tolist() == whole.argmax(dim=1).tolist()
    assert torch.allclose(best, whole.max(dim=1).values, rtol=1e-12)


@pytest.mark.parametrize("width", [1, 2, 4, 7])
def test_of_equal_columns_the_first(width: int) -> None:
    weight = torch.tensor([[0.0], [2.0], [1.0], [2.0], [2.0], [-1.0]])
    columns, best = blockwise_argmax(torch.tensor([[1.0], [-1.0], [0.0]]), weight, torch.zeros(6), width)
    assert columns.tolist() == [1, 5, 0] and best.tolist() == [2.0, 1.0, 0.0]


@pytest.mark.parametrize("width", [1, 2, 4])
def test_columns_that_are_ruled_out(width: int) -> None:
    weight, ruled_out = torch.tensor([[3.0], [1.0], [9.0], [2.0]]), float("-inf")
    bias = torch.tensor([ruled_out, 0.0, ruled_out, 0.0])
    assert blockwise_argmax(torch.ones(1, 1), weight, bias, width)[0].tolist() == [3]


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_nan_is_not_passed_over(width: int, place: int) -> None:
    weight = torch.tensor([[3.0], [1.0], [2.0], [2.0]])
    weight[place] = float("nan")
    assert blockwise_argmax(torch.ones(1, 1), weight, torch.zeros(4), width)[1].isnan().all()
