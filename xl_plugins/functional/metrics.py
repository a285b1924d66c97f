"""Figures over languages, from per-language scores (XTREME, ICML 2020, sections 3 and 5)."""

from __future__ import annotations

from collections.abc import Mapping


def macro_mean(scores: Mapping[str, float]) -> float:
    """Plain mean over languages, the source language included; nan without any language."""
    return sum(scores.values()) / len(scores) if scores else float("nan")


def mean_without(scores: Mapping[str, float], source_language: str) -> float:
    """Mean over the languages other than the source language; nan when there is none."""
    return macro_mean({language: score for language, score in scores.items() if language != source_language})


def transfer_gap(scores: Mapping[str, float], source_language: str) -> float:
    """Score of the source language minus the mean of the others; nan when either side is missing."""
    return scores.get(source_language, float("nan")) - mean_without(scores, source_language)
