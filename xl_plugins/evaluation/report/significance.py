"""Whether the difference of two systems is more than chance: paired bootstrap on the examples of the test sets."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...datasets import XTREME
from ...errors import UserError
from ...functional.scores.bootstrap import resampled_totals, two_sided_p
from .compare import System, common_languages
from .result import Result

RESAMPLES = 10_000
MOST_RESAMPLES = 1_000_000  # all are in memory at once; p is exact to 0.0001 then


@dataclass
class Test:
    """Two-sided p-values of the difference ``other`` - ``first``: per language, and of the mean over languages."""

    __test__ = False  # no test case of pytest

    first: str
    other: str
    languages: dict[str, float]
    mean: float
    notes: list[str] = field(default_factory=list)


def paired_bootstrap(
    first: System, other: System, resamples: int = RESAMPLES, seed: int = 1, joint_rows: bool | None = None
) -> Test:
    """Compare the score (first figure) of two systems; a system of several seeds scores the mean over its seeds.

    Every resample draws as many examples as there are, with replacement, the same for all seeds of both systems. In
    data sets whose rows are parallel the same rows are drawn in all languages, since an example that is hard is hard in
    all of them; elsewhere each language is drawn by itself. ``joint_rows``: whether rows are parallel; None: in XNLI,
    PAWS-X and XQuAD. p as in
    :func:`~xl_plugins.functional.scores.bootstrap.two_sided_p`.
    """
    languages = common_languages([first, other])
    tables = {language: _table(first, other, language) for language in languages}
    metric, task = first.results[0].metric, first.results[0].task
    sizes = {language: len(table) for language, table in tables.items()}
    joint = joint_rows if joint_rows is not None else task in XTREME and XTREME[task].parallel
    if joint_rows and len(set(sizes.values())) > 1:
        found = ", ".join(f"{language} {size}" for language, size in sizes.items())
        raise UserError(f"--joint-rows: the languages differ in their number of examples ({found}); leave it out")
    joint = joint and len(set(sizes.values())) == 1
    if joint:
        drawn = resampled_totals(np.concatenate(list(tables.values()), axis=1), resamples, _generator(seed, ""))
        totals = dict(zip(languages, np.split(drawn, len(languages), axis=1)))
    else:
        totals = {lang: resampled_totals(tables[lang], resamples, _generator(seed, lang)) for lang in languages}

    def difference(sums: np.ndarray) -> np.ndarray:
        """Scores of the systems from (..., seeds of both x counters)."""
        scores = metric.score(sums.reshape(*sums.shape[:-1], -1, len(metric.fields)))
        count = len(first.results)
        return scores[..., count:].mean(axis=-1) - scores[..., :count].mean(axis=-1)

    observed = {lang: float(difference(tables[lang].sum(axis=0))) for lang in languages}
    resampled = {lang: difference(totals[lang]) for lang in languages}
    means = np.mean([resampled[lang] for lang in languages], axis=0)
    rows = "the same rows in every language" if joint else "each language by itself"
    return Test(
        first.name,
        other.name,
        {lang: two_sided_p(observed[lang], resampled[lang]) for lang in languages},
        two_sided_p(sum(observed.values()) / len(observed), means),
        [f"p: two-sided paired bootstrap against {first.name}, {resamples} resamples of the examples, {rows}"],
    )


def _generator(seed: int, language: str) -> np.random.Generator:
    """A generator of its own for every language, so that a subset of the languages gives the same figures.
    It is numpy's later kind, as p was always computed, and not the one of ``functional.draws``."""
    return np.random.default_rng([seed, zlib.crc32(language.encode("utf-8"))])


def _table(first: System, other: System, language: str) -> np.ndarray:
    """Counters that the score reads, of all seeds of both systems side by side: (N, seeds x counters)."""
    results = [*first.results, *other.results]
    columns = [_examples(result, language) for result in results]
    sizes = {len(column) for column in columns}
    if len(sizes) > 1:
        raise UserError(
            f"{first.name} and {other.name} do not compare: {' and '.join(map(str, sorted(sizes)))} examples of"
            f" {language}, so they were scored on different files"
        )
    return np.concatenate(columns, axis=1)


def _examples(result: Result, language: str) -> np.ndarray:
    """Counters of the examples; those that the score does not read are 0, so that more rows are equal."""
    if language not in result.examples:
        raise UserError(
            f"--significance: {result.name} holds no examples of {language} (written by an older version?); score it"
            " again with --json"
        )
    figure = result.metric.figure(result.metric.primary)
    used = np.array([name in figure.over or name in figure.under for name in result.metric.fields])
    return result.examples[language] * used


def compare_systems(systems: Sequence[System], resamples: int, seed: int, joint_rows: bool | None = None) -> list[Test]:
    """Every system but the first against the first."""
    if len(systems) < 2:
        raise UserError("--significance compares systems; give --compare at least two files")
    return [paired_bootstrap(systems[0], other, resamples, seed, joint_rows) for other in systems[1:]]
