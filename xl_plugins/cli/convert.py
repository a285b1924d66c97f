"""``xl-convert``: checkpoints as other kinds of checkpoints."""

from __future__ import annotations

import argparse
import logging
import os

from xl_plugins.arguments import Parser
from xl_plugins.cli.signals import clean_up_on_signals
from xl_plugins.errors import run_cli
from xl_plugins.evaluation.members import export_members
from xl_plugins.terminal import say

MEMBERS = "the three models of an XLA run, each as a checkpoint of its own"
MEMBERS_EPILOG = """\
PATH is a checkpoint of a run with --task xla_cotrain_task; DIR receives member-1.pt, member-2.pt and member-3.pt,
checkpoints of xl_tagging or xl_sentence_pair. In the middle of a training, the member that trains is written with the
best weights of it so far.

example:
  xl-convert members runs/xla-de/checkpoint_best.pt
  xl-evaluate data-bin/panx --languages en,de --path runs/xla-de/members/member-*.pt
  xl-evaluate data-bin/panx --languages en,de --path runs/xla-de/members/member-*.pt --ensemble
"""


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="xl-convert",
        description=__doc__,
        epilog="example:\n  xl-convert members runs/xla-de/checkpoint_best.pt",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    members = commands.add_parser(
        "members", help=MEMBERS, description=f"Write {MEMBERS}.", epilog=MEMBERS_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    members.add_argument("path", metavar="PATH", help="checkpoint of the run")
    members.add_argument("--out", metavar="DIR", help="folder to write (default: members, beside PATH)")
    members.add_argument("--overwrite", action="store_true", help="replace files that are there")
    return parser


def members(args: argparse.Namespace) -> int:
    folder = args.out or os.path.join(os.path.dirname(args.path), "members")
    for member in export_members(args.path, folder, args.overwrite):
        score = "not scored yet" if member.score is None else f"dev score {member.score:.2f}"
        say(f"{member.path}: {score}{', in training, its best weights so far' if member.unfinished else ''}")
    return 0


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    logging.getLogger().setLevel(logging.WARNING)  # fairseq tells of every file it opens
    return {"members": members}[args.command](args)


def cli_main() -> None:
    clean_up_on_signals()
    run_cli(main)


if __name__ == "__main__":
    cli_main()
