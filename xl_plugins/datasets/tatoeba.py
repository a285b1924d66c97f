"""Tatoeba (Artetxe and Schwenk 2019): up to 1,000 sentences per language and their English translations."""

from __future__ import annotations

import argparse
import glob
import os
import re

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.benchmark import BenchmarkTask
from xl_plugins.formats.examples.lines import LineFile, RetrievalPlan
from xl_plugins.formats.examples.plan import Part, Plan
from xl_plugins.formats.languages import CODE, XTREME_LANGUAGES, check_language, parse_languages
from xl_plugins.formats.packing import PACKED
from xl_plugins.formats.tsv import find_file

# ISO 639-3 codes of LASER's file names for the languages of XTREME
ISO3 = dict(
    pair.split(":")
    for pair in (
        "af:afr ar:ara bg:bul bn:ben de:deu el:ell es:spa et:est eu:eus fa:pes fi:fin fr:fra he:heb hi:hin hu:hun "
        "id:ind it:ita ja:jpn jv:jav ka:kat kk:kaz ko:kor ml:mal mr:mar nl:nld pt:por ru:rus sw:swh ta:tam te:tel "
        "th:tha tl:tgl tr:tur ur:urd vi:vie zh:cmn"
    ).split()
)
_NAME = re.compile(rf"(?:tatoeba\.)?({CODE})-eng?\.({CODE}){PACKED}")
_MISSING = ("en", "ms", "my", "yo")  # languages of XTREME without test sentences
BENCHMARK = BenchmarkTask(
    "Tatoeba", "retrieval_accuracy", tuple(code for code in XTREME_LANGUAGES if code not in _MISSING)
)
HELP = "Tatoeba sentence retrieval in the files of XTREME or LASER"
EPILOG = """\
files in RAW (plain or .gz; one sentence per line, line i of both files is the same sentence):
  XX-en.XX XX-en.en                     XTREME's names
  tatoeba.deu-eng.deu tatoeba.deu-eng.eng   LASER's names, with ISO 639-3 codes
XTREME's preprocessing sorts the English side, so that its position gives nothing away; files in that order have no
known answer. --sorted-english brings LASER's files into this order and keeps the answer.

example:
  xl-prepare tatoeba LASER/data/tatoeba/v1 data-bin/tatoeba --spm xlmr.base/sentencepiece.bpe.model \\
      --dict xlmr.base/dict.txt --languages de,sw,zh
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("raw", metavar="RAW", help="folder with XX-en.XX and XX-en.en (plain or .gz)")
    parser.add_argument("dest", metavar="DEST", help="folder to write")
    parser.add_argument("--languages", help="de,sw,...: these and no others (default: every language in RAW)")
    parser.add_argument(
        "--sorted-english",
        action="store_true",
        help="write the English sentences in alphabetical order, as XTREME does",
    )


def make_plan(args: argparse.Namespace) -> Plan:
    if not os.path.isdir(args.raw):
        raise UserError(f"RAW: {args.raw} is no folder; give the folder that holds XX-en.XX and XX-en.en")
    languages = parse_languages(args.languages, "--languages") if args.languages else _discover(args.raw)
    if not languages:
        raise UserError(f"RAW: no XX-en.XX (nor tatoeba.XXX-eng.XXX) in {args.raw}; correct the folder")
    plan = RetrievalPlan("tatoeba", check_language(args.source_language, "--source-language"))
    for lang in languages:
        own, english = _pair(args.raw, lang)
        plan.parts.append(Part(lang, "test", False, LineFile(own)))
        plan.parts.append(Part(lang, "test", True, LineFile(english, aligned=True, sort=args.sorted_english)))
    return plan


def _discover(raw: str) -> tuple[str, ...]:
    two = {three: code for code, three in ISO3.items()}
    found: set[str] = set()
    for path in glob.glob(os.path.join(glob.escape(raw), "*-en*")):
        match = _NAME.fullmatch(os.path.basename(path))
        if match and match.group(1) == match.group(2):
            found.add(two.get(match.group(1), match.group(1)))
    return tuple(sorted(found, key=lambda code: (code not in XTREME_LANGUAGES, code)))


def _pair(raw: str, lang: str) -> tuple[str, str]:
    """The two files of a language, under any of the names."""
    three = ISO3.get(lang, lang)
    tried = []
    for first, second in (
        (f"{lang}-en.{lang}", f"{lang}-en.en"),
        (f"tatoeba.{three}-eng.{three}", f"tatoeba.{three}-eng.eng"),
    ):
        found = [find_file(os.path.join(raw, name)) for name in (first, second)]
        if found[0] and found[1]:
            return found[0], found[1]
        tried += [os.path.join(raw, name) for name, path in zip((first, second), found) if path is None]
    raise UserError(f"--languages: no files for {lang}; missing {', '.join(tried)}")
