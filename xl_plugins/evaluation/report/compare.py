"""Several systems side by side, each of one or more seeds: means, deviations, and whether they compare."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...errors import UserError
from .result import Result

SUMMARY = ("mean", "mean_without_source", "transfer_gap")


@dataclass
class Spread:
    """Mean over seeds and standard deviation with n - 1 (None for one seed, and where the mean is nan), in points."""

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        mean = statistics.fmean(values)
        return cls(mean, statistics.stdev(values) if len(values) > 1 and not math.isnan(mean) else None)


@dataclass
class System:
    """A named system: results of its seeds."""

    name: str
    results: list[Result]

    def languages(self) -> set[str]:
        """Languages that every seed has a score for."""
        return set.intersection(*(set(result.counts) for result in self.results))

    def score(self, language: str, figure: str | None = None) -> Spread:
        """A figure of a language; without ``figure`` the score."""
        return Spread.of([result.figures(figure or result.metric.primary)[language] for result in self.results])

    def summary(self, languages: Sequence[str], figure: str | None = None) -> dict[str, Spread]:
        """Figures over ``languages`` (:meth:`Result.summary`), computed per seed and then averaged."""
        seeds = [result.summary(languages, figure) for result in self.results]
        return {key: Spread.of([seed[key] for seed in seeds]) for key in SUMMARY}


def check_comparable(results: Sequence[Result]) -> None:
    """UserError unless all results are of one task, split, source language and metric, and of the same gold files."""
    first = results[0]
    for other in results[1:]:
        for what in ("task", "split", "source_language"):
            if getattr(first, what) != getattr(other, what):
                raise UserError(
                    f"{first.name} and {other.name} do not compare: {what} is {getattr(first, what)} in one and"
                    f" {getattr(other, what)} in the other"
                )
        if first.metric != other.metric:
            raise UserError(
                f"{first.name} and {other.name} do not compare: one is scored by {first.metric.words}, the other by"
                f" {other.metric.words}"
            )
    known: dict[str, Result] = {}
    for result in results:
        for language in result.counts:
            before = known.setdefault(language, result)
            for counter, count in result.given(language).items():
                if (other_count := before.given(language)[counter]) != count:
                    counter = {"count": result.metric.counted, "true": "gold spans or pairs"}.get(counter, counter)
                    raise UserError(
                        f"{before.name} and {result.name} do not compare: {other_count} and {count} {counter} of"
                        f" {language}, so they were scored on different files"
                    )


def common_languages(systems: Sequence[System]) -> list[str]:
    """Languages that all systems have, the source language first; UserError when there are none."""
    check_comparable([result for system in systems for result in system.results])
    common = set.intersection(*(system.languages() for system in systems))
    if not common:
        raise UserError("the systems have no language in common; nothing to compare")
    return in_order(common, systems[0].results[0].source_language)


def all_languages(systems: Sequence[System]) -> list[str]:
    """Languages that any system has, the source language first."""
    found = {language for system in systems for language in system.languages()}
    return in_order(found, systems[0].results[0].source_language)


def in_order(languages: Iterable[str], source_language: str) -> list[str]:
    return sorted(languages, key=lambda language: (language != source_language, language))
