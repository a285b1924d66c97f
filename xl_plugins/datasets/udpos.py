"""UDPOS of XTREME (Nivre et al. 2018; Hu et al. 2020): part-of-speech tags of Universal Dependencies, 33 languages."""

from __future__ import annotations

import argparse

from xl_plugins.datasets.layouts import xtreme_tagging
from xl_plugins.formats.examples.benchmark import BenchmarkTask
from xl_plugins.formats.examples.conllu_format import UPOS
from xl_plugins.formats.examples.plan import Plan
from xl_plugins.formats.examples.sentences import SentenceFile
from xl_plugins.formats.languages import XTREME_LANGUAGES

LABELS = ("O", *UPOS)  # XTREME's loader puts O first when the set lacks it: 18 outputs
_MISSING = ("bn", "jv", "ka", "ml", "ms", "my", "sw")  # languages of XTREME without a treebank
BENCHMARK = BenchmarkTask(
    "UDPOS", "chunk_f1", tuple(code for code in XTREME_LANGUAGES if code not in _MISSING),
    labels=(*UPOS, "O", "_"), blind=True,  # a model can predict O, since it is among the labels
)  # fmt: skip
HELP = "UDPOS (part-of-speech tags) in XTREME's files"
EPILOG = f"""\
labels: {" ".join(LABELS)}
{xtreme_tagging.FILES_HELP}Blanks and zero-width non-joiners (U+200C) inside words are removed, as XTREME does.

example:
  xl-prepare udpos raw/udpos data-bin/udpos --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt \\
      --languages en,de,fa --soft-labels 'soft/{{lang}}.tsv'
"""

add_arguments = xtreme_tagging.add_arguments


def make_plan(args: argparse.Namespace) -> Plan:
    return xtreme_tagging.make_plan(args, "udpos", LABELS, SentenceFile(""))
