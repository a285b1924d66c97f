"""Any sentence pairs in tables with named (or numbered) columns: tsv, csv or jsonl files of the user."""

from __future__ import annotations

import argparse
import os
import re

from xl_plugins.errors import UserError
from xl_plugins.xtreme.languages import check_language, parse_languages
from xl_plugins.xtreme.plan import Unit
from xl_plugins.xtreme.scopes import ROLES, ColumnMap, Filters
from xl_plugins.xtreme.table import Column, NamedSchema, PairFile, PairPlan
from xl_plugins.xtreme.tsv import find_file

HELP = "sentence pairs from any tsv, csv or jsonl files with named columns"
EPILOG = """\
FILE is LANG=PATH, or a path with {lang} that is filled with every code of --languages; PATH[START:END] takes rows
START up to but not including END, counted from 0 (after the header, before --filter). Plain or .gz, and told by the
rest of the name: .jsonl, .csv, else tab separated. Row i of every training file must be the translation of row i of the
source language's, and row i of a translation belongs to row i of the text it translates; with --align-on ID files are
joined by that column instead, and rows that not every file of the split has are dropped and counted.
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

  AmericasNLI, zero-shot from English
  xl-prepare pairs data-bin/americasnli M --labels contradiction,entailment,neutral \\
      --columns first=premise,second=hypothesis,label=label en:first=0,second=1,label=2 \\
      --languages aym,bzd,cni,gn,hch,nah,oto,quy --train en=xnli/train-en.tsv --valid en=xnli/dev-en.tsv \\
          'americasnli/dev/{lang}.tsv' --test en=xnli/test-en.tsv 'americasnli/test/{lang}.tsv' \\
      --filter 'nah/test:premise!='
"""

_DEFAULT_COLUMNS = "first=first,second=second,label=label"
_RANGE = re.compile(r"(?P<path>.*)\[(?P<start>\d*):(?P<end>\d*)\]")
_GIVEN = re.compile(r"(?P<lang>[A-Za-z_-]{1,12})=(?P<path>.+)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dest", metavar="DEST", help="folder to write")
    texts = {
        "train": "training pairs; those of other languages than the source's are its translations",
        "valid": "pairs for model selection",
        "test": "test pairs",
        "back-translation": "the source's training pairs translated into LANG and back",
        "translate-dev": "LANG's valid pairs translated into the source language",
        "translate-test": "LANG's test pairs translated into the source language",
    }
    for role, text in texts.items():
        parser.add_argument(f"--{role}", nargs="+", action="extend", default=[], metavar="FILE", help=text)
    parser.add_argument("--languages", help="de,en,...: what {lang} in a FILE stands for, one after the other")
    parser.add_argument(
        "--columns",
        nargs="+",
        action="extend",
        default=[],
        metavar="[SCOPE:]first=COLUMN,...",
        help="columns of first, second, label and id, by header or by number from 0 where there is no header; "
        f"label=none for files without labels (default: {_DEFAULT_COLUMNS})",
    )
    parser.add_argument(
        "--filter",
        nargs="+",
        action="extend",
        default=[],
        metavar="[SCOPE:]COLUMN=VALUE",
        help="use only rows with this value (COLUMN!=VALUE: with another)",
    )
    parser.add_argument("--labels", required=True, metavar="A,B,...", help="labels in the order of the model's outputs")
    parser.add_argument(
        "--label-map", nargs="+", default=[], metavar="X=A,...", help="spellings of labels in the files"
    )
    parser.add_argument("--align-on", metavar="COLUMN", help="join files by this column of ids instead of by row")
    parser.add_argument("--no-translation", metavar="TEXT", help="what stands for a missing translation (PAWS-X: NS)")
    parser.add_argument("--name", default="pairs", help="name of the data set in meta.json (default: pairs)")


def parse_labels(text: str) -> tuple[str, ...]:
    labels = tuple(label.strip() for label in text.split(","))
    if (
        len(labels) < 2
        or any(not label or re.search(r"\s", label) for label in labels)
        or len(set(labels)) < len(labels)
    ):
        raise UserError(
            f"--labels: '{text}' must be two or more different words joined by commas; map others with --label-map"
        )
    return labels


def parse_label_map(texts: list[str], labels: tuple[str, ...]) -> dict[str, str]:
    aliases: dict[str, str] = {}
    for item in ",".join(texts).split(",") if texts else []:
        alias, equal, label = item.rpartition("=")
        if not equal or label not in labels:
            raise UserError(f"--label-map: '{item}' is not SPELLING=LABEL with one of the --labels {', '.join(labels)}")
        aliases[alias] = label
    return aliases


