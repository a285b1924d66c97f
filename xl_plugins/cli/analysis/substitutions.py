"""``xl-analyze substitutions``: its options."""

from __future__ import annotations

import argparse

from xl_plugins.arguments import whole
from xl_plugins.cli.analysis.shared import add_output

SUMMARY = "what took the place of what in the counterparts of xl-augment counterparts (SALT), with examples"
EPILOG = """\
Compares DATA/<source>/counterparts/<language>/ with the training text, without any model: how much changed, the most
frequent substitutions, and texts before and after.

example:
  xl-analyze substitutions data-bin/xnli --languages fr,de --out analysis/substitutions
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="data folder with counterparts")
    add_output(parser, "xl-analyze substitutions")
    parser.add_argument("--languages", metavar="fr,de,...", help="these languages only (default: all that are there)")
    parser.add_argument("--source-language", metavar="XX", help="default: DATA's, else en")
    parser.add_argument("--pairs", type=whole(0), default=50, metavar="N", help="most frequent pairs (default: 50)")
    parser.add_argument("--examples", type=whole(0), default=20, metavar="N", help="texts per language (default: 20)")
    parser.add_argument("--show", type=whole(0), default=3, metavar="N", help="of them, texts to print (default: 3)")


def run(args: argparse.Namespace, command: str) -> int:
    from xl_plugins.analysis.substitutions import run as work

    return work(args, command)
