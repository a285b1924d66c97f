"""PAWS-X (Yang et al. 2019) in XTREME's files: paraphrase identification in 7 languages."""

from __future__ import annotations

import argparse

from xl_plugins.datasets.layouts import xtreme_pairs
from xl_plugins.formats.examples.benchmark import BenchmarkTask
from xl_plugins.formats.examples.plan import Plan

LABELS = ("0", "1")
MISSING = "NS"  # what the data set writes where a sentence was not translated
BENCHMARK = BenchmarkTask(
    "PAWS-X", "accuracy", tuple("de en es fr ja ko zh".split()), parallel=True, labels=LABELS, blind=True
)
HELP = "PAWS-X in XTREME's files"
EPILOG = """\
files in RAW (tab separated, no header, plain or .gz; both quoting styles of XTREME are read):
  train-en.tsv dev-XX.tsv test-XX.tsv   sentence1 sentence2 label (0 or 1)
  translate-train/en-XX.tsv             en1 en2 XX1 XX2 label
  back-translation/en-XX.tsv            en1 en2 bt1 bt2 label      (bt: en -> XX -> en)
  translate-dev/XX-en.tsv  translate-test/XX-en.tsv   XX1 XX2 en1 en2 [label]
A training row whose translation is the literal NS is replaced by the English row (counted in the summary);
dev and test rows with NS are kept, as XTREME scores them.

example:
  xl-prepare pawsx raw/pawsx data-bin/pawsx --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt \\
      --languages en,de,es,fr,ja,ko,zh
"""

add_arguments = xtreme_pairs.add_arguments


def make_plan(args: argparse.Namespace) -> Plan:
    return xtreme_pairs.make_plan(args, "pawsx", LABELS, missing=MISSING, constant_is_placeholder=BENCHMARK.blind)
