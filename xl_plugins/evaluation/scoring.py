"""From predictions just made to a :class:`Result` and to prediction files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..problems.base import Problem
from ..problems.predicting import Predictions
from .checkpoint import FineTuned
from .metrics.benchmark import find_metric
from .readers.labels import prediction_path
from .report.result import Result


def score_predictions(
    tuned: FineTuned, predictions: Mapping[str, Predictions], split: str, name: str, task: str,
    members: Sequence[FineTuned] = (),
) -> Result:  # fmt: skip
    """Scores per language; languages without gold are listed and not scored. ``members``: those of an ensemble."""
    problem: Problem = tuned.task.problem
    data = tuned.task.data_bin
    made = provenance(tuned)
    if members:
        made = {**made, "checkpoint": [m.path for m in members], "updates": [m.updates for m in members]}
        made["ensemble"] = len(members)
        made["training"] = [_training(member) for member in members]
        made["selection"] = _selection_of(members)
    gold = {lang: p.gold for lang, p in predictions.items() if p.gold is not None}
    rules = problem.scoring_rules(gold, made["inference"]["description"])
    made["inference"] = {**made["inference"], **rules.pop("inference", {})}
    made |= rules
    metric = problem.test_metric(find_metric(task, problem.name, problem.labels))
    examples = {lang: problem.test_counters(lang, true, predictions[lang].predicted) for lang, true in gold.items()}
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


def provenance(tuned: FineTuned) -> dict[str, Any]:
    """Facts about the model that a result comes from."""
    return {
        "checkpoint": tuned.path,
        "updates": tuned.updates,
        "data": str(tuned.task.data_bin.root),
        "training": _training(tuned),
        "inference": tuned.task.inference(),
        "selection": {**tuned.selection.to_dict(), "description": tuned.selection.describe()},
    }


def _training(tuned: FineTuned) -> dict[str, Any]:
    """How the model was trained, as far as its checkpoint tells: earlier versions noted less."""
    record = tuned.record
    found = {
        "method": record.get("method"), "languages": record.get("train_languages"), "seed": tuned.task.cfg.seed,
        "data_sha256": record.get("training_data"), "versions": record.get("versions"),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def prediction_files(
    folder: str, task: str, split: str, problem: Problem, predictions: Mapping[str, Predictions]
) -> dict[str, str]:
    """Path -> content of the files that XTREME's scorer reads."""
    return {
        prediction_path(folder, task, split, lang, problem.facts.suffix): problem.prediction_text(
            lang, found.predicted, found.keys
        )
        for lang, found in predictions.items()
    }
