"""How far a model's confidence can be trusted (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 15  # Guo et al., section 6


@dataclass(frozen=True)
class Reliability:
    """Bins of equal width in confidence: their ``edges`` (M + 1,), ``counts`` (M,), and mean ``accuracy`` and
    ``confidence`` of each (M,), shares from 0 to 1, nan in empty bins."""

    edges: np.ndarray
    counts: np.ndarray
    accuracy: np.ndarray
    confidence: np.ndarray

    @property
    def expected_error(self) -> float:
        """ECE, the mean over examples of |accuracy - confidence| of their bin (Eq. 3), as a share; nan for none."""
        filled = self.counts > 0
        gaps = np.abs(self.accuracy - self.confidence)[filled]
        return float((gaps * self.counts[filled]).sum() / self.counts.sum()) if filled.any() else float("nan")

    @property
    def largest_error(self) -> float:
        """MCE, the largest of these gaps (Eq. 5), as a share; nan for none."""
        filled = self.counts > 0
        return float(np.abs(self.accuracy - self.confidence)[filled].max()) if filled.any() else float("nan")


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> Reliability:
    """Bin predictions by their confidence; bin m holds those in ((m - 1) / M, m / M], and the first one 0 as well.

    Args:
        confidence: probability of the predicted class, from 0 to 1: (N,).
        correct: whether it is right: (N,) bool.
        bins: M.

    Raises:
        ValueError: sizes differ, or a confidence is no probability.
    """
    confidence, correct = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=bool)
    if confidence.shape != correct.shape:
        raise ValueError(f"{confidence.shape} confidences, {correct.shape} predictions")
    if not ((confidence >= 0) & (confidence <= 1 + 1e-6)).all():
        raise ValueError("a confidence is no probability")
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, weights=values, minlength=bins) / counts for values in (correct, confidence)]
    return Reliability(np.linspace(0, 1, bins + 1), counts, *means)
