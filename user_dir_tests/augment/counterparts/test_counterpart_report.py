"""Rates and quantiles of probabilities, against numpy's on the numbers themselves."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.augment.counterparts.report import BIN, QUANTILES, Counts, rate_lines, threshold_lines

HALF_BIN = BIN / 2 + 1e-9  # decades


def counts_of(p: list[float] | np.ndarray, substituted: int = 0, kept: int = 0, without: int = 0) -> Counts:
    """Counts of best candidates with these probabilities and of positions that have none."""
    made = Counts()
    scores = np.concatenate([np.log(np.asarray(p, dtype=np.float64)), np.full(without, -np.inf)])
    made.add(scores.astype(np.float32), substituted, kept)
    return made


def test_worked_report() -> None:
    counts = {"en": counts_of([0.5, 0.05, 0.005, 0.0005], substituted=2, kept=1, without=1), "fr": Counts()}
    assert counts["en"].summary() | {"quantiles": 0, "share_above": 0} == {
        "eligible": 5, "candidates": 4, "substituted": 2, "kept": 1, "rate": 0.4, "quantiles": 0, "share_above": 0,
    }  # fmt: skip
    assert list(counts["en"].summary()["share_above"].values()) == [0.2, 0.4, 0.6] + [0.8] * 7
    assert rate_lines(counts, {"en": 1e-3, "fr": 1e-7}) == [
        "language  threshold  eligible  substituted   rate  kept     p 5%    p 25%    p 50%    p 75%    p 95%",
        "en            0.001         5            2  40.0%     1  5.0e-04  5.0e-04  5.0e-03  5.0e-02  5.0e-01",
        "fr            1e-07         0            0   0.0%     0        -        -        -        -        -",
    ]
    lines = threshold_lines(counts)
    assert lines[0].split() == ["share", "above", *(f"1e-{power:02d}" for power in range(1, 11))]
    assert lines[1].split() == ["en", "20.0%", "40.0%", "60.0%", *["80.0%"] * 7]
    assert lines[2].split() == ["fr", *["0.0%"] * 10]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-39, 0), min_size=1, max_size=200))
def test_quantiles_are_numpys(powers: list[float]) -> None:
    counts = counts_of(10.0 ** np.array(powers))
    for share in QUANTILES:
        expected = np.quantile(powers, share, method="inverted_cdf")
        assert abs(math.log10(counts.quantile(share)) - expected) <= HALF_BIN + 2e-5  # scores are float32


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-12, -0.01), min_size=1, max_size=100), st.integers(1, 10), st.integers(0, 5))
def test_shares_above_powers_of_ten_are_exact(powers: list[float], power: int, without: int) -> None:
    powers = [x for x in powers if abs(x + power) > 1e-5]
    counts = counts_of(10.0 ** np.array(powers), without=without)
    expected = sum(x > -power for x in powers) / max(1, len(powers) + without)
    assert counts.share_above(10.0**-power) == expected
    assert counts.summary()["share_above"][f"1e-{power:02d}"] == expected


def test_ends_of_the_histogram() -> None:
    """Certain candidates, and those of next to no probability, whose quantile is the lowest that is told apart."""
    one = counts_of([1.0] * 3)
    assert one.quantile(0.5) == pytest.approx(10 ** -(BIN / 2)) and one.share_above(0.1) == 1.0
    none = Counts()
    none.add(np.array([-1e4, -200.0], dtype=np.float32), 0, 0)
    assert none.candidates == 2 and none.quantile(0.95) == pytest.approx(10 ** (-40 + BIN / 2))
    assert none.share_above(1e-10) == 0.0
    nothing = counts_of([], without=4)
    assert (nothing.eligible, nothing.candidates, nothing.rate, nothing.quantile(0.5)) == (4, 0, 0.0, None)
    assert nothing.share_above(1e-10) == 0.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.floats(1e-9, 1), max_size=20), min_size=1, max_size=4))
def test_counts_of_blocks_add_up(parts: list[list[float]]) -> None:
    """Through what a block stores, in any order."""
    whole = counts_of(
        [p for part in parts for p in part], substituted=3 * len(parts), kept=len(parts), without=2 * len(parts)
    )
    stored = [json.dumps(counts_of(part, 3, 1, 2).to_dict()) for part in parts]
    for order in (stored, stored[::-1]):
        total = Counts()
        for text in order:
            total.merge(Counts.from_dict(json.loads(text)))
        assert total.summary() == whole.summary() and total.to_dict() == whole.to_dict()


def test_dictionaries_judge_candidates_only() -> None:
    """A position without a candidate is not one of a certain candidate."""
    counts = Counts()
    scores = np.array([math.log(0.05), -math.inf, -math.inf])
    counts.add(scores, 0, 0)
    counts.judge(scores, np.array([True, True, True]), np.array([True, False, True]))
    assert counts.listed.sum() == counts.translated.sum() == 1
    assert counts.translated_above(0.1) is None and counts.translated_above(0.01) == 1.0
