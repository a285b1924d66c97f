"""Options that sub-commands of ``xl-analyze`` share."""

from __future__ import annotations

import argparse


def add_output(parser: argparse.ArgumentParser, command: str) -> None:
    """``--out`` and ``--overwrite``."""
    parser.add_argument(
        "--out", required=True, metavar="DIR",
        help="folder to write: analysis.json, tables as .csv, pictures as .png and .svg",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help=f"replace DIR if {command} made it")


def add_scores(parser: argparse.ArgumentParser, what: str) -> None:
    """``--scores``."""
    parser.add_argument("--scores", metavar="FILE", help=f"file of xl-evaluate --json: Spearman's rho of {what}")
