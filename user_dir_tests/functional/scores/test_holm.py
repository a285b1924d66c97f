"""Holm's rule: a family worked out by hand, and what holds of any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_plugins.functional.scores.bootstrap import holm


def test_worked_example() -> None:
    """0.005 x 4 = 0.02; 0.01 x 3 = 0.03; 0.03 x 2 = 0.06; 0.04 x 1 = 0.04, which is not less than 0.06 before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize(("p", "adjusted"), [([], []), ([0.2], [0.2]), ([0.6, 0.7], [1.0, 1.0]), ([0.0, 0.0], [0, 0])])
def test_ends(p: list[float], adjusted: list[float]) -> None:
    assert holm(p) == adjusted


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_between_no_correction_and_bonferronis(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(raw <= new <= min(1, len(p) * raw) + 1e-12 for raw, new in zip(p, adjusted))
    assert all(adjusted[i] <= adjusted[j] for i in range(len(p)) for j in range(len(p)) if p[i] < p[j])
    assert holm(p[::-1]) == adjusted[::-1]
