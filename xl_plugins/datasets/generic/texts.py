"""Any single texts with a label (sentiment, topic, intent) in tables with named or numbered columns."""

from __future__ import annotations

import argparse

from xl_plugins.datasets.layouts import given_tables
from xl_plugins.datasets.layouts.found import find_files
from xl_plugins.datasets.layouts.scopes import ColumnMap
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.single_texts import TextPlan
from xl_plugins.formats.examples.table import PairPlan
from xl_plugins.formats.languages import check_language, parse_languages

BENCHMARK = None
HELP = "single texts with labels from any tsv, csv, jsonl, json or Parquet files with named columns"
EPILOG = f"""\
{given_tables.FILES_HELP}
--folder RAW takes all files that are named like train-en.tsv, dev-de.csv, test-de.jsonl or de/test.tsv, and
translations below translate-train/, back-translation/, translate-dev/, translate-test/ (en-de.tsv or de-en.tsv).

examples (M stands for: --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt):

  SIB-200, topics of sentences; a folder per language, all rows parallel
  xl-prepare texts data-bin/sib200 M --folder sib200/data/annotated --languages eng_Latn,deu_Latn,swh_Latn \\
      --source-language eng_Latn --align-on index_id --columns text=text,label=category \\
      --labels science/technology,travel,politics,sports,health,entertainment,geography

  MARC, stars of reviews, one file for all languages
  xl-prepare texts data-bin/marc M --labels 1,2,3,4,5 --columns text=review_body,label=stars \\
      --train en=marc/train.csv --valid en,de,ja=marc/validation.csv --test en,de,ja=marc/test.csv \\
      --filter en:language=en de:language=de ja:language=ja

  German tweets without labels, for XLA
  xl-prepare texts data-bin/tweets M --labels negative,neutral,positive --columns text=1,label=2 \\
      --train en=tweets/en.tsv --unlabelled de=tweets/de.tsv --valid en=tweets/dev-en.tsv --test de=tweets/test-de.tsv
"""

_FIELDS = ("text", "label", "id")
_DEFAULT_COLUMNS = "text=text,label=label"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    given_tables.add_arguments(
        parser, "texts", "[SCOPE:]text=COLUMN,...",
        "columns of text, label and id, by header or by number from 1 where there is no header; label=none for files"
        f" without labels (default: {_DEFAULT_COLUMNS})",
    )  # fmt: skip
    parser.add_argument("--folder", metavar="RAW", help="folder whose files say by their names what they are")


def make_plan(args: argparse.Namespace) -> PairPlan:
    found: dict[str, dict[str, str]] = {}
    languages = parse_languages(args.languages, "--languages") if args.languages else ()
    if args.folder:
        found = find_files(args.folder, check_language(args.source_language, "--source-language"), languages)
    columns = ColumnMap.parse([_DEFAULT_COLUMNS, *args.columns], _FIELDS, "text=review,label=stars")
    plan = given_tables.make_plan(args, TextPlan, columns.renamed({"text": "first"}, second=None), found)
    if missing := [language for language in languages if language not in plan.languages]:
        where = f"in --folder {args.folder}" if args.folder else "among the files given"
        raise UserError(f"--languages: no file of {', '.join(missing)} {where}; add one, or leave the language out")
    return plan
