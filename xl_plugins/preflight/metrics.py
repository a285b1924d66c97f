"""Whether validation will log the metric that selects the checkpoint."""

from __future__ import annotations

import difflib
from typing import Any

from ..errors import UserError


def logged_metrics(task: Any, criterion: Any) -> list[str]:
    """Names of what validation logs, the usual ones first."""
    problem = task.problem
    scores = list(problem.figures)
    names = [*task.own_metrics, problem.select_metric, *scores, *criterion.validation_losses()]
    return names + [f"{score}_{language}" for score in scores for language in task.valid_languages]


def check_metric(metric: str, task: Any, criterion: Any) -> None:
    """UserError naming the choices where fairseq would fail with a KeyError after the first epoch."""
    names = logged_metrics(task, criterion)
    if metric in names:
        return
    near = difflib.get_close_matches(metric, names, 1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    raise UserError(f"--best-checkpoint-metric {metric}: validation logs no such metric{hint}; choose one of {shown}")
