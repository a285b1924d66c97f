"""``xl-analyze mixing``: its options."""

from __future__ import annotations

import argparse

from xl_plugins.cli.analysis.shared import add_output, add_scores
from xl_plugins.evaluation.options import add_model_options

SUMMARY = "mixup ratio and attention entropies of a model trained with X-Mixup, per language"
EPILOG = """\
Predicts the test sets with their translations into the source language, as xl-evaluate does, and takes down lambda,
H(A) and H(A^T) of every encoded row (X-Mixup, Eq. 5).

example:
  xl-analyze mixing data-bin/xnli --path runs/xmixup/checkpoint_best.pt --mixup-inference --out analysis/mixing
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="binarised folder with translate-test texts")
    parser.add_argument("--path", required=True, metavar="CKPT", help="checkpoint trained with X-Mixup")
    add_output(parser, "xl-analyze mixing")
    parser.add_argument("--split", choices=("valid", "test"), help="split to predict (default: test)")
    parser.add_argument("--languages", metavar="en,de,...", help="these languages only (default: all that have data)")
    add_scores(parser, "these numbers and the scores of languages")
    add_model_options(parser)


def run(args: argparse.Namespace, command: str) -> int:
    from xl_plugins.analysis.mixing import run as work

    return work(args, command)
