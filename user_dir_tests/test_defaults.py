"""How an update's rows are shared between processes and passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_plugins.methods.base import share_rows


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [(1, (16, 4)), (2, (16, 2)), (3, (11, 2)), (4, (16, 1)), (5, (13, 1)), (6, (11, 1)), (7, (9, 1)), (8, (8, 1)),
     (64, (1, 1)), (100, (1, 1))],
)  # fmt: skip
def test_64_pairs(ranks: int, expected: tuple[int, int]) -> None:
    assert share_rows(64, 16, ranks) == expected


@given(st.integers(1, 256), st.integers(1, 64), st.integers(1, 300))
def test_as_near_as_the_ranks_allow(per_update: int, at_once: int, ranks: int) -> None:
    rows, passes = share_rows(per_update, at_once, ranks)
    assert 1 <= rows <= at_once and passes >= 1
    total = rows * passes * ranks
    assert abs(total - per_update) <= max(passes * ranks / 2, ranks - per_update)
    if per_update % ranks == 0 and (at_once >= per_update // ranks or (per_update // ranks) % at_once == 0):
        assert total == per_update
