"""How many positions were substituted, and how probable the best candidates were: what thresholds are chosen by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

BIN = 0.01  # decades; quantiles are exact to 2.3 %
_LOWEST = -40.0  # decades; less probable candidates count as this
_BINS = round(-_LOWEST / BIN)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
THRESHOLDS = tuple(10.0**-power for power in range(1, 11))


class Counts:
    """Sums over positions that may be added over blocks.

    eligible; candidates: of them with a candidate; substituted: changed; kept: the word itself was the best candidate
    and passed the threshold; histogram: of log10 of the best candidate's probability, ``BIN`` decades each from 1 down.
    """

    def __init__(self) -> None:
        self.eligible = self.candidates = self.substituted = self.kept = 0
        self.histogram = np.zeros(_BINS, dtype=np.int64)
        self.listed = np.zeros(_BINS, dtype=np.int64)
        self.translated = np.zeros(_BINS, dtype=np.int64)

    def judge(self, scores: np.ndarray, listed: np.ndarray, translated: np.ndarray) -> None:
        """Count what a dictionary says of the best candidates: its word is listed, and this is its translation, (P,)
        bool each."""
        for histogram, mask in ((self.listed, listed), (self.translated, translated)):
            histogram += np.bincount(_bins(scores[mask & np.isfinite(scores)]), minlength=_BINS)

    def translated_above(self, threshold: float) -> float | None:
        """The share, of the candidates more probable than ``threshold`` whose word the dictionary lists, that it gives
        as translation; None where there are none."""
        edge = _edge(threshold)
        listed = int(self.listed[:edge].sum())
        return float(self.translated[:edge].sum()) / listed if listed else None

    def add(self, scores: np.ndarray, substituted: int, kept: int) -> None:
        """``scores``: natural log-probabilities of the best candidates of eligible positions, (P,)."""
        finite = scores[np.isfinite(scores)]
        self.eligible += len(scores)
        self.candidates += len(finite)
        self.substituted += substituted
        self.kept += kept
        self.histogram += np.bincount(_bins(finite), minlength=_BINS)

    def merge(self, other: Counts) -> None:
        for name in ("eligible", "candidates", "substituted", "kept"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.histogram += other.histogram

    def to_dict(self) -> dict[str, Any]:
        """The counts as a block stores them."""
        filled = np.flatnonzero(self.histogram)
        return {
            **{name: getattr(self, name) for name in ("eligible", "candidates", "substituted", "kept")},
            "histogram": [filled.tolist(), self.histogram[filled].tolist()],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Counts:
        made = cls()
        for name in ("eligible", "candidates", "substituted", "kept"):
            setattr(made, name, int(values[name]))
        made.histogram[np.array(values["histogram"][0], dtype=np.int64)] = values["histogram"][1]
        return made

    @property
    def rate(self) -> float:
        """Substituted share of the eligible positions."""
        return self.substituted / self.eligible if self.eligible else 0.0

    def quantile(self, share: float) -> float | None:
        """Probability below which ``share`` of the best candidates lie, geometric middle of its bin."""
        if not self.candidates:
            return None
        rising = np.cumsum(self.histogram[::-1])
        place = _BINS - 1 - int(np.searchsorted(rising, share * self.candidates))
        return float(10.0 ** (-(max(place, 0) + 0.5) * BIN))

    def share_above(self, threshold: float) -> float:
        """Share of the eligible positions whose best candidate is more probable than ``threshold``; a power of ten
        falls between two bins, so that it is exact there."""
        return float(self.histogram[: _edge(threshold)].sum()) / self.eligible if self.eligible else 0.0

    def summary(self) -> dict[str, Any]:
        """For manifests and ``--json``."""
        return {
            **{name: getattr(self, name) for name in ("eligible", "candidates", "substituted", "kept")},
            "rate": self.rate,
            "quantiles": {f"{share:g}": self.quantile(share) for share in QUANTILES},
            "share_above": {f"{value:.0e}": self.share_above(value) for value in THRESHOLDS},
        }


def _bins(scores: np.ndarray) -> np.ndarray:
    """Places of natural log-probabilities in a histogram."""
    return np.clip((-scores.astype(np.float64) / np.log(10.0) / BIN).astype(np.int64), 0, _BINS - 1)


def _edge(threshold: float) -> int:
    return round(-np.log10(threshold) / BIN)


def rate_lines(counts: Mapping[str, Counts], thresholds: Mapping[str, float]) -> list[str]:
    """Per language: threshold, positions, substitution rate, and quantiles of the best candidate's probability."""
    rows = [
        ["language", "threshold", "eligible", "substituted", "rate", "kept", *(f"p {q:.0%}" for q in QUANTILES)],
        *(
            [
                name, f"{thresholds[name]:g}", str(one.eligible), str(one.substituted), f"{one.rate:.1%}",
                str(one.kept), *(_short(one.quantile(share)) for share in QUANTILES),
            ]
            for name, one in counts.items()
        ),
    ]  # fmt: skip
    return _aligned(rows)


def threshold_lines(counts: Mapping[str, Counts]) -> list[str]:
    """Per language: the share of eligible positions whose best candidate is above each power of ten."""
    rows = [["share above", *(f"{value:.0e}" for value in THRESHOLDS)]]
    rows += [[name, *(f"{one.share_above(value):.1%}" for value in THRESHOLDS)] for name, one in counts.items()]
    return _aligned(rows)


def translation_lines(counts: Mapping[str, Counts]) -> list[str]:
    """Per language: of the candidates above each power of ten, the share that the dictionary gives as translation."""
    rows = [["translations above", *(f"{value:.0e}" for value in THRESHOLDS)]]
    for name, one in counts.items():
        shares = [one.translated_above(value) for value in THRESHOLDS]
        rows.append([name, *("-" if share is None else f"{share:.1%}" for share in shares)])
    return _aligned(rows)


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
