"""Any file with a word per line and columns for the tags (CoNLL-2003, Universal NER), and tables of words and tags."""

from __future__ import annotations

import argparse
import re
from typing import Union

from xl_plugins.datasets.layouts import given_tagging
from xl_plugins.datasets.layouts.scopes import parse_column
from xl_plugins.formats.examples.plan import Plan
from xl_plugins.formats.examples.sentences import SentenceFile
from xl_plugins.terminal import printable

BENCHMARK = None
HELP = "tagged words from any column files (CoNLL-2003, Universal NER, ...), jsonl, Parquet or csv"
EPILOG = f"""\
{given_tagging.FILE_HELP}
A word per line, a line that is empty or white space between sentences. The first sentences say how columns are
separated and how many there are; every other line must have as many. Lines that begin with the comment mark before the
first word of a sentence are skipped if they lack a word's columns (no tab; or with blanks another number), and so are
the -DOCSTART- lines of CoNLL's files; a first line such as 'token TAB ner' is a header. Words are kept as they are.
What was skipped or changed is counted and printed.

Tables are recognised: jsonl, json or Parquet (extra [parquet]) with lists of words and tags (tokens, ner_tags), csv
with a header and a row per word (sentence_id, word, tag; an empty sentence_id continues the sentence). Columns of other
names are named by --word-column, --tag-column and --sentence-column. Where tags are numbers, --labels or --label-names
says what they stand for, from 0 on.

Without --labels the labels are the tags of the source's training file, sorted (so that O comes behind B-... and I-...),
and O before them if they lack it.

examples (M stands for: --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt):

  CoNLL-2002/2003 named entities: four columns between blanks, the tag last
  xl-prepare conll data-bin/conll M --train en=eng.train --valid en=eng.testa \\
      --test en=eng.testb de=deu.testb es=esp.testb nl=ned.testb

  lists of words and of numbered tags, as data sets on the hub have them
  xl-prepare conll data-bin/hub M --labels O,B-PER,I-PER,B-ORG,I-ORG,B-LOC,I-LOC --tag-column ner_tags \\
      --train en=train.jsonl --valid en=validation.jsonl --test en=test.jsonl

  Universal NER on PUD, parallel in five languages: 500 sentences as translated training data
  xl-prepare conll data-bin/uner M --word-column 2 --tag-column 3 --languages de,en,pt,ru,zh \\
      --train 'uner_pud/{{lang}}_pud-ud-test.iob2[0:500]' --valid 'uner_pud/{{lang}}_pud-ud-test.iob2[500:600]' \\
      --test 'uner_pud/{{lang}}_pud-ud-test.iob2[600:800]'
"""


_FROM_THE_END = re.compile(r"-[1-9][0-9]*")


def _column(text: str) -> Union[int, str]:
    return int(text) if _FROM_THE_END.fullmatch(text) else parse_column(text, "--word-column, --tag-column")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    given_tagging.add_arguments(parser, "conll")
    columns = "from 1; -1: the last; or a name in the header"
    parser.add_argument(
        "--word-column", type=_column, metavar="N", help=f"{columns} (default: the header's token or word, else 1)"
    )
    parser.add_argument(
        "--tag-column", type=_column, metavar="N", help=f"{columns} (default: the header's ner_tags or tag, else -1)"
    )
    parser.add_argument("--sentence-column", metavar="X", help="tables: the sentence's number (default: sentence_id)")
    parser.add_argument(
        "--separator", choices=("auto", "tab", "space"), default="auto",
        help="between columns; space: any blanks (default: auto, as the first sentences say)",
    )  # fmt: skip
    parser.add_argument(
        "--header", choices=("auto", "skip", "keep"), default="auto",
        help="first line: skip it, or keep it as a word (default: auto, skip names such as 'token TAB ner')",
    )  # fmt: skip
    parser.add_argument(
        "--comment", default="#", metavar="TEXT",
        help="mark of comment lines, '' for none, so that every line is a word (default: #)",
    )  # fmt: skip
    parser.add_argument("--labels", metavar="A,B,...", help="labels in the order of the model's outputs")
    parser.add_argument(
        "--label-names", metavar="FILE",
        help="what tags that are numbers stand for, from 0: a name per line, or JSON (a list, dataset_info.json); also"
        " the labels, unless --labels orders them (default: the labels)",
    )  # fmt: skip


def make_plan(args: argparse.Namespace) -> Plan:
    names = given_tagging.parse_label_names(args.label_names, args.tag_column)
    labels = given_tagging.parse_labels(args.labels) or names or None
    template = SentenceFile(
        "",
        kind="any",
        word=args.word_column,
        tag=args.tag_column,
        separator=args.separator,
        comment=args.comment or None,
        header=args.header,
        sentence=args.sentence_column,
        names=names or labels or (),
        clean=False,
    )
    plan = given_tagging.make_plan(args, template, labels)
    if isinstance(args.word_column, int) or isinstance(args.tag_column, int):
        file = plan.ordered()[0].file
        first = next(iter(file.sentences()))
        tag = f", its tag '{printable(first.tags[0])}'" if first.tags else ""
        plan.warnings.append(
            f"columns are counted from 1: the first word of {file.path} is '{printable(first.words[0])[:60]}'{tag}"
        )
    return plan
