"""``xl-evaluate``: accuracy per language of checkpoints, of prediction files made elsewhere, or of earlier results."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from tqdm import tqdm

from xl_plugins.errors import UserError, run_cli
from xl_plugins.evaluation.checkpoint import load_fine_tuned
from xl_plugins.evaluation.compare import System
from xl_plugins.evaluation.files import refuse_existing, write_files
from xl_plugins.evaluation.labels import STEMS, prediction_path
from xl_plugins.evaluation.options import add_model_options, batch_limits, column_names, model_options
from xl_plugins.evaluation.predict import Predictions, Progress, find_languages, predict_languages
from xl_plugins.evaluation.result import Result, read_json, to_json
from xl_plugins.evaluation.scoring import score_files, score_predictions
from xl_plugins.evaluation.table import FORMATS, compare_table, render, seeds_table
from xl_plugins.xtreme.languages import parse_languages

EPILOG = """\
examples:
  predict the test sets, write them for XTREME's scorer, print and keep the table
    xl-evaluate data-bin/xnli --path runs/xmixup/checkpoint_best.pt --output predictions --json xmixup.json
  three seeds: a column each, mean and standard deviation
    xl-evaluate data-bin/xnli --path runs/s1/checkpoint_best.pt runs/s2/checkpoint_best.pt runs/s3/checkpoint_best.pt
  score files <DIR>/xnli/test-XX.tsv made elsewhere against XTREME's test files with labels
    xl-evaluate --predictions predictions --labels raw/xnli --task xnli
  several systems side by side
    xl-evaluate --compare plain.json translate-train.json xmixup.json --format markdown
