"""XNLI (Conneau et al. 2018) in XTREME's files: natural language inference in 15 languages."""

from __future__ import annotations

import argparse

from xl_plugins.datasets.layouts import xtreme_pairs
from xl_plugins.formats.examples.benchmark import BenchmarkTask
from xl_plugins.formats.examples.plan import Plan

LABELS = ("contradiction", "entailment", "neutral")
ALIASES = {"contradictory": "contradiction"}  # as the machine translated MultiNLI writes it
BENCHMARK = BenchmarkTask(
    "XNLI", "accuracy", tuple("ar bg de el en es fr hi ru sw th tr ur vi zh".split()), parallel=True,
    labels=LABELS, aliases=ALIASES, blind=True, texts=("premise", "hypothesis"),
)  # fmt: skip
HELP = "XNLI in XTREME's files"
EPILOG = """\
files in RAW (tab separated, no header, plain or .gz):
  train-en.tsv dev-XX.tsv test-XX.tsv   sentence1 sentence2 label
  translate-train/en-XX.tsv             en1 en2 XX1 XX2 label
  back-translation/en-XX.tsv            en1 en2 bt1 bt2 label      (bt: en -> XX -> en)
  translate-dev/XX-en.tsv  translate-test/XX-en.tsv   XX1 XX2 en1 en2 [label]

example:
  xl-prepare xnli raw/xnli data-bin/xnli --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt \\
      --languages en,de,sw --translate-train 'raw/xnli/translate-train/en-{lang}-translated.tsv'
"""

add_arguments = xtreme_pairs.add_arguments


def make_plan(args: argparse.Namespace) -> Plan:
    return xtreme_pairs.make_plan(args, "xnli", LABELS, aliases=ALIASES, constant_is_placeholder=BENCHMARK.blind)
