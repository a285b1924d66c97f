"""How a public benchmark scores a data set, and over which languages its average is (XTREME, ICML 2020, Table 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class BenchmarkTask:
    """One task, with all that others have to know of its data set.

    Attributes:
        title: its name in tables.
        metric: key of :data:`~xl_plugins.functional.scores.metrics.METRICS`.
        languages: those of its average.
        parallel: row i of every language's test set is the same example.
        answers: normalisation of answers (QA).
        labels: all that files of predictions and of gold labels may hold; empty for any.
        aliases: other spellings of labels.
        blind: test files are published with one label throughout in place of the gold ones.
        texts: what the two texts of a pair are called.
        gold_files: names of gold files by split, with {} for the language, besides ``test-{}.json`` (QA).
        old_names: by which commands knew it before.
    """

    title: str
    metric: str
    languages: tuple[str, ...]
    parallel: bool = False
    answers: str = "squad"
    labels: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    blind: bool = False
    texts: tuple[str, str] = ("first text", "second text")
    gold_files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    old_names: tuple[str, ...] = ()
