"""``xl-evaluate``: XTREME's scores per language of checkpoints, of prediction files made elsewhere, or of earlier
results; with means, transfer gap, significance, and the overall table."""

from __future__ import annotations

import argparse
import logging
import sys

from xl_plugins.arguments import Parser, seed, whole
from xl_plugins.errors import UserError, flag, run_cli
from xl_plugins.evaluation.options import add_model_options, column_names
from xl_plugins.evaluation.readers.file_scores import FILE_METRICS, score_files
from xl_plugins.evaluation.readers.labels import STEMS
from xl_plugins.evaluation.report.compare import System
from xl_plugins.evaluation.report.overall import overall_table, read_systems
from xl_plugins.evaluation.report.result import check_json, read_json, to_json
from xl_plugins.evaluation.report.significance import MOST_RESAMPLES, RESAMPLES, compare_systems
from xl_plugins.evaluation.report.table import FORMATS, compare_table, render
from xl_plugins.evaluation.retrieval.options import add_options as add_retrieval_options
from xl_plugins.formats.languages import parse_languages
from xl_plugins.functional.scores.tag_schemes import SCHEMES
from xl_plugins.interrupts import clean_up_on_signals
from xl_plugins.output import check_component, write_together
from xl_plugins.processes import ALONE, Team, together

