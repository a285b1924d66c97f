"""XTREME's tasks: how each is scored and over which languages its average is."""

from __future__ import annotations

from collections.abc import Sequence

from ...datasets import XTREME
from ...problems import PROBLEMS, SENTENCE_PAIR
from ...problems.tagging.span_rules import tagging_metric

_OLD_NAMES = {old: name for name, task in XTREME.items() for old in task.old_names}


def task_name(name: str) -> str:
    """XTREME's name, which is that of its folders, of a task that was called otherwise here."""
    return _OLD_NAMES.get(name, name)


def find_metric(task: str, problem: str = SENTENCE_PAIR.name, labels: Sequence[str] = ()) -> str:
    """Metric of a data set: XTREME's own, for any other data set by its problem and labels."""
    facts = PROBLEMS[problem]
    if task in XTREME and XTREME[task].metric in facts.scores:
        return XTREME[task].metric
    return tagging_metric(labels) if facts.words else facts.scores[0]
