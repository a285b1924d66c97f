"""``xl-analyze selection``: its options."""

from __future__ import annotations

import argparse

from xl_plugins.cli.analysis.shared import add_output
from xl_plugins.evaluation.options import add_model_options

SUMMARY = "losses of a model's labels, right against wrong, and lengths of what is kept by them (XLA)"
EPILOG = """\
A model labels texts whose gold labels are known, as the members of XLA label texts for each other: by its most probable
class, whose loss says how sure it is. A tagged sentence counts as right if all its tags are. Members of a run are
written by xl-convert members; --stages adds what every stage of the run took.

example:
  xl-analyze selection data-bin/xnli --path runs/xla-de/members/member-1.pt --languages de \\
      --stages runs/xla-de/xla_stages.jsonl --out analysis/selection
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="binarised folder with gold labels")
    parser.add_argument("--path", required=True, metavar="CKPT", help="fine-tuned checkpoint, such as a member")
    add_output(parser, "xl-analyze selection")
    parser.add_argument("--split", choices=("train", "valid", "test"), help="split to label (default: test)")
    parser.add_argument("--languages", metavar="en,de,...", help="these languages only (default: all that have data)")
    parser.add_argument(
        "--eta", type=_percent, default="80", metavar="P",
        help="percent of the texts that are kept, the surest (default: 80, XLA, Table 8, PAN-X, first epoch)",
    )  # fmt: skip
    parser.add_argument("--stages", metavar="FILE", help="xla_stages.jsonl of the run's folder")
    add_model_options(parser)


def _percent(text: str) -> str:
    """A percentage as it is written: 29 % of 100 is 29."""
    try:
        good = 0 <= float(text) <= 100
    except ValueError:
        good = False
    if not good:
        raise argparse.ArgumentTypeError(f"{text[:30]}: expected a percentage from 0 to 100")
    return text


def run(args: argparse.Namespace, command: str) -> int:
    from xl_plugins.analysis.selection import run as work

    return work(args, command)
