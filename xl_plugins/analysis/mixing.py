"""``xl-analyze mixing``: the mixup ratio and the attention entropies behind it, per language (X-Mixup, Eq. 5)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from ..errors import UserError
from ..evaluation.checkpoint import load_fine_tuned
from ..evaluation.options import batch_limits, model_options
from ..evaluation.scoring import provenance
from ..formats.languages import parse_languages
from ..output import Staging
from ..problems.predicting import build_datasets, find_languages, plan_batches, predict_batches
from ..terminal import say
from .folder import Analysis
from .pictures import charts
from .pictures.style import check_available
from .scores import Scores, correlate

COMMAND = "xl-analyze mixing"
TITLES = {  # what a model with mixup returns beside its output -> how it is called
    "ratio": ("lambda", "mixup ratio lambda"),
    "entropy": ("H(A)", "entropy H(A) of target over source (nats)"),
    "reverse_entropy": ("H(A^T)", "entropy H(A^T) of source over target (nats)"),
}


def run(args: argparse.Namespace, command: str) -> int:
    """The command on parsed arguments; returns the exit status."""
    check_available()
    with Staging(args.out, COMMAND, "--out", args.overwrite, [args.data, args.path, args.scores]) as staging:
        scores = Scores(args.scores) if args.scores else None
        tuned = load_fine_tuned(args.path, args.data, **model_options(args))
        split, limits = args.split or "test", batch_limits(args)
        wanted = parse_languages(args.languages, "--languages") if args.languages else None
        datasets = build_datasets(tuned, split, find_languages(tuned, split, wanted))
        found: dict[str, dict[str, np.ndarray]] = {}
        with tqdm(total=sum(map(len, datasets.values())), unit="example", disable=None, leave=False) as bar:
            for language, dataset in datasets.items():
                batches = plan_batches(dataset, limits["batch_size"], limits["max_tokens"])
                with _listening(tuned.model) as heard:
                    for _ in predict_batches(tuned, dataset, batches, bar.update):
                        pass
                found[language] = {name: np.concatenate(parts) for name, parts in heard.items() if parts}
                if "ratio" not in found[language]:
                    raise UserError(
                        f"--path {args.path}: mixes no texts; give a checkpoint trained with X-Mixup, and"
                        " --mixup-inference if it was trained to predict without"
                    )
        analysis = Analysis(
            "mixing", command, **provenance(tuned), split=split, source_language=tuned.task.source_language
        )
        _numbers(analysis, found, scores)
        analysis.write(staging)
    for language, entry in analysis.numbers["languages"].items():
        say("  ".join([f"  {language}", *(f"{TITLES[name][0]} {one['mean']:.3f}" for name, one in entry.items())]))
    say(f"written: {args.out}")
    return 0


@contextmanager
def _listening(model: torch.nn.Module) -> Iterator[dict[str, list[np.ndarray]]]:
    """Collects what ``model`` returns of each row beside its output, batch by batch."""
    heard: dict[str, list[np.ndarray]] = {name: [] for name in TITLES}

    def hear(module: Any, inputs: Any, output: Any) -> None:
        extra = output[1] if isinstance(output, tuple) and isinstance(output[1], Mapping) else {}
        for name, parts in heard.items():
            if extra.get(name) is not None:
                parts.append(extra[name].float().cpu().numpy())

    handle = model.register_forward_hook(hear)
    try:
        yield heard
    finally:
        handle.remove()


def _numbers(analysis: Analysis, found: Mapping[str, Mapping[str, np.ndarray]], scores: Scores | None) -> None:
    languages: dict[str, dict[str, dict[str, Any]]] = {
        language: {
            name: {
                "mean": float(values.mean()), "std": float(values.std()),
                "quantiles": dict(zip(("0.05", "0.5", "0.95"), np.quantile(values, (0.05, 0.5, 0.95)).tolist())),
                "rows": len(values),
            }
            for name, values in columns.items()
        }
        for language, columns in found.items()
    }  # fmt: skip
    analysis.numbers["languages"] = languages
    rows = [
        [language, name, one["mean"], one["std"], *one["quantiles"].values(), one["rows"]]
        for language, entry in languages.items()
        for name, one in entry.items()
    ]
    analysis.add_table("mixing", ["language", "what", "mean", "std", "q05", "median", "q95", "rows"], rows)
    for name, (_, title) in TITLES.items():
        if groups := {language: columns[name] for language, columns in found.items() if name in columns}:
            picture = charts.boxes(groups, f"{title.split(' (')[0].capitalize()} by language", title)
            analysis.add_picture(name.replace("_", "-"), picture)
    if scores:
        source = scores.source
        means = {name: {x: entry[name]["mean"] for x, entry in languages.items() if name in entry} for name in TITLES}
        analysis.numbers["correlation"] = {
            name: correlate(values, scores.scores, source) for name, values in means.items() if values
        }
        analysis.facts["scores"] = {"file": scores.path, "metric": scores.metric, "languages": scores.scores}
