"""Several systems side by side, each of one or more seeds: means, deviations, and whether they compare."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import UserError
from .result import Result

SUMMARY = ("mean", "mean_without_source", "transfer_gap")


@dataclass
class Spread:
    """Mean over seeds and standard deviation with n - 1 (None for one seed), in points."""

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


@dataclass
class System:
    """A named system: results of its seeds."""

    name: str
    results: list[Result]

    def languages(self) -> set[str]:
        """Languages that every seed has a score for."""
        return set.intersection(*(set(result.counts) for result in self.results))

    def score(self, language: str) -> Spread:
        return Spread.of([result.scores[language] for result in self.results])

    def summary(self, languages: list[str]) -> dict[str, Spread]:
        """Figures over ``languages``, computed per seed and then averaged."""
        seeds = [result.summary(languages) for result in self.results]
        return {key: Spread.of([seed[key] for seed in seeds]) for key in SUMMARY}


def check_comparable(results: Sequence[Result]) -> None:
    """UserError unless all results are of one task, split, source language, and equally many examples per language."""
    first = results[0]
    for other in results[1:]:
        for what in ("task", "split", "source_language"):
            if getattr(first, what) != getattr(other, what):
                raise UserError(
                    f"{first.name} and {other.name} do not compare: {what} is {getattr(first, what)} in one and"
                    f" {getattr(other, what)} in the other"
                )
    sizes: dict[str, tuple[str, int]] = {}
    for result in results:
        for language, (_, count) in result.counts.items():
            name, known = sizes.setdefault(language, (result.name, count))
            if known != count:
                raise UserError(
                    f"{name} and {result.name} do not compare: {known} and {count} examples of {language}, so they were"
                    " scored on different files"
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


def in_order(languages: set[str], source_language: str) -> list[str]:
    return sorted(languages, key=lambda language: (language != source_language, language))
