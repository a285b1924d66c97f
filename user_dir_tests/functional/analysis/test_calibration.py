"""ECE, confusion and rank correlation against direct formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xl_plugins.functional.analysis.calibration import reliability
from xl_plugins.functional.analysis.counting import confusion, spearman


def test_worked_by_hand() -> None:
    """Four bins: 0.5 belongs to the second, 0 to the first, 1 to the last."""
    found = reliability(np.array([0.0, 0.4, 0.5, 0.9, 1.0]), np.array([False, True, False, True, True]), bins=4)
    assert found.counts.tolist() == [1, 2, 0, 2]
    assert found.accuracy.tolist()[:2] == [0, 0.5] and math.isnan(found.accuracy[2]) and found.accuracy[3] == 1
    assert found.confidence[1] == pytest.approx(0.45) and found.confidence[3] == pytest.approx(0.95)
    assert found.expected_error == pytest.approx((1 * 0 + 2 * 0.05 + 2 * 0.05) / 5)
    assert found.largest_error == pytest.approx(0.05)


def test_it_is_the_sum_over_bins() -> None:
    draw = np.random.default_rng(3)
    confidence, correct = draw.uniform(0.2, 1, 2000), draw.random(2000) < 0.6
    expected = 0.0
    for number in range(15):
        inside = (confidence > number / 15) & (confidence <= (number + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    assert reliability(confidence, correct).expected_error == pytest.approx(expected, abs=1e-12)
    assert reliability(confidence, draw.random(2000) < confidence, 10).expected_error < 0.04


def test_no_predictions_and_no_probabilities() -> None:
    assert math.isnan(reliability(np.zeros(0), np.zeros(0, bool)).expected_error)
    with pytest.raises(ValueError, match="no probability"):
        reliability(np.array([1.2]), np.array([True]))
    with pytest.raises(ValueError, match="confidences"):
        reliability(np.array([0.2]), np.array([True, False]))


def test_confusion() -> None:
    found = confusion(np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 2, 2]), 3)
    assert found.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]


def test_spearman() -> None:
    """1 - 6 sum d^2 / (n (n^2 - 1)) without ties; with ties Pearson's correlation of mean ranks."""
    x, y = [3.0, 1.0, 4.0, 1.5, 9.0], [2.0, 7.0, 1.0, 8.0, 0.5]
    ranks = [np.argsort(np.argsort(values)) for values in (x, y)]
    expected = 1 - 6 * ((ranks[0] - ranks[1]) ** 2).sum() / (5 * 24)
    assert spearman(x, y).rho == pytest.approx(expected) and spearman(x, y).count == 5
    assert spearman([1, 1, 2], [1, 2, 3]).rho == pytest.approx(np.corrcoef([1.5, 1.5, 3], [1, 2, 3])[0, 1])
    assert spearman([1, 2, 3, math.nan], [1, 2, 3, 9]).count == 3
    assert math.isnan(spearman([1, 1, 1], [1, 2, 3]).rho) and math.isnan(spearman([1, 2], [1, 2]).rho)
    with pytest.raises(ValueError, match="no pairs"):
        spearman([1], [1, 2])
