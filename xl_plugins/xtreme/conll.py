"""Any file with a word per line and columns for the tags: CoNLL-2003, Universal NER, tables of the user."""

from __future__ import annotations

import argparse

from xl_plugins.xtreme import given_tagging
from xl_plugins.xtreme.plan import Plan
from xl_plugins.xtreme.sentences import SentenceFile

HELP = "tagged words from any column files (CoNLL-2003, Universal NER, ...)"
EPILOG = f"""\
{given_tagging.FILE_HELP}
A word per line, a blank line between sentences; lines that begin with the comment mark before the first word of a
sentence, and -DOCSTART- lines, are skipped. Without --labels the labels are the tags of the source's training file,
sorted (so that O comes behind B-... and I-...), and O before them if they lack it.

examples (M stands for: --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt):

  CoNLL-2002/2003 named entities: four columns between blanks, the tag last
  xl-prepare conll data-bin/conll M --separator space --tag-column -1 --train en=eng.train --valid en=eng.testa \\
      --test en=eng.testb de=deu.testb es=esp.testb nl=ned.testb

  Universal NER on PUD, parallel in five languages: 500 sentences as translated training data
  xl-prepare conll data-bin/uner M --word-column 1 --tag-column 2 --languages de,en,pt,ru,zh \\
      --train 'uner_pud/{{lang}}_pud-ud-test.iob2[0:500]' --valid 'uner_pud/{{lang}}_pud-ud-test.iob2[500:600]' \\
      --test 'uner_pud/{{lang}}_pud-ud-test.iob2[600:800]'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    given_tagging.add_arguments(parser, "conll")
    parser.add_argument("--word-column", type=int, default=0, metavar="N", help="from 0; -1: the last (default: 0)")
    parser.add_argument("--tag-column", type=int, default=-1, metavar="N", help="from 0; -1: the last (default: -1)")
    parser.add_argument(
        "--separator", choices=("tab", "space"), default="tab", help="between columns; space: any blanks (default: tab)"
    )
    parser.add_argument(
        "--comment", default="#", metavar="TEXT", help="mark of comment lines, '' for none (default: #)"
    )
    parser.add_argument("--labels", metavar="A,B,...", help="labels in the order of the model's outputs")


def make_plan(args: argparse.Namespace) -> Plan:
    template = SentenceFile(
        "",
        word=args.word_column,
        tag=args.tag_column,
        separator="\t" if args.separator == "tab" else None,
        comment=args.comment or None,
    )
    return given_tagging.make_plan(args, template, given_tagging.parse_labels(args.labels))
