"""``xl-analyze errors``: its options."""

from __future__ import annotations

import argparse

from xl_plugins.arguments import whole
from xl_plugins.cli.analysis.shared import add_output
from xl_plugins.evaluation.options import add_model_options

SUMMARY = "what a fine-tuned model confuses, how far its confidence can be trusted, and examples, per language"
EPILOG = """\
Predicts the test sets as xl-evaluate does. Classes and tags: a confusion matrix per language, calibration (expected
calibration error, reliability). Answers to questions are no classes and have neither. All problems: scores by length,
and the wrong predictions, those the model is surest of first (answers in the order of the file).

example:
  xl-analyze errors data-bin/xnli --path runs/xmixup/checkpoint_best.pt --out analysis/errors
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="binarised folder with gold labels")
    parser.add_argument("--path", required=True, metavar="CKPT", help="fine-tuned checkpoint")
    add_output(parser, "xl-analyze errors")
    parser.add_argument("--split", choices=("valid", "test"), help="split to predict (default: test)")
    parser.add_argument("--languages", metavar="en,de,...", help="these languages only (default: all that have data)")
    parser.add_argument(
        "--bins", type=whole(1, 1000), default=15, metavar="M",
        help="bins of confidence (default: 15, Guo et al., ICML 2017, section 6)",
    )  # fmt: skip
    parser.add_argument(
        "--examples", type=whole(0), default=20, metavar="N", help="wrong predictions per language (default: 20)"
    )
    add_model_options(parser)


def run(args: argparse.Namespace, command: str) -> int:
    from xl_plugins.analysis.errors import run as work

    return work(args, command)