"""
# Which of the three ways of use reads an option; the others refuse it.
READ_BY = {
    "data": ("path",),
    "split": ("path", "predictions"),
    "languages": ("path", "predictions"),
    "task": ("path", "predictions"),
    "output": ("path",),
    "batch_size": ("path",),
    "max_tokens": ("path",),
    "mixup_inference": ("path",),
    "inference_average": ("path",),
    "device": ("path",),
    "fp16": ("path",),
    "bf16": ("path",),
    "labels": ("predictions",),
    "source_language": ("path", "predictions"),
    "json": ("path", "predictions"),
    "overwrite": ("path", "predictions"),
}


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xl-evaluate", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", metavar="DATA", help="binarised folder (with --path)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--path", nargs="+", metavar="CKPT", help="fine-tuned checkpoints; several: seeds of a system")
    what.add_argument("--predictions", metavar="DIR", help="score files DIR/<task>/test-XX.tsv, one label per line")
    what.add_argument("--compare", nargs="+", metavar="JSON", help="files of --json, one system each")
    parser.add_argument("--names", metavar="A,B,...", help="names of the columns (default: from the paths)")
    parser.add_argument("--format", choices=FORMATS, default="table", help="how to print (default: table)")
    parser.add_argument("--json", metavar="FILE", help="write counts, scores, selection and inference as JSON")
    parser.add_argument("--overwrite", action="store_true", help="replace existing output files")
    parser.add_argument("--split", choices=tuple(STEMS), help="split to score (default: test)")
    parser.add_argument("--languages", metavar="en,de,...", help="these languages only (default: all that have data)")
    parser.add_argument("--source-language", metavar="XX", help="source language (default: the checkpoint's, else en)")
    parser.add_argument(
        "--task", metavar="NAME", help="data set, the folder name of predictions (default: from meta.json, else xnli)"
    )
    files = parser.add_argument_group("with --predictions")
    files.add_argument("--labels", metavar="DIR", help="gold DIR/[<task>/]test-XX.tsv: third column, or a label a line")
    model = parser.add_argument_group("with --path")
    model.add_argument("--output", metavar="DIR", help="write predictions DIR/<task>/test-XX.tsv for XTREME's scorer")
    add_model_options(model)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    logging.getLogger().setLevel(logging.WARNING)  # fairseq tells of every file it opens
    way = "path" if args.path else "predictions" if args.predictions else "compare"
    for option, ways in READ_BY.items():
        if getattr(args, option) and way not in ways:
            shown = "DATA" if option == "data" else f"--{option.replace('_', '-')}"
            raise UserError(f"{shown} is not read with --{way}; leave it out")
    return {"path": _evaluate, "predictions": _score, "compare": _compare}[way](args)


def _warn(text: str) -> None:
    print(f"xl-evaluate: warning: {text}", file=sys.stderr)


def _compare(args: argparse.Namespace) -> int:
    names = column_names(args.names, args.compare)
    systems = [System(name, read_json(path)) for name, path in zip(names, args.compare)]
    render(compare_table(systems), args.format, sys.stdout)
    return 0


def _score(args: argparse.Namespace) -> int:
    if not args.labels:
        raise UserError("--predictions needs --labels, the folder with the gold test files")
    if args.json:
        refuse_existing([args.json], args.overwrite)
    result = score_files(
        args.predictions, args.labels, args.task or "xnli", args.split or "test", args.source_language or "en",
        parse_languages(args.languages, "--languages") if args.languages else None,
    )  # fmt: skip
    result.name = column_names(args.names, [args.predictions])[0]
    _report([result], args)
    if args.json:
        write_files({args.json: to_json([result])})
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    if not args.data:
        raise UserError("--path needs DATA, the binarised folder to predict on: xl-evaluate DATA --path CKPT")
    split = args.split or "test"
    names, options, limits = column_names(args.names, args.path), model_options(args), batch_limits(args)
    wanted = parse_languages(args.languages, "--languages") if args.languages else None
    folders = [args.output and os.path.join(args.output, *([name] if len(names) > 1 else [])) for name in names]
    if args.json:
        refuse_existing([args.json], args.overwrite)
    results: list[Result] = []
    files: dict[str, str] = {}
    for name, path, folder in zip(names, args.path, folders):
        tuned = load_fine_tuned(path, args.data, **options)
        task = args.task or tuned.task.data_bin.meta.get("dataset") or os.path.basename(os.path.abspath(args.data))
        languages = find_languages(tuned, split, wanted)
        if not results:  # before anything is computed
            planned = [prediction_path(f, task, split, lang) for f in folders if f for lang in languages]
            refuse_existing(planned, args.overwrite)
        with _Bar(name) as bar:
            found = predict_languages(tuned, split, languages, progress=bar.start, **limits)
        results.append(score_predictions(tuned, found, split, name, task))
        if wanted:
            results[-1].missing = []  # the user chose
        if folder:
            files.update(_prediction_files(folder, task, split, found))
    if not results[0].counts and not files:
        raise UserError(
            f"{args.data}: no gold labels in {split} of {', '.join(results[0].unlabelled)}, so nothing can be scored;"
            " pass --output to write the predictions"
        )
    if args.json:
        files[args.json] = to_json(results)
    write_files(files)
    _report(results, args)
    return 0


def _prediction_files(folder: str, task: str, split: str, found: dict[str, Predictions]) -> dict[str, str]:
    return {
        prediction_path(folder, task, split, lang): "".join(f"{name}\n" for name in predictions.names)
        for lang, predictions in found.items()
    }


def _report(results: list[Result], args: argparse.Namespace) -> None:
    """Print the table and what is missing from it."""
    first = results[0]
    if first.unlabelled:
        _warn(f"not scored, since their {first.split} data has no gold labels: {', '.join(first.unlabelled)}")
    if first.missing:
        _warn(f"no score for {', '.join(first.missing)}: left out of the mean")
    if first.counts:
        render(seeds_table(System(first.name, results)), args.format, sys.stdout)
    if args.path and args.output:
        print(f"predictions: {os.path.join(args.output, '')}", file=sys.stderr)


class _Bar:
    """One progress bar per language, on a terminal only."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bar: tqdm | None = None

    def __enter__(self) -> _Bar:
        return self

    def start(self, language: str, count: int) -> Progress:
        self.close()
        self.bar = tqdm(total=count, desc=f"{self.name} {language}", unit="pair", disable=None, leave=False)
        return self.bar.update

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()

    def __exit__(self, *details: object) -> None:
        self.close()


def cli_main() -> None:
    run_cli(main)


if __name__ == "__main__":
    cli_main()
