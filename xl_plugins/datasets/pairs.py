"""Any sentence pairs in tables with named (or numbered) columns: tsv, csv or jsonl files of the user."""

from __future__ import annotations

import argparse
from collections import Counter

from xl_plugins.datasets.layouts import labels
from xl_plugins.datasets.layouts.given import (
    POOL,
    ROLES,
    add_file_arguments,
    add_pool_argument,
    check_plan,
    expand,
    parse_file,
)
from xl_plugins.datasets.layouts.scopes import ColumnMap, Filters
from xl_plugins.errors import UserError
from xl_plugins.formats import tables
from xl_plugins.formats.examples.plan import Unit
from xl_plugins.formats.examples.table import Column, NamedSchema, PairFile, PairPlan
from xl_plugins.formats.languages import check_language, parse_languages
from xl_plugins.formats.recognise import given_layout, recognise

BENCHMARK = None
HELP = "sentence pairs from any tsv, csv, jsonl, json or Parquet files with named columns"
EPILOG = """\
FILE is LANG=PATH, or a path with {lang} that is filled with every code of --languages; PATH[START:END] takes rows
START up to but not including END, counted from 0 (after the header, before --filter). Files are plain, .gz, .xz or
.bz2; UTF-8, or UTF-16 with its mark; and told by the rest of the name, the header and the first lines: .jsonl, .json (a
list of objects), .parquet (needs the extra [parquet]), .csv (with quotes; between , or ; or tabs), else tab separated,
where quotes are text; --format and --delimiter overrule. Blanks around names of columns do not count. Row i of every
training file must be the translation of row i of the source language's, and row i of a translation belongs to row i of
the text it translates; with --align-on ID files are joined by that column instead, and rows that not every file of the
split has are dropped and counted.
SCOPE limits --columns and --filter to languages, roles (the names of the file options) or both:
nl: test: nl,pt/test,translate-test:

examples (M stands for: --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt):

  SICK in English, Dutch and Portuguese; the English originals serve as the translations of nl and pt
  xl-prepare pairs data-bin/sick M --labels contradiction,entailment,neutral \\
      --label-map CONTRADICTION=contradiction,ENTAILMENT=entailment,NEUTRAL=neutral --align-on pair_ID \\
      --columns first=sentence_A,second=sentence_B,label=entailment_label en:label=entailment_judgment \\
          back-translation,translate-dev,translate-test:first=sentence_A_original,second=sentence_B_original \\
      --train en=sick/en/SICK_train.txt nl=sick/nl/SICK_NL.txt pt=sick/pt/SICK_BR.txt \\
      --valid en=sick/en/SICK_trial.txt nl=sick/nl/SICK_NL.txt pt=sick/pt/SICK_BR.txt \\
      --test en=sick/en/SICK_test_annotated.txt nl=sick/nl/SICK_NL.txt pt=sick/pt/SICK_BR.txt \\
      --back-translation nl=sick/nl/SICK_NL.txt pt=sick/pt/SICK_BR.txt \\
      --translate-dev nl=sick/nl/SICK_NL.txt pt=sick/pt/SICK_BR.txt \\
      --translate-test nl=sick/nl/SICK_NL.txt pt=sick/pt/SICK_BR.txt \\
      --filter nl,pt/train,back-translation:SemEval_set=TRAIN nl,pt/valid,translate-dev:SemEval_set=TRIAL \\
          nl,pt/test,translate-test:SemEval_set=TEST

  XNLI's dev set, which is parallel, as 2,000 translated training pairs and 490 for selection
  xl-prepare pairs data-bin/xnli-dev M --labels contradiction,entailment,neutral --columns first=0,second=1,label=2 \\
          translate-test:first=sentence1_en,second=sentence2_en,label=label \\
      --languages ar,bg,de,el,en,es,fr,hi,ru,sw,th,tr,ur,vi,zh --train 'xnli/dev-{lang}.tsv[0:2000]' \\
      --valid 'xnli/dev-{lang}.tsv[2000:2490]' --test 'xnli/test-{lang}.tsv' \\
      --translate-test sw=xnli/translate-test/sw.trans.test.tsv ur=xnli/translate-test/ur.trans.test.tsv

  PAWS-X's dev set in the same way; NS marks a missing translation
  xl-prepare pairs data-bin/pawsx-dev M --labels 0,1 --columns first=0,second=1,label=2 --no-translation NS \\
      --languages de,en,es,fr,ja,zh --train 'pawsx/dev-{lang}.tsv[0:1600]' --valid 'pawsx/dev-{lang}.tsv[1600:2000]' \\
      --test 'pawsx/test-{lang}.tsv'

  IndoNLI, trained on MultiNLI translated into Indonesian
  xl-prepare pairs data-bin/indonli M --source-language id --labels contradiction,entailment,neutral \\
      --label-map c=contradiction,e=entailment,n=neutral --columns first=premise,second=hypothesis,label=label \\
          train:first=sentence1,second=sentence2,label=gold_label \\
      --train id=indonli/translate_train_small/train.jsonl --valid id=indonli/val.jsonl --test id=indonli/test_lay.jsonl

  English MultiNLI pairs, German pairs without labels for XLA, which translate none of them
  xl-prepare pairs data-bin/xnli-xla M --labels contradiction,entailment,neutral --columns first=0,second=1,label=2 \\
      --train en=xnli/train-en.tsv --unlabelled 'de=xnli/dev-de.tsv[0:1500]' \\
      --valid en=xnli/dev-en.tsv 'de=xnli/dev-de.tsv[1500:2490]' --test en=xnli/test-en.tsv de=xnli/test-de.tsv

  AmericasNLI, zero-shot from English
  xl-prepare pairs data-bin/americasnli M --labels contradiction,entailment,neutral \\
      --columns first=premise,second=hypothesis,label=label en:first=0,second=1,label=2 \\
      --languages aym,bzd,cni,gn,hch,nah,oto,quy --train en=xnli/train-en.tsv --valid en=xnli/dev-en.tsv \\
          'americasnli/dev/{lang}.tsv' --test en=xnli/test-en.tsv 'americasnli/test/{lang}.tsv' \\
      --filter 'nah/test:premise!='
"""

