"""Figures from counters, and means over languages."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xl_plugins.functional.scores.metrics import METRICS, macro_mean, mean_without, transfer_gap

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


@pytest.mark.parametrize(
    ("metric", "totals", "figures"),
    [
        ("accuracy", (3, 8), {"accuracy": 37.5}),
        ("span_f1", (10, 6, 4, 90, 100), {"f1": 50.0, "precision": 100 * 4 / 6, "recall": 40.0, "accuracy": 90.0}),
        ("chunk_f1", (10, 10, 5, 7, 8), {"f1": 50.0, "accuracy": 87.5}),
        ("qa", (1, 2.5, 4), {"em": 25.0, "f1": 62.5, "avg": 43.75}),
        ("retrieval_accuracy", (3, 1, 4), {"accuracy": 25.0, "accuracy_reverse": 75.0}),
        ("set_f1", (5, 3, 2), {"f1": 50.0, "precision": 100 * 2 / 3, "recall": 40.0}),
    ],
)
def test_figures_are_ratios_of_sums(metric: str, totals: tuple, figures: dict) -> None:
    for name, expected in figures.items():
        assert METRICS[metric].score(totals, name) == pytest.approx(expected)
    first = next(iter(METRICS[metric].figures))
    assert METRICS[metric].score(totals) == METRICS[metric].score(totals, first.name)


def test_nothing_to_divide_by_is_zero() -> None:
    assert METRICS["span_f1"].score((0, 0, 0, 5, 5)) == 0.0
    assert METRICS["span_f1"].score((3, 0, 0, 5, 5), "precision") == 0.0


def test_perfect_is_exactly_a_hundred() -> None:
    """For every size, so that a round trip can be asserted without tolerance."""
    sizes = np.arange(1, 20000.0)
    assert (METRICS["accuracy"].score(np.stack([sizes, sizes], 1)) == 100.0).all()
    assert (METRICS["span_f1"].score(np.stack([sizes] * 5, 1)) == 100.0).all()
    assert (METRICS["qa"].score(np.stack([sizes] * 3, 1)) == 100.0).all()


def test_many_totals_at_once() -> None:
    totals = np.array([[[1, 2], [2, 2]], [[0, 4], [1, 4]]])
    assert METRICS["accuracy"].score(totals).tolist() == [[50.0, 100.0], [0.0, 25.0]]


def test_impossible_totals() -> None:
    accuracy, spans = METRICS["accuracy"], METRICS["span_f1"]
    assert accuracy.possible((1, 3)) and not accuracy.possible((4, 3)) and not accuracy.possible((-1, 3))
    assert not accuracy.possible((0, 0)) and not accuracy.possible((1, 3, 3))
    assert spans.possible((0, 0, 0, 3, 3)) and not spans.possible((1, 1, 2, 3, 3))


def test_every_figure_reads_counters_of_its_metric() -> None:
    for metric in METRICS.values():
        for figure in metric.figures:
            assert {*figure.over, *figure.under} <= set(metric.fields), (metric.name, figure.name)
        assert {metric.count, *metric.given} <= set(metric.fields)
        assert metric.gap in {figure.name for figure in metric.figures}
