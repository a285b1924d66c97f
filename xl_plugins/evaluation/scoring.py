"""From predictions to a :class:`Result`: those just made, and files made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import UserError
from .checkpoint import FineTuned
from .labels import LABEL_SETS, STEMS, LabelSet, find_labels, languages_in, read_gold, read_predictions, task_folder
from .predict import Predictions
from .result import Result


def score_predictions(
    tuned: FineTuned, predictions: Mapping[str, Predictions], split: str, name: str, task: str
) -> Result:
    """Accuracy per language; languages without gold labels are listed and not scored."""
    counts = {
        lang: (int((p.classes == p.gold).sum()), len(p.gold)) for lang, p in predictions.items() if p.gold is not None
    }
    return Result(
        name, task, split, tuned.task.source_language, counts,
        missing=[lang for lang in tuned.task.data_bin.meta.get("languages", []) if lang not in predictions],
        unlabelled=[lang for lang in predictions if lang not in counts],
        provenance=provenance(tuned),
    )  # fmt: skip


def provenance(tuned: FineTuned) -> dict[str, Any]:
    """What a result says about the model it comes from."""
    return {
        "checkpoint": tuned.path,
        "updates": tuned.updates,
        "data": str(tuned.task.data_bin.root),
        "inference": tuned.task.inference(),
        "selection": {**tuned.selection.to_dict(), "description": tuned.selection.describe()},
    }


def score_files(
    predictions: str, labels: str, task: str, split: str = "test", source_language: str = "en",
    languages: Sequence[str] | None = None,
) -> Result:  # fmt: skip
    """Score files ``<predictions>/<task>/test-XX.tsv`` against ``<labels>/[<task>/]test-XX.tsv``.

    Languages on one side only are left out and listed as missing. Raises UserError for differing numbers of examples,
    labels that are none, and gold files without labels.
    """
    folders = [task_folder(predictions, task, "--predictions"), task_folder(labels, task, "--labels")]
    there = [languages_in(folder, split) for folder in folders]
    wanted = list(languages or sorted({*there[0], *there[1]}))
    missing = [lang for lang in wanted if not all(lang in found for found in there)]
    scored = [lang for lang in wanted if lang not in missing]
    if not scored:
        raise UserError(
            f"nothing to score: {folders[0]} has {STEMS[split]}-XX.tsv for {', '.join(there[0]) or 'no language'},"
            f" {folders[1]} for {', '.join(there[1]) or 'no language'}; check --predictions, --labels and --task"
        )
    label_set = LABEL_SETS.get(task, LabelSet())
    counts = {}
    for lang in sorted(scored, key=lambda code: (code != source_language, code)):
        paths = [find_labels(folder, split, lang) or "" for folder in folders]
        gold = read_gold(paths[1], label_set)
        known = label_set if label_set.names else LabelSet(tuple(sorted(set(gold))))
        predicted = read_predictions(paths[0], known)
        if len(predicted) != len(gold):
            raise UserError(
                f"{paths[0]}: {len(predicted)} predictions, but {paths[1]} has {len(gold)} examples; every one needs a"
                " prediction"
            )
        counts[lang] = (sum(p == g for p, g in zip(predicted, gold)), len(gold))
    made = {"predictions": predictions, "labels": labels}
    return Result(task, task, split, source_language, counts, missing, provenance=made)