_DEFAULT_COLUMNS = "first=first,second=second,label=label"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dest", metavar="DEST", help="folder to write")
    add_file_arguments(parser, "pairs")
    add_pool_argument(parser, "pairs")
    parser.add_argument(
        "--columns",
        nargs="+",
        action="extend",
        default=[],
        metavar="[SCOPE:]first=COLUMN,...",
        help="columns of first, second, label and id, by header or by number from 0 where there is no header; "
        f"label=none for files without labels, second=none for single texts (default: {_DEFAULT_COLUMNS})",
    )
    parser.add_argument(
        "--filter",
        nargs="+",
        action="extend",
        default=[],
        metavar="[SCOPE:]COLUMN=VALUE",
        help="use only rows with this value (COLUMN!=VALUE: with another)",
    )
    labels.add_arguments(parser)
    parser.add_argument("--align-on", metavar="COLUMN", help="join files by this column of ids instead of by row")
    parser.add_argument("--no-translation", metavar="TEXT", help="what stands for a missing translation (PAWS-X: NS)")
    parser.add_argument(
        "--format", choices=tables.KINDS, help="kind of all files (default: by name, header and first lines)"
    )
    parser.add_argument(
        "--delimiter", metavar="CHAR", help=f"between the values of csv: a character, or {', '.join(tables.DELIMITERS)}"
    )
    parser.add_argument("--name", default="pairs", help="name of the data set in meta.json (default: pairs)")


def make_plan(args: argparse.Namespace) -> PairPlan:
    source = check_language(args.source_language, "--source-language")
    languages = parse_languages(args.languages, "--languages") if args.languages else ()
    columns, filters = ColumnMap.parse([_DEFAULT_COLUMNS, *args.columns]), Filters.parse(args.filter)
    names, aliases, named = labels.labels_of(args, str(columns.get(source, "train").get("label")))
    layout, read_as = given_layout(args.format, args.delimiter), Counter[str]()
    units: list[Unit] = []
    for role, (split, view) in (*ROLES.items(), (POOL, ("train", False))):
        option = f"--{role}"
        for language, text in expand(getattr(args, role.replace("-", "_")), option, languages).items():
            path, start, end = parse_file(text, option, language)
            schema = _schema(columns.get(language, role), args.align_on, language, role)
            conditions = filters.get(language, role)
            found = layout or recognise(path, [*schema.needed, *(column for column, _, _ in conditions)])
            read_as[found.said] += 1
            file = PairFile(path, schema, found.kind, start, end, conditions, found.delimiter)
            units.append(Unit(language, split, view, file, role == POOL))
    if not units:
        raise UserError("--train, --valid, --test: no file given; see xl-prepare pairs --help for examples")
    seconds = {unit.file.schema.second is None for unit in units}
    if len(seconds) > 1:
        raise UserError("--columns: second=none for some files only; all hold single texts, or all hold pairs")
    plan = PairPlan(
        args.name, source, names, units, aliases=aliases, named=named, align=bool(args.align_on),
        missing=args.no_translation, single=True in seconds,
    )  # fmt: skip
    plan.warnings += [
        f"{count} {'file' if count == 1 else 'files'} read {said}, as header and first lines show; --format and "
        "--delimiter overrule" for said, count in read_as.items() if said
    ]  # fmt: skip
    check_plan(plan)
    return plan


def _schema(columns: dict[str, Column | None], align_on: str | None, language: str, role: str) -> NamedSchema:
    first, second = columns["first"], columns["second"]
    if first is None:
        raise UserError(f"--columns: first of {language}/{role} cannot be none")
    key = columns.get("id", align_on if align_on is None or not align_on.isdigit() else int(align_on))
    label, label_optional = columns.get("label"), role not in ("train", "valid", "test")
    if role == POOL:
        label = key = None
    return NamedSchema(first, second, label, key if align_on else None, label_optional)
