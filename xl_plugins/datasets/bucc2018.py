"""BUCC 2018 (Zweigenbaum et al.): translation pairs hidden in two collections of sentences, 4 languages."""

from __future__ import annotations

import argparse
import glob
import os
import re

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.benchmark import BenchmarkTask
from xl_plugins.formats.examples.lines import LineFile, RetrievalPlan
from xl_plugins.formats.examples.plan import Part, Plan
from xl_plugins.formats.languages import CODE, check_language, parse_languages
from xl_plugins.formats.packing import PACKED
from xl_plugins.formats.tsv import find_file

_NAME = re.compile(rf"({CODE})-en\.(?:sample|training|dev|test)\.({CODE}){PACKED}")
_PARTS = (("valid", ("training", "dev")), ("test", ("test",)))
BENCHMARK = BenchmarkTask("BUCC", "set_f1", tuple("de fr ru zh".split()), old_names=("bucc",))
HELP = "BUCC 2018 bitext mining"
EPILOG = """\
files in RAW or RAW/XX-en/ (plain or .gz; also dev instead of training):
  XX-en.training.XX XX-en.training.en   id TAB sentence        become the split valid (to choose the threshold)
  XX-en.training.gold                   id TAB id of the pairs
  XX-en.test.XX XX-en.test.en           the test collections, with XX-en.test.gold where you have it

example:
  xl-prepare bucc2018 raw/bucc2018 data-bin/bucc2018 --spm xlmr.base/sentencepiece.bpe.model \\
      --dict xlmr.base/dict.txt --languages de,fr,ru,zh
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("raw", metavar="RAW", help="folder with XX-en.training.XX, .en, .gold (plain or .gz)")
    parser.add_argument("dest", metavar="DEST", help="folder to write")
    parser.add_argument("--languages", help="de,fr,...: these and no others (default: every language in RAW)")


def make_plan(args: argparse.Namespace) -> Plan:
    if not os.path.isdir(args.raw):
        raise UserError(f"RAW: {args.raw} is no folder; give the folder that holds XX-en.training.XX and so on")
    languages = parse_languages(args.languages, "--languages") if args.languages else _discover(args.raw)
    if not languages:
        raise UserError(f"RAW: no XX-en.training.XX or XX-en.test.XX in {args.raw}; correct the folder")
    plan = RetrievalPlan("bucc2018", check_language(args.source_language, "--source-language"))
    for lang in languages:
        parts = [part for split, names in _PARTS for part in _parts(args.raw, lang, split, names)]
        if not parts:
            raise UserError(
                f"--languages: no files for {lang}; none of {args.raw}/{lang}-en.training.{lang} and others"
            )
        plan.parts.extend(parts)
    return plan


def _discover(raw: str) -> tuple[str, ...]:
    found: set[str] = set()
    for pattern in ("*", os.path.join("*-en", "*")):
        for path in glob.glob(os.path.join(glob.escape(raw), pattern)):
            match = _NAME.fullmatch(os.path.basename(path))
            if match and match.group(1) == match.group(2):
                found.add(match.group(1))
    return tuple(sorted(found))


def _parts(raw: str, lang: str, split: str, names: tuple[str, ...]) -> list[Part]:
    for name in names:
        for folder in (raw, os.path.join(raw, f"{lang}-en")):
            stem = os.path.join(folder, f"{lang}-en.{name}.")
            own, english, gold = (find_file(stem + ending) for ending in (lang, "en", "gold"))
            if own is None and english is None:
                continue
            if own is None or english is None:
                raise UserError(
                    f"{stem}{lang if own is None else 'en'}: missing; both sides of a collection are needed"
                )
            return [
                Part(lang, split, False, LineFile(own, keyed=True)),
                Part(lang, split, True, LineFile(english, keyed=True, gold=gold)),
            ]
    return []
