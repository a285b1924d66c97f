"""Means over languages."""

from __future__ import annotations

import math

from xl_plugins.functional.metrics import macro_mean, mean_without, transfer_gap

SCORES = {"en": 90.0, "de": 80.0, "sw": 61.0}


def test_means_and_gap() -> None:
    assert macro_mean(SCORES) == 77.0
    assert mean_without(SCORES, "en") == 70.5
    assert transfer_gap(SCORES, "en") == 19.5


def test_missing_sides_are_not_numbers() -> None:
    assert math.isnan(macro_mean({}))
    assert math.isnan(mean_without({"en": 1.0}, "en"))
    assert math.isnan(transfer_gap({"en": 1.0}, "en"))
    assert math.isnan(transfer_gap({"de": 1.0}, "en"))
