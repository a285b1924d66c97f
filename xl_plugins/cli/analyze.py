"""``xl-analyze``: look into a model and its data; numbers as JSON and CSV, pictures as PNG and SVG."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys

from xl_plugins.arguments import Parser
from xl_plugins.cli.analysis import errors, mixing, selection, similarity, substitutions, translations
from xl_plugins.errors import run_cli
from xl_plugins.interrupts import clean_up_on_signals

# Each command is a module with SUMMARY, EPILOG, add_arguments(parser) and run(args, command line) -> exit status.
COMMANDS = {
    "similarity": similarity,
    "errors": errors,
    "translations": translations,
    "mixing": mixing,
    "selection": selection,
    "substitutions": substitutions,
}


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="xl-analyze",
        description=__doc__,
        epilog="example:\n  xl-analyze similarity data-bin/xnli --path runs/xmixup/checkpoint_best.pt --out analysis\n"
        "  xl-analyze similarity --help\n\npictures need matplotlib: pip install 'xl-plugins[report]'",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name, help=module.SUMMARY, description=module.SUMMARY, epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        module.add_arguments(command)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    logging.getLogger().setLevel(logging.WARNING)  # fairseq tells of every file it opens
    command = shlex.join(["xl-analyze", *(sys.argv[1:] if argv is None else argv)])
    return COMMANDS[args.command].run(args, command)


def cli_main() -> None:
    clean_up_on_signals()
    run_cli(main)


if __name__ == "__main__":
    cli_main()
