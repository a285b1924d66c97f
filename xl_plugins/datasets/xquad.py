"""XQuAD (Artetxe et al. 2020): SQuAD questions translated by professionals, 11 languages, a test set."""

from __future__ import annotations

import argparse

from xl_plugins.datasets.layouts import folder, xtreme_qa
from xl_plugins.formats.examples.benchmark import BenchmarkTask
from xl_plugins.formats.examples.plan import Plan
from xl_plugins.formats.packing import PACKED

TRAIN = ("../squad/train-v1.1.json", "squad/train-v1.1.json", "train-v1.1.json")
FILES = "xquad.XX.json"
BENCHMARK = BenchmarkTask(
    "XQuAD", "qa", tuple("ar de el en es hi ru th tr vi zh".split()), parallel=True,
    gold_files={"test": ("xquad.{}.json",)},
)  # fmt: skip
HELP = "XQuAD (test) with SQuAD (training) in XTREME's files"
EPILOG = f"""\
files: RAW/xquad.XX.json are the test sets; training is SQuAD's train-v1.1.json (RAW/../squad/ or --train).
XQuAD has no questions for model selection: the published X-Mixup results use MLQA's dev set.
{xtreme_qa.FILES_HELP}
example:
  xl-prepare xquad download/xquad data-bin/xquad --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt \\
      --train download/squad/train-v1.1.json --languages en,de,zh \\
      --valid 'download/mlqa/MLQA_V1/dev/dev-context-{{lang}}-question-{{lang}}.json'

XQuAD's articles are parallel, so part of them can serve as translated training data: see xl-prepare squad --help
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    xtreme_qa.add_arguments(parser, FILES, "RAW/" + TRAIN[0])


def make_plan(args: argparse.Namespace) -> Plan:
    plan = xtreme_qa.start_plan(args, "xquad", "squad", FILES)
    languages = folder.discover(args.raw, rf"xquad\.([^.]+)\.json{PACKED}")
    return xtreme_qa.make_plan(args, plan, TRAIN, lambda lang: {"test": f"xquad.{lang}.json"}, languages)