EPILOG = """\
scores: accuracy (pairs), span F1 (entities), chunk F1 and token accuracy (parts of speech), exact match and F1
(questions), accuracy in both directions or F1 (retrieval)

examples:
  predict the test sets, write them for XTREME's scorer, print and keep the table
    xl-evaluate data-bin/xnli --path runs/xmixup/checkpoint_best.pt --output predictions --json xmixup.json
    xl-evaluate data-bin/panx --path runs/panx/checkpoint_best.pt --output predictions --json panx.json
    xl-evaluate data-bin/xquad --path runs/squad/checkpoint_best.pt --output predictions --json xquad.json
    xl-evaluate data-bin/tatoeba --path xlmr.base/model.pt --layer 8 --json tatoeba.json
  three seeds: a column each, mean and standard deviation; or one system of averaged probabilities
    xl-evaluate data-bin/xnli --path runs/s1/checkpoint_best.pt runs/s2/checkpoint_best.pt runs/s3/checkpoint_best.pt
    xl-evaluate data-bin/xnli --path runs/s1/checkpoint_best.pt runs/s2/checkpoint_best.pt --ensemble
  score files <DIR>/xnli/test-XX.tsv (questions: test-XX.json) made elsewhere against files with gold
    xl-evaluate --predictions predictions --labels raw/xnli --task xnli
    xl-evaluate --predictions predictions --labels raw/MLQA_V1/test --task mlqa --json mlqa.json
  four processes or GPUs share the work: the same files
    torchrun --nproc_per_node 4 -m xl_plugins.cli.evaluate data-bin/xnli --path runs/xmixup/checkpoint_best.pt
  premise and hypothesis in different languages, every language against every other
    xl-evaluate data-bin/xnli --path runs/xmixup/checkpoint_best.pt --generalised --languages en,de,sw
  several systems side by side, with p-values of the differences to the first
    xl-evaluate --compare plain.json translate-train.json xmixup.json --significance --format markdown
  XTREME's overall table of one system, or of several
    xl-evaluate --overall xnli.json pawsx.json udpos.json panx.json xquad.json mlqa.json tydiqa.json tatoeba.json
    xl-evaluate --overall plain=p/xnli.json plain=p/panx.json xmixup=x/xnli.json xmixup=x/panx.json
"""
# Which of the ways of use reads an option; the others refuse it.
READ_BY = {
    **dict.fromkeys(
        (
            "data", "output", "batch_size", "max_tokens", "mixup_inference", "inference_average", "null_threshold",
            "device", "fp16", "bf16", "ensemble", "generalised", "skip_unequal", "layer", "pooling", "margin", "mine",
        ),
        ("path",),
    ),
    **dict.fromkeys(("labels", "metric"), ("predictions",)),
    **dict.fromkeys(
        ("split", "languages", "task", "source_language", "json", "overwrite", "tag_scheme"), ("path", "predictions")
    ),
    **dict.fromkeys(("significance", "resamples", "seed", "joint_rows"), ("compare",)),
    "names": ("path", "predictions", "compare"),
}  # fmt: skip


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="xl-evaluate", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", metavar="DATA", help="binarised folder (with --path)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--path", nargs="+", metavar="CKPT", help="fine-tuned checkpoints; several: seeds of a system")
    what.add_argument(
        "--predictions", metavar="DIR",
        help="score files DIR/<task>/test-XX.tsv: a label per line, or a tag per line and a blank line between"
        " sentences; questions: test-XX.json, id -> answer",
    )  # fmt: skip
    what.add_argument("--compare", nargs="+", metavar="JSON", help="files of --json, one system each")
    what.add_argument(
        "--overall", nargs="+", metavar="[NAME=]JSON", help="files of --json, one per task: XTREME's table over tasks"
    )
    parser.add_argument("--names", metavar="A,B,...", help="names of the columns (default: from the paths)")
    parser.add_argument("--format", choices=FORMATS, default="table", help="how to print (default: table)")
    parser.add_argument(
        "--json", metavar="FILE", help="write scores, counters of every example, selection and inference as JSON"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing output files")
    parser.add_argument("--split", choices=tuple(STEMS), help="split to score (default: test)")
    parser.add_argument("--languages", metavar="en,de,...", help="these languages only (default: all that have data)")
    parser.add_argument("--source-language", metavar="XX", help="source language (default: the checkpoint's, else en)")
    parser.add_argument(
        "--task", metavar="NAME", help="data set, the folder name of predictions (default: from meta.json, else xnli)"
    )
    parser.add_argument(
        "--tag-scheme", choices=("auto", *SCHEMES),
        help="how tags mark spans: iob is IOB1 and IOB2, io takes every tag but O for a type, xtreme is its rule for"
        " PAN-X and UDPOS (default: as trained; that rule there, else recognised from all tags)",
    )  # fmt: skip
    files = parser.add_argument_group("with --predictions")
    files.add_argument(
        "--labels", metavar="DIR",
        help="gold DIR/[<task>/]test-XX.tsv: label or tag in the last column (tags: or test-XX.conllu); questions: json"
        " files of XTREME's names",
    )  # fmt: skip
    files.add_argument(
        "--metric",
        choices=FILE_METRICS,
        help="how to score (default: as XTREME does; other data sets: answers in .json, else labels)",
    )
    compare = parser.add_argument_group("with --compare")
    compare.add_argument(
        "--significance", action="store_true",
        help="p-values of the differences to the first system: two-sided paired bootstrap on the test examples",
    )  # fmt: skip
    compare.add_argument(
        "--resamples", type=whole(1, MOST_RESAMPLES), metavar="N", help=f"resamples (default: {RESAMPLES})"
    )
    compare.add_argument(
        "--joint-rows", action=argparse.BooleanOptionalAction,
        help="draw the same rows in all languages, since they are the same examples (default: in XNLI, PAWS-X, XQuAD)",
    )  # fmt: skip
    compare.add_argument("--seed", type=seed, metavar="N", help="seed of the resamples (default: 1)")
    model = parser.add_argument_group("with --path")
    model.add_argument(
        "--output", metavar="DIR", help="write predictions DIR/<task>/test-XX.tsv (.json) for XTREME's scorer"
    )
    model.add_argument("--ensemble", action="store_true", help="average the checkpoints' probabilities: one system")
    model.add_argument(
        "--generalised", action="store_true", help="pairs: the first text in every language, the second in every other"
    )
    model.add_argument(
        "--skip-unequal", action="store_true",
        help="with --generalised: leave out rows whose labels differ between languages, as in PAWS-X where a sentence"
        " was not translated",
    )  # fmt: skip
    add_model_options(model)
    add_retrieval_options(parser.add_argument_group("with --path, sentence retrieval"))
    return parser


def main(argv: list[str] | None = None, team: Team = ALONE) -> int:
    parser = make_parser()
    args = parser.parse_args(argv)
    from xl_plugins.evaluation.evaluate import evaluate

    logging.getLogger().setLevel(logging.WARNING)  # fairseq tells of every file it opens
    ways = {"predictions": _score, "compare": _compare, "overall": _overall}
    way = next((name for name in ways if getattr(args, name)), "path")
    for option, readers in READ_BY.items():
        if getattr(args, option) != parser.get_default(option) and way not in readers:
            shown = "DATA" if option == "data" else flag(option)
            raise UserError(f"{shown} is not read with --{way}; leave it out")
    if team.size > 1 and way != "path":
        raise UserError(f"--{way}: reads files alone; start one process, without torchrun")
    args.device = args.device or team.device()
    return evaluate(args, team) if way == "path" else ways[way](args)


def _overall(args: argparse.Namespace) -> int:
    render(overall_table(read_systems(args.overall)), args.format, sys.stdout)
    return 0


def _compare(args: argparse.Namespace) -> int:
    names = column_names(args.names, args.compare)
    for option in ("resamples", "seed", "joint_rows"):
        value = getattr(args, option)
        if value is not None and not args.significance:
            shown = option.replace("_", "-")
            raise UserError(f"--{shown} is read with --significance only; add it or leave the option out")
    systems = [System(name, read_json(path)) for name, path in zip(names, args.compare)]
    tests = []
    if args.significance:
        tests = compare_systems(
            systems, args.resamples or RESAMPLES, 1 if args.seed is None else args.seed, args.joint_rows
        )
    render(compare_table(systems, tests), args.format, sys.stdout)
    return 0


def _score(args: argparse.Namespace) -> int:
    from xl_plugins.evaluation.evaluate import report

    if args.task:
        check_component(args.task, "--task")
    if not args.labels:
        raise UserError("--predictions needs --labels, the folder with the gold test files")
    if args.json:
        check_json(args.json, args.overwrite)
    result = score_files(
        args.predictions, args.labels, args.task or "xnli", args.split or "test", args.source_language or "en",
        parse_languages(args.languages, "--languages") if args.languages else None, args.metric,
        args.tag_scheme,
    )  # fmt: skip
    result.name = column_names(args.names, [args.predictions])[0]
    if args.json:
        write_together({args.json: to_json([result])})
    report([result], args.format)
    return 0


def cli_main() -> None:
    clean_up_on_signals()
    run_cli(lambda: together(lambda team: main(team=team)))


if __name__ == "__main__":
    cli_main()
