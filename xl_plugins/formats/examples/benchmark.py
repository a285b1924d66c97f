"""How a public benchmark scores a data set, and over which languages its average is (XTREME, ICML 2020, Table 1)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BenchmarkTask:
    """One task.

    ``metric``: key of :data:`~xl_plugins.functional.scores.metrics.METRICS`. ``parallel``: row i of every
    language's test set is the same example. ``answers``: normalisation of answers (QA).
    """

    title: str
    metric: str
    languages: tuple[str, ...]
    parallel: bool = False
    answers: str = "squad"
