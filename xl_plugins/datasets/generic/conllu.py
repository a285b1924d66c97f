"""Any Universal Dependencies treebank: tags of CoNLL-U files."""

from __future__ import annotations

import argparse

from xl_plugins.datasets.layouts import given_tagging
from xl_plugins.datasets.udpos import LABELS
from xl_plugins.formats.examples.conllu_format import COLUMNS, PRECEDENCE
from xl_plugins.formats.examples.plan import Plan
from xl_plugins.formats.examples.sentences import SentenceFile

BENCHMARK = None
HELP = "part-of-speech tags of any CoNLL-U treebanks (Universal Dependencies)"
EPILOG = f"""\
{given_tagging.FILE_HELP}
Words are those of the text: a multiword token (3-4 zum) is one word, with the first of its parts' tags in the order
{" ".join(PRECEDENCE)}.
Empty nodes are skipped; blanks and U+200C inside words are removed, as XTREME does. The labels are {LABELS[0]} and the
17 universal tags, so that checkpoints fit the udpos data too. Sentences translated into the source language are the
running text (# text = ...).

examples (M stands for: --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt):

  an English treebank for training, tested on German and French ones
  xl-prepare conllu data-bin/ewt M --train en=en_ewt-ud-train.conllu --valid en=en_ewt-ud-dev.conllu \\
      --test en=en_ewt-ud-test.conllu de=de_gsd-ud-test.conllu fr=fr_gsd-ud-test.conllu

  PUD, whose sentences are translations of each other: 600 as translated training data, 100 for selection, 100 for the
  test, and the English originals in the place of translations into English
  xl-prepare conllu data-bin/pud M --languages ar,cs,de,en,es,fi,fr,hi,id,it,ja,pl,pt,ru,sv,th,tr,zh \\
      --train 'pud/{{lang}}_pud-ud-test.conllu[0:600]' --valid 'pud/{{lang}}_pud-ud-test.conllu[600:700]' \\
      --test 'pud/{{lang}}_pud-ud-test.conllu[700:800]' \\
      --back-translation de,fr,zh='pud/en_pud-ud-test.conllu[0:600]' \\
      --translate-dev de,fr,zh='pud/en_pud-ud-test.conllu[600:700]' \\
      --translate-test de,fr,zh='pud/en_pud-ud-test.conllu[700:800]'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    given_tagging.add_arguments(parser, "conllu")
    parser.add_argument(
        "--column",
        choices=tuple(COLUMNS),
        default="upos",
        help="universal tags, or the treebank's own, whose labels are those of the training file (default: upos)",
    )
    parser.add_argument("--labels", metavar="A,B,...", help="labels in the order of the model's outputs")


def make_plan(args: argparse.Namespace) -> Plan:
    labels = given_tagging.parse_labels(args.labels) or (LABELS if args.column == "upos" else None)
    return given_tagging.make_plan(args, SentenceFile("", kind="conllu", column=args.column), labels)
