"""From predictions just made to a :class:`Result` and to prediction files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from ..errors import UserError
from ..problems.predicting import Predictions
from .checkpoint import FineTuned
from .metrics import counters
from .metrics.benchmark import find_metric
from .readers.labels import prediction_path
from .readers.questions import write_answers
from .readers.tags import write_tags
from .report.result import Result

SUFFIXES = {"qa": "json"}  # of prediction files, by problem; all others are tsv


def score_predictions(
    tuned: FineTuned, predictions: Mapping[str, Predictions], split: str, name: str, task: str,
    members: Sequence[FineTuned] = (),
) -> Result:  # fmt: skip
    """Scores per language; languages without gold are listed and not scored. ``members``: those of an ensemble."""
    problem: Any = tuned.task.problem
    data = tuned.task.data_bin
    made = provenance(tuned)
    if members:
        made = {**made, "checkpoint": [m.path for m in members], "updates": [m.updates for m in members]}
        made["ensemble"] = len(members)
        made["selection"] = _selection_of(members)
    if problem.name == "qa":
        made["answers"] = data.meta.get("answer_metric", "squad")
        made["inference"] = {**made["inference"], **problem.null_inference(made["inference"]["description"])}
    metric, kind = find_metric(task, problem.name, problem.labels), problem.name
    if problem.name == "qa" and data.meta.get("unanswerable"):
        metric = kind = "squad2"
    gold = {lang: p.gold for lang, p in predictions.items() if p.gold is not None}
    if problem.name == "tagging" and gold:
        scheme = problem.scheme
        made["tag_scheme"] = scheme.describe(*counters.tag_numbers([*chain(*gold.values())], scheme))
        examples = {x: counters.tag_counters(true, predictions[x].predicted, scheme) for x, true in gold.items()}
    else:
        rules = made.get("answers", "squad")
        examples = {lang: _counters(kind, predictions[lang], true, rules) for lang, true in gold.items()}
    return Result.of_examples(
        name, task, split, tuned.task.source_language, metric, examples,
        missing=[lang for lang in data.meta.get("languages", []) if lang not in predictions],
        unlabelled=[lang for lang in predictions if lang not in examples],
        provenance=made,
    )  # fmt: skip


def _selection_of(members: Sequence[FineTuned]) -> dict[str, Any]:
    """An ensemble's selection: in words, and that of every member."""
    described = dict.fromkeys(member.selection.describe() for member in members)
    return {"description": "; ".join(described), "members": [member.selection.to_dict() for member in members]}


def _counters(problem: str, found: Predictions, gold: Sequence, rules: str) -> np.ndarray:
    if problem == "qa":
        return counters.answer_counters(gold, found.predicted, rules, found.language)
    if problem == "squad2":
        return counters.squad2_counters(gold, found.predicted, rules, found.language)
    return counters.label_counters(gold, found.predicted)


def provenance(tuned: FineTuned) -> dict[str, Any]:
    """Facts about the model that a result comes from."""
    return {
        "checkpoint": tuned.path,
        "updates": tuned.updates,
        "data": str(tuned.task.data_bin.root),
        "inference": tuned.task.inference(),
        "selection": {**tuned.selection.to_dict(), "description": tuned.selection.describe()},
    }


def prediction_files(
    folder: str, task: str, split: str, problem: str, predictions: Mapping[str, Predictions]
) -> dict[str, str]:
    """Path -> content of the files that XTREME's scorer reads."""
    return {
        prediction_path(folder, task, split, lang, SUFFIXES.get(problem, "tsv")): _content(problem, found)
        for lang, found in predictions.items()
    }


def _content(problem: str, found: Predictions) -> str:
    if problem == "tagging":
        return write_tags(found.predicted)
    if problem != "qa":
        return "".join(f"{label}\n" for label in found.predicted)
    keys = found.keys or []
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise UserError(
            f"{found.language}: the question id '{twice}' occurs more than once, so answers cannot be written by id;"
            " leave --output out or give the questions different ids"
        )
    return write_answers(keys, found.predicted)
