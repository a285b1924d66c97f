"""``xl-analyze errors``: what a model confuses, how sure it is of it, and examples, per language."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from ..errors import UserError
from ..evaluation.checkpoint import FineTuned, load_fine_tuned
from ..evaluation.options import batch_limits, model_options
from ..evaluation.report.result import Result
from ..evaluation.scoring import provenance, score_predictions
from ..formats.languages import parse_languages
from ..functional.analysis.calibration import Reliability, reliability
from ..functional.analysis.counting import confusion
from ..functional.selection import unit_confidence
from ..output import Staging
from ..problems.predicting import Predictions, build_datasets, decode, find_languages, values_of_languages
from ..terminal import say
from .example_texts import ExampleTexts
from .folder import Analysis
from .pictures import charts
from .pictures.style import check_available

COMMAND = "xl-analyze errors"
_PARTS = 4  # of the examples by their length


@dataclass
class Found:
    """The predictions of one language, and the number of positions of each example."""

    predictions: Predictions
    lengths: np.ndarray

    @property
    def gold(self) -> list:
        assert self.predictions.gold is not None
        return self.predictions.gold


def run(args: argparse.Namespace, command: str) -> int:
    """The command on parsed arguments; returns the exit status."""
    check_available()
    with Staging(args.out, COMMAND, "--out", args.overwrite, [args.data, args.path]) as staging:
        tuned = load_fine_tuned(args.path, args.data, **model_options(args))
        split = args.split or "test"
        found = _predict(tuned, split, args)
        made = {language: one.predictions for language, one in found.items()}
        name = tuned.task.data_bin.meta.get("dataset") or ""
        result = score_predictions(tuned, made, split, args.path, name)
        analysis = Analysis(
            "errors", command, **provenance(tuned), split=split, metric=result.metric.primary,
            labels=tuned.task.problem.labels, source_language=tuned.task.source_language,
        )  # fmt: skip
        analysis.numbers["languages"] = {
            language: {"score": score, "examples": len(found[language].gold)}
            for language, score in result.scores.items()
        }
        if tuned.task.problem.labels:
            _confusions(analysis, tuned.task.problem.labels, found)
            _calibration(analysis, found, args.bins)
        else:
            analysis.notes.append("answers are no classes: they have no confusion matrix and no calibration error")
        _by_length(analysis, result, found)
        _examples(analysis, tuned, result, found, split, args.examples)
        analysis.write(staging)
    _print(analysis, args.out)
    return 0


def _predict(tuned: FineTuned, split: str, args: argparse.Namespace) -> dict[str, Found]:
    """Predictions of the languages that have gold labels."""
    wanted = parse_languages(args.languages, "--languages") if args.languages else None
    datasets = build_datasets(tuned, split, find_languages(tuned, split, wanted))
    found = {}
    total = sum(map(len, datasets.values()))
    with tqdm(total=total, desc="predicting", unit="example", disable=None, leave=False) as bar:
        start = lambda language, count: bar.update  # noqa: E731
        limits = batch_limits(args)
        made = values_of_languages(tuned, datasets, limits["batch_size"], limits["max_tokens"], start)
        for language, *values in made:
            one = decode(tuned.task.problem, language, datasets[language], *values)
            found[language] = Found(one, np.asarray(datasets[language].tokens_per_unit))
    gold = {language: one for language, one in found.items() if one.predictions.gold is not None}
    if not gold:
        raise UserError(f"{args.data}: no gold labels in {split} of {', '.join(found)}; choose another --split")
    for language in found.keys() - gold.keys():
        say(f"xl-analyze: warning: {language}: its {split} data has no gold labels; left out", file=sys.stderr)
    return gold


def classes(labels: Sequence[str], names: Sequence) -> np.ndarray:
    """Indices of labels, or of the tags of sentences one after the other: (K,)."""
    place = {label: number for number, label in enumerate(labels)}
    flat = [tag for tags in names for tag in tags] if names and isinstance(names[0], list) else names
    return np.array([place[name] for name in flat], dtype=np.int64)


def _confusions(analysis: Analysis, labels: list[str], found: dict[str, Found]) -> None:
    rows: list[list[Any]] = []
    for language, one in found.items():
        matrix = confusion(classes(labels, one.gold), classes(labels, one.predictions.predicted), len(labels))
        analysis.numbers["languages"][language]["confusion"] = matrix
        rows += [[language, label, *counts] for label, counts in zip(labels, matrix.tolist())]
        totals = matrix.sum(axis=1, keepdims=True)
        shares = np.where(totals > 0, 100 * matrix / np.maximum(totals, 1), np.nan)
        title, axes = f"{language}: what gold labels are taken for", ("gold", "predicted")
        picture = charts.heat(shares, labels, labels, title, axes, "share of the gold label (%)", (0, 100), ".0f")
        analysis.add_picture(f"confusion-{language}", picture)
    analysis.add_table("confusion", ["language", "gold", *labels], rows)


def _calibration(analysis: Analysis, found: dict[str, Found], bins: int) -> None:
    labels = analysis.facts["labels"]
    made: dict[str, Reliability] = {}
    for language, one in found.items():
        correct = classes(labels, one.gold) == one.predictions.values.argmax(axis=1)
        made[language] = reliability(one.predictions.values.max(axis=1), correct, bins)
        analysis.numbers["languages"][language]["calibration"] = {
            "ece": made[language].expected_error, "mce": made[language].largest_error,
            "confidence": float(one.predictions.values.max(axis=1).mean()), "accuracy": float(correct.mean()),
            "counts": made[language].counts, "bin_accuracy": made[language].accuracy,
            "bin_confidence": made[language].confidence,
        }  # fmt: skip
    analysis.add_picture(
        "reliability", charts.reliability_panels(made, "How often predictions of a confidence are right")
    )
    errors = {language: 100 * one.expected_error for language, one in made.items()}
    title = "Calibration error (0: confidence can be trusted)"
    analysis.add_picture("calibration", charts.bars(errors, title, f"ECE of {bins} bins (percentage points)"))
    rows = [
        [language, low, high, count, accuracy, confidence]
        for language, one in made.items()
        for low, high, count, accuracy, confidence in zip(
            one.edges[:-1].tolist(), one.edges[1:].tolist(), one.counts.tolist(), one.accuracy.tolist(),
            one.confidence.tolist(),
        )
    ]  # fmt: skip
    analysis.add_table("reliability", ["language", "above", "up_to", "count", "accuracy", "confidence"], rows)


def _by_length(analysis: Analysis, result: Result, found: dict[str, Found]) -> None:
    """Scores of a quarter of the examples each, by length; the borders are those of all languages together."""
    lengths = np.concatenate([one.lengths for one in found.values()])
    borders = np.unique(np.quantile(lengths, np.arange(1, _PARTS) / _PARTS, method="lower"))
    names = [f"to {int(border)}" for border in borders] + [f"above {int(borders[-1])}"]
    values = np.full((len(found), len(names)), np.nan)
    for row, (language, one) in enumerate(found.items()):
        parts = np.searchsorted(borders, one.lengths)
        for part in range(len(names)):
            inside = result.examples[language][parts == part]
            if len(inside):
                values[row, part] = float(result.metric.score(inside.sum(axis=0)))
        analysis.numbers["languages"][language]["by_length"] = dict(zip(names, values[row].tolist()))
    analysis.add_table("by-length", ["language", *names], [[x, *row] for x, row in zip(found, values.tolist())])
    title, axes = "Scores by length", ("language", "positions of an example")
    unit = f"{result.metric.figure(result.metric.primary).title} (%)"
    picture = charts.heat(values, list(found), names, title, axes, unit, (0, 100), ".0f")
    analysis.add_picture("by-length", picture)


def _examples(
    analysis: Analysis, tuned: FineTuned, result: Result, found: dict[str, Found], split: str, count: int
) -> None:  # fmt: skip
    """The wrong predictions that the model is surest of; of answers the first ones that are not exact."""
    rows: list[list[Any]] = []
    for language, one in found.items():
        predicted = one.predictions
        if analysis.facts["labels"]:
            sure = unit_confidence(predicted.values, predicted.sizes)[0]
            wrong = np.array([true != guess for true, guess in zip(one.gold, predicted.predicted)])
        else:
            sure = np.full(len(one.gold), np.nan)
            wrong = result.metric.score(result.examples[language]) < 100
        rest = np.flatnonzero(wrong)
        order = rest[np.argsort(-sure[rest], kind="stable")] if analysis.facts["labels"] else rest
        texts = ExampleTexts(tuned.task.data_bin, language, split, len(one.gold))
        records = []
        for number in order[:count].tolist():
            record = {
                "row": number + 1, "texts": texts.row(number), "gold": one.gold[number],
                "predicted": predicted.predicted[number], "confidence": float(sure[number]),
            }  # fmt: skip
            if predicted.keys is not None:
                record["id"] = predicted.keys[number]
            records.append(record)
            rows.append([
                language, number + 1, record["confidence"], _shown(record["gold"]), _shown(record["predicted"]),
                *record["texts"],
            ])  # fmt: skip
        analysis.numbers["languages"][language].update(wrong=int(wrong.sum()), errors=records)
    analysis.add_table("errors", ["language", "row", "confidence", "gold", "predicted", "text1", "text2"], rows)


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _print(analysis: Analysis, out: str) -> None:
    for language, entry in analysis.numbers["languages"].items():
        calibration = entry.get("calibration")
        more = f"  ECE {100 * calibration['ece']:.1f} points" if calibration else ""
        score = f"{analysis.facts['metric']} {entry['score']:.1f}"
        say(f"  {language}  {score}  wrong {entry['wrong']} of {entry['examples']}{more}")
    say(f"written: {out}")