def parse_file(text: str, option: str, where: str) -> tuple[str, int, int | None]:
    """Split ``PATH[START:END]`` and find the file: path on disk, first row, end row or None."""
    match = _RANGE.fullmatch(text)
    path, start, end = text, 0, None
    if match:
        path = match.group("path")
        start = int(match.group("start") or 0)
        end = int(match.group("end")) if match.group("end") else None
        if end is not None and end <= start:
            raise UserError(f"{option}: the range of {text} is empty; START must be below END")
    found = find_file(path)
    if found is None:
        raise UserError(f"{option}: {path} ({where}) does not exist; correct the path")
    return found, start, end


def expand(texts: list[str], option: str, languages: tuple[str, ...]) -> dict[str, str]:
    """File texts by language; LANG=PATH wins over a pattern, naming a language twice is a UserError."""
    given: dict[str, str] = {}
    pattern: dict[str, str] = {}
    for text in texts:
        match = _GIVEN.fullmatch(text)
        if match and "{lang}" not in match.group("path"):
            code = check_language(match.group("lang"), option)
            if code in given:
                raise UserError(f"{option}: {code} is given twice; join the files into one")
            given[code] = match.group("path")
        elif "{lang}" in text:
            if not languages:
                raise UserError(f"{option}: {text} has {{lang}}, but --languages does not say which")
            pattern.update({code: text.replace("{lang}", code) for code in languages})
        else:
            raise UserError(f"{option}: '{text}' is neither LANG=FILE nor a path with {{lang}}")
    return {**pattern, **given}


def make_plan(args: argparse.Namespace) -> PairPlan:
    source = check_language(args.source_language, "--source-language")
    languages = parse_languages(args.languages, "--languages") if args.languages else ()
    columns, filters = ColumnMap.parse([_DEFAULT_COLUMNS, *args.columns]), Filters.parse(args.filter)
    labels = parse_labels(args.labels)
    units: list[Unit] = []
    for role, (split, view) in ROLES.items():
        option = f"--{role}"
        for language, text in expand(getattr(args, role.replace("-", "_")), option, languages).items():
            path, start, end = parse_file(text, option, language)
            schema = _schema(columns.get(language, role), args.align_on, language, role)
            file = PairFile(path, schema, _kind(path), start, end, filters.get(language, role))
            units.append(Unit(language, split, view, file))
    if not units:
        raise UserError("--train, --valid, --test: no file given; see xl-prepare pairs --help for examples")
    aliases = parse_label_map(args.label_map, labels)
    plan = PairPlan(
        args.name, source, labels, units, aliases=aliases, align=bool(args.align_on), missing=args.no_translation
    )
    _check(plan)
    return plan


def _schema(columns: dict[str, Column | None], align_on: str | None, language: str, role: str) -> NamedSchema:
    first, second = columns["first"], columns["second"]
    if first is None or second is None:
        raise UserError(f"--columns: first and second of {language}/{role} cannot be none")
    key = columns.get("id", align_on if align_on is None or not align_on.isdigit() else int(align_on))
    label_optional = role not in ("train", "valid", "test")
    return NamedSchema(first, second, columns.get("label"), key if align_on else None, label_optional)


def _kind(path: str) -> str:
    stem = path[:-3] if path.endswith(".gz") else path
    suffix = os.path.splitext(stem)[1].lower()
    return {".jsonl": "jsonl", ".json": "jsonl", ".csv": "csv"}.get(suffix, "tsv")


def _check(plan: PairPlan) -> None:
    texts = {(unit.language, unit.split) for unit in plan.units if not unit.view}
    for unit in plan.units:
        if unit.view and unit.split != "train" and (unit.language, unit.split) not in texts:
            raise UserError(
                f"{unit.file.path}: translates {unit.language}'s {unit.split} pairs, but --{unit.split} has no file of "
                f"{unit.language}; add {unit.language}=FILE there"
            )
    training = {language for language, split in texts if split == "train"}
    if not training:
        plan.warnings.append("--train: no file; the result can be evaluated on but not trained on")
    elif plan.source_language not in training:
        raise UserError(
            f"--train: no file of the source language {plan.source_language}, which the translations "
            f"({', '.join(sorted(training))}) must match; add {plan.source_language}=FILE or set --source-language"
        )
