"""``xl-analyze translations``: its options."""

from __future__ import annotations

import argparse

from xl_plugins.arguments import whole
from xl_plugins.cli.analysis.shared import add_output, add_scores

SUMMARY = "chrF and BLEU of back-translations and translate-test texts against the gold source text, per language"
EPILOG = """\
Texts translated into the source language: those of a data folder of xl-prepare, where they have as many rows as the
source language's own (train: back-translations; valid, test: translate-test), or files with a line per text. By
sacrebleu, whose signatures are written. Texts of a data folder are put together from their pieces on both sides alike.

examples:
  xl-analyze translations data-bin/xnli --scores xmixup.json --out analysis/translations
  xl-analyze translations --text de=de-en.txt sw=sw-en.txt --reference test.en --out analysis/translations
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="?", metavar="DATA", help="data folder of xl-prepare with source translations")
    parser.add_argument("--text", nargs="+", metavar="LANG=FILE", help="translations of LANG's texts, a line each")
    parser.add_argument("--reference", metavar="FILE", help="gold text of the source language, for --text")
    add_output(parser, "xl-analyze translations")
    parser.add_argument("--split", choices=("train", "valid", "test"), help="of DATA (default: all that have them)")
    parser.add_argument("--languages", metavar="de,sw,...", help="these languages of DATA only (default: all)")
    parser.add_argument("--source-language", metavar="XX", help="default: DATA's, else en")
    parser.add_argument(
        "--sample", type=whole(1), default=2000, metavar="N",
        help="most rows of a language and split, equally spaced (default: 2000, about what WMT's test sets have)",
    )  # fmt: skip
    add_scores(parser, "chrF and BLEU with the transfer gap of languages")


def run(args: argparse.Namespace, command: str) -> int:
    from xl_plugins.analysis.translations import run as work

    return work(args, command)
