"""PAN-X (WikiANN, Pan et al. 2017, in XTREME's split): named entities in IOB2 tags, 40 languages."""

from __future__ import annotations

import argparse

from xl_plugins.datasets.layouts import xtreme_tagging
from xl_plugins.formats.examples.benchmark import BenchmarkTask
from xl_plugins.formats.examples.plan import Plan
from xl_plugins.formats.examples.sentences import SentenceFile
from xl_plugins.formats.languages import XTREME_LANGUAGES

LABELS = ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O")
BENCHMARK = BenchmarkTask("PAN-X", "span_f1", XTREME_LANGUAGES, labels=LABELS, blind=True)
HELP = "PAN-X (WikiANN named entities) in XTREME's files"
EPILOG = f"""\
labels: {" ".join(LABELS)}
{xtreme_tagging.FILES_HELP}The language prefix of the original files (de:Berlin) is removed;
words are kept as they are otherwise, as XTREME does.

example:
  xl-prepare panx raw/panx data-bin/panx --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt \\
      --languages en,de,sw
"""

add_arguments = xtreme_tagging.add_arguments


def make_plan(args: argparse.Namespace) -> Plan:
    return xtreme_tagging.make_plan(args, "panx", LABELS, SentenceFile("", clean=False, prefix="xx:"))
