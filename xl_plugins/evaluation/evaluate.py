"""``xl-evaluate DATA --path ...``: checkpoints to predictions, results, files and a table."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..data.binary.layout import DataBin
from ..errors import UserError
from ..formats.languages import parse_languages
from ..output import FileOutput, NoOutput, check_component, write_together
from ..problems.predicting import Progress, find_languages, predict_languages
from ..processes import ALONE, Team
from ..terminal import say
from .checkpoint import FineTuned, load_fine_tuned
from .ensemble import predict_ensemble
from .generalised import evaluate_matrix
from .options import batch_limits, column_names, model_options
from .readers.labels import prediction_path
from .report.compare import System
from .report.result import Result, check_json, to_json
from .report.table import render, seeds_table
from .retrieval import scores as retrieval
from .scoring import prediction_files, score_predictions

COMMAND = "xl-evaluate"
_RETRIEVAL_OPTIONS = ("layer", "pooling", "margin", "mine")


def evaluate(args: argparse.Namespace, team: Team = ALONE) -> int:
    """Run the command on parsed arguments; returns the exit status. The first process of ``team`` alone writes."""
    if not args.data:
        raise UserError("--path needs DATA, the binarised folder to predict on: xl-evaluate DATA --path CKPT")
    if args.task:
        check_component(args.task, "--task")
    if args.json:
        check_json(args.json, args.overwrite)
    if args.generalised:
        return _matrix(args, team)
    if args.skip_unequal:
        raise UserError("--skip-unequal is read with --generalised only; leave it out")
    if os.path.isdir(args.data) and DataBin(Path(args.data)).meta.get("problem") == retrieval.PROBLEM:
        _refuse(args, ("ensemble",), "for retrieval")
        with _files(args, team) as output:
            results = retrieval.run(args, output, team)
        if args.json and team.first:
            write_together({args.json: to_json(results)})
    else:
        _refuse(args, _RETRIEVAL_OPTIONS, "for retrieval only")
        with _files(args, team) as output:
            results = (_ensemble if args.ensemble else _systems)(args, output, team)
    report(results, args.format)
    if args.output:
        say(f"predictions: {os.path.join(args.output, '')}", file=sys.stderr)
    return 0


def _files(args: argparse.Namespace, team: Team) -> FileOutput:
    return (FileOutput if team.first else NoOutput)(COMMAND, args.overwrite)


def _refuse(args: argparse.Namespace, options: Sequence[str], reason: str) -> None:
    for option in options:
        value = getattr(args, option)
        if value is not None and value is not False:  # 0 is a layer
            verb = "is read" if reason.endswith("only") else "is not read"
            raise UserError(f"--{option} {verb} {reason}; leave it out")


def _wanted(args: argparse.Namespace) -> tuple[str, ...] | None:
    return parse_languages(args.languages, "--languages") if args.languages else None


def _task_name(args: argparse.Namespace, tuned: FineTuned) -> str:
    return args.task or tuned.task.data_bin.meta.get("dataset") or os.path.basename(os.path.abspath(args.data))


def _systems(args: argparse.Namespace, output: FileOutput, team: Team) -> list[Result]:
    """Every checkpoint by itself."""
    split, wanted = args.split or "test", _wanted(args)
    names, options, limits = column_names(args.names, args.path), model_options(args), batch_limits(args)
    several = bool(args.output) and len(names) > 1
    inner = [check_component(name, "--names") if several else "" for name in names]
    folders = [args.output and os.path.join(args.output, name) for name in inner]
    results: list[Result] = []
    files: dict[str, str] = {}
    for name, path, folder in zip(names, args.path, folders):
        tuned = load_fine_tuned(path, args.data, **options)
        task, problem = _task_name(args, tuned), tuned.task.problem
        if not results:  # before anything is computed
            _plan([f for f in folders if f], task, tuned, split, args, output)
        with _Bar(name) as bar:
            found = predict_languages(tuned, split, wanted, progress=bar.start, team=team, **limits)
        results.append(score_predictions(tuned, found, split, name, task))
        if folder:
            files.update(prediction_files(folder, task, split, problem, found))
    return _write(results, files, args, output, team)


def _ensemble(args: argparse.Namespace, output: FileOutput, team: Team) -> list[Result]:
    """All checkpoints as one system."""
    split, count = args.split or "test", len(args.path)
    if count < 2:
        raise UserError("--ensemble averages several checkpoints; give --path at least two")
    if len(set(map(os.path.realpath, args.path))) < count:
        raise UserError("--ensemble: a checkpoint is given twice; give --path different ones")
    name = column_names(args.names, [f"ensemble of {count}"])[0]
    options, limits = model_options(args), batch_limits(args)
    planned: list[str] = []

    def load(path: str) -> FineTuned:
        tuned = load_fine_tuned(path, args.data, **options)
        if args.output and not planned:
            _plan([args.output], _task_name(args, tuned), tuned, split, args, output)
            planned.append(path)
        return tuned

    with _Bar(name) as bar:
        members, found = predict_ensemble(
            args.path, load, split, _wanted(args), progress=bar.named, team=team, **limits
        )
    task = _task_name(args, members[0])
    result = score_predictions(members[0], found, split, name, task, members)
    files = prediction_files(args.output, task, split, members[0].task.problem, found) if args.output else {}
    return _write([result], files, args, output, team)


def _plan(
    folders: Sequence[str], task: str, tuned: FineTuned, split: str, args: argparse.Namespace, output: FileOutput
) -> None:
    suffix = tuned.task.problem.facts.suffix
    languages = find_languages(tuned, split, _wanted(args))
    output.plan(prediction_path(f, task, split, lang, suffix) for f in folders for lang in languages)


def _write(
    results: list[Result], files: dict[str, str], args: argparse.Namespace, output: FileOutput, team: Team
) -> list[Result]:
    if args.languages:
        for result in results:
            result.missing = []  # the user chose
    if not results[0].counts and not files:
        raise UserError(
            f"{args.data}: no gold labels in {results[0].split} of {', '.join(results[0].unlabelled)}, so nothing can"
            " be scored; pass --output to write the predictions"
        )
    if team.first:
        with output.writing(list(files)):
            write_together({**files, **({args.json: to_json(results)} if args.json else {})})
    return results


def _matrix(args: argparse.Namespace, team: Team) -> int:
    _refuse(args, ("output", "ensemble", *_RETRIEVAL_OPTIONS), "with --generalised")
    if len(args.path) > 1:
        raise UserError(f"--generalised: {len(args.path)} checkpoints given; it scores one")
    name, limits = column_names(args.names, args.path)[0], batch_limits(args)
    tuned = load_fine_tuned(args.path[0], args.data, **model_options(args))
    with _Bar(name) as bar:
        matrix = evaluate_matrix(
            tuned, args.split or "test", _wanted(args), name, _task_name(args, tuned),
            progress=lambda count: bar.start("pairs of languages", count), skip_unequal=args.skip_unequal,
            team=team, **limits,
        )  # fmt: skip
    if args.json and team.first:
        write_together({args.json: matrix.to_json()})
    render(matrix.table(), args.format, sys.stdout)
    return 0


def report(results: list[Result], style: str) -> None:
    """Print the table, and say on standard error what is missing from it."""
    first = results[0]
    if first.unlabelled:
        warn(f"not scored, since their {first.split} data has no gold labels: {', '.join(first.unlabelled)}")
    if first.missing:
        warn(f"no score for {', '.join(first.missing)}: left out of the mean")
    for language, count in first.unanswered.items():
        total = first.count(language)
        warn(f"{language}: {count} of {total} questions have no prediction and score 0")
    if first.counts:
        render(seeds_table(System(first.name, results)), style, sys.stdout)


def warn(text: str) -> None:
    say(f"xl-evaluate: warning: {text}", file=sys.stderr)


class _Bar:
    """One progress bar per language, on a terminal only."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bar: Any = None

    def __enter__(self) -> _Bar:
        return self

    def start(self, language: str, count: int) -> Progress:
        self.close()
        self.bar = tqdm(total=count, desc=f"{self.name} {language}", unit="example", disable=None, leave=False)
        return self.bar.update

    def named(self, path: str) -> Any:
        """Bars of a member of an ensemble."""
        return lambda language, count: self.start(f"{os.path.basename(os.path.dirname(path))} {language}", count)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()

    def __exit__(self, *details: object) -> None:
        self.close()
