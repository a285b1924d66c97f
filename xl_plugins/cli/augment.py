"""``xl-augment``: make training data from data."""

from __future__ import annotations

import argparse
import logging

from xl_plugins.arguments import Parser
from xl_plugins.cli import code_switch, counterparts, soft_labels, vicinity
from xl_plugins.errors import run_cli
from xl_plugins.interrupts import clean_up_on_signals

# Each command is a module with SUMMARY, EPILOG, add_arguments(parser) and run(args) -> exit status.
COMMANDS = {
    "code-switch": code_switch,
    "counterparts": counterparts,
    "soft-labels": soft_labels,
    "vicinity": vicinity,
}


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="xl-augment",
        description=__doc__,
        epilog="example:\n  xl-augment soft-labels data-bin/panx --path runs/zero-shot/checkpoint_best.pt\n"
        "  xl-augment soft-labels --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.SUMMARY,
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    logging.getLogger().setLevel(logging.WARNING)  # fairseq tells of every file it opens
    return COMMANDS[args.command].run(args)


def cli_main() -> None:
    clean_up_on_signals()
    run_cli(main)


if __name__ == "__main__":
    cli_main()
