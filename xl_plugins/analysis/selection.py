"""``xl-analyze selection``: whether a model's losses tell right labels from wrong ones, and what is kept by them (XLA,
ACL 2021, section 3.3 and Appendix B)."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from ..errors import UserError
from ..evaluation.checkpoint import FineTuned, load_fine_tuned
from ..evaluation.options import batch_limits, model_options
from ..evaluation.scoring import provenance
from ..formats.json_text import parse_json_line
from ..formats.languages import parse_languages
from ..formats.text import read_lines
from ..functional.selection import most_confident, unit_confidence
from ..output import Staging
from ..problems.predicting import build_datasets, find_languages, values_of_languages
from ..terminal import say
from .errors import classes
from .folder import Analysis
from .pictures import charts
from .pictures.style import check_available

COMMAND = "xl-analyze selection"


@dataclass
class Labelled:
    """A model's labels of a language: of every text its loss, whether all its labels are right, whether it is kept, and
    its positions."""

    losses: np.ndarray
    right: np.ndarray
    kept: np.ndarray
    lengths: np.ndarray


def run(args: argparse.Namespace, command: str) -> int:
    """The command on parsed arguments; returns the exit status."""
    check_available()
    with Staging(args.out, COMMAND, "--out", args.overwrite, [args.data, args.path, args.stages]) as staging:
        stages = read_stages(args.stages) if args.stages else []
        tuned = load_fine_tuned(args.path, args.data, **model_options(args))
        if not tuned.task.problem.labels:
            raise UserError(f"--path {args.path}: its problem has no classes, so that nothing is selected by them")
        split = args.split or "test"
        found = _label(tuned, split, args)
        analysis = Analysis(
            "selection", command, **provenance(tuned), split=split, kept_percent=args.eta,
            source_language=tuned.task.source_language,
        )  # fmt: skip
        _numbers(analysis, found)
        if stages:
            _stages(analysis, stages)
        analysis.write(staging)
    for language, entry in analysis.numbers["languages"].items():
        share = f"right {entry['right_percent']:.1f} % of {entry['texts']}"
        say(f"  {language}  {share}, {entry['right_of_kept_percent']:.1f} % of {entry['kept']} kept")
    say(f"written: {args.out}")
    return 0


def _label(tuned: FineTuned, split: str, args: argparse.Namespace) -> dict[str, Labelled]:
    wanted = parse_languages(args.languages, "--languages") if args.languages else None
    if split == "train":  # find_languages is for test sets
        there = [
            language for language in tuned.task.data_bin.languages_with("train") if not wanted or language in wanted
        ]
        if not there or (wanted and len(there) < len(wanted)):
            raise UserError(f"--languages: {args.data} has no training text of all of {args.languages or 'them'}")
    else:
        there = find_languages(tuned, split, wanted)
    datasets = build_datasets(tuned, split, there)
    gold = {language: tuned.task.problem.gold(dataset) for language, dataset in datasets.items()}
    datasets = {language: dataset for language, dataset in datasets.items() if gold[language] is not None}
    if not datasets:
        raise UserError(f"{args.data}: no gold labels in {split}, so right and wrong cannot be told; choose --split")
    found, limits, labels = {}, batch_limits(args), tuned.task.problem.labels
    with tqdm(total=sum(map(len, datasets.values())), unit="example", disable=None, leave=False) as bar:
        start = lambda language, count: bar.update  # noqa: E731
        made = values_of_languages(tuned, datasets, limits["batch_size"], limits["max_tokens"], start)
        for language, values, sizes in made:
            confidence, guesses, losses = unit_confidence(values, sizes)
            correct = guesses == classes(labels, gold[language] or [])
            right = np.logical_and.reduceat(correct, np.cumsum(sizes) - sizes)
            kept = np.zeros(len(losses), bool)
            kept[most_confident(confidence, args.eta)] = True
            found[language] = Labelled(losses, right, kept, np.asarray(datasets[language].tokens_per_unit))
    return found


def separation(losses: np.ndarray, right: np.ndarray) -> float:
    """The probability that a wrong label's loss is above a right one's, ties half (AUC): 0.5 tells nothing; nan where
    all are right or all wrong."""
    if right.all() or not right.any():
        return float("nan")
    from scipy.stats import rankdata

    ranks, wrong = rankdata(losses), int((~right).sum())
    return float((ranks[~right].sum() - wrong * (wrong + 1) / 2) / (wrong * int(right.sum())))


def _percent(values: np.ndarray) -> float:
    return 100 * float(values.mean()) if len(values) else math.nan


def _numbers(analysis: Analysis, found: Mapping[str, Labelled]) -> None:
    analysis.numbers["languages"] = {
        language: {
            "texts": len(one.right), "right_percent": _percent(one.right), "kept": int(one.kept.sum()),
            "right_of_kept_percent": _percent(one.right[one.kept]), "auc": separation(one.losses, one.right),
            "mean_loss_right": float(one.losses[one.right].mean()) if one.right.any() else math.nan,
            "mean_loss_wrong": float(one.losses[~one.right].mean()) if (~one.right).any() else math.nan,
            "mean_length": float(one.lengths.mean()),
            "mean_length_of_kept": float(one.lengths[one.kept].mean()) if one.kept.any() else math.nan,
        }
        for language, one in found.items()
    }  # fmt: skip
    entries = analysis.numbers["languages"]
    header = list(next(iter(entries.values())))
    analysis.add_table("selection", ["language", *header], [[x, *entry.values()] for x, entry in entries.items()])
    losses = {x: {"right": one.losses[one.right], "wrong": one.losses[~one.right]} for x, one in found.items()}
    title = "Losses of labels that are right and wrong"
    analysis.add_picture("losses", charts.histograms(losses, title, "loss of the label (nats)", count="texts"))
    lengths = {x: {"all": one.lengths, "kept": one.lengths[one.kept]} for x, one in found.items()}
    title = f"Lengths of all texts and of the {analysis.facts['kept_percent']} % kept"
    analysis.add_picture("lengths", charts.histograms(lengths, title, "positions", count="texts"))
    for name, groups in (("losses", losses), ("lengths", lengths)):
        analysis.add_table(name, ["language", "group", "from", "to", "texts"], _bins(groups))


def _bins(groups: Mapping[str, Mapping[str, np.ndarray]], bins: int = 30) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for language, parts in groups.items():
        edges = np.histogram_bin_edges(np.concatenate(list(parts.values())), bins=bins)
        for name, values in parts.items():
            counts = np.histogram(values, edges)[0]
            rows += [[language, name, low, high, int(n)] for low, high, n in zip(edges[:-1], edges[1:], counts)]
    return rows


def read_stages(path: str) -> list[dict[str, Any]]:
    """The record of a co-training run, a line per stage; UserError for another file."""
    found = []
    for number, line in enumerate(read_lines(path), 1):
        entry = parse_json_line(line, f"{path}:{number}", "one stage per line")
        if not isinstance(entry.get("stage"), int) or not isinstance(entry.get("pools"), dict):
            raise UserError(f"{path}:{number}: no stage with its pools; give xla_stages.jsonl of a run's folder")
        found.append(entry)
    if not found:
        raise UserError(f"{path}: empty; give xla_stages.jsonl of a run's folder")
    return found


def _stages(analysis: Analysis, stages: list[dict[str, Any]]) -> None:
    """Add what every stage took of its pools, and how much of it was right."""
    rows: list[list[Any]] = []
    lines: dict[str, tuple[list[float], list[float]]] = {}
    kept: dict[str, tuple[list[float], list[float]]] = {}
    for entry in stages:
        for pool, values in entry["pools"].items():
            size, agreed, accuracy = (values.get(key) for key in ("size", "agreed", "accuracy"))
            rows.append([entry["stage"], entry.get("member"), pool, size, agreed, accuracy, entry.get("score")])
            if values.get("kept"):
                for table, number in ((lines, accuracy), (kept, 100 * agreed / size if size else None)):
                    if number is not None:
                        table.setdefault(pool, ([], []))
                        table[pool][0].append(entry["stage"])
                        table[pool][1].append(number)
    analysis.numbers["stages"] = stages
    header = ["stage", "member", "pool", "size", "agreed", "right_percent", "dev_score"]
    analysis.add_table("stages", header, rows)
    if kept:
        picture = charts.lines(kept, "What both peers agreed on", ("stage", "share of the pool (%)"))
        analysis.add_picture("stages-agreed", picture)
    if lines:
        picture = charts.lines(lines, "Right labels among those agreed on", ("stage", "right labels (%)"))
        analysis.add_picture("stages-right", picture)
