"""TyDiQA-GoldP (Clark et al. 2020) in XTREME's files: questions written in 9 languages."""

from __future__ import annotations

import argparse
import os

from xl_plugins.datasets.layouts import folder, xtreme_qa
from xl_plugins.formats.examples.benchmark import BenchmarkTask
from xl_plugins.formats.examples.plan import Plan
from xl_plugins.formats.packing import PACKED

_TRAIN, _TEST = "tydiqa-goldp-v1.1-train", "tydiqa-goldp-v1.1-dev"
FILES = f"{_TRAIN}/ and {_TEST}/"
BENCHMARK = BenchmarkTask(
    "TyDiQA-GoldP", "qa", tuple("ar bn en fi id ko ru sw te".split()),
    gold_files={"test": ("tydiqa.goldp.{}.dev.json", f"{_TEST}/tydiqa.goldp.{{}}.dev.json")},  # it has no test set
)  # fmt: skip
HELP = "TyDiQA-GoldP in XTREME's files"
EPILOG = f"""\
files: RAW/{_TRAIN}/tydiqa.goldp.en.train.json and RAW/{_TEST}/tydiqa.goldp.XX.dev.json (or the
files in RAW itself). XTREME's dev files are its test set; there is no other set for model selection, so take part of
the training articles. Copies of the dev files with empty answers count as unlabelled.
{xtreme_qa.FILES_HELP}
example:
  xl-prepare tydiqa download/tydiqa data-bin/tydiqa --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt \\
      --train 'download/tydiqa/{_TRAIN}/tydiqa.goldp.en.train.json[300:]' \\
      --valid 'download/tydiqa/{_TRAIN}/tydiqa.goldp.en.train.json[0:300]'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    xtreme_qa.add_arguments(parser, FILES, f"RAW/{_TRAIN}/tydiqa.goldp.en.train.json")


def make_plan(args: argparse.Namespace) -> Plan:
    plan = xtreme_qa.start_plan(args, "tydiqa", "squad", FILES)
    tests = _TEST if os.path.isdir(os.path.join(args.raw, _TEST)) else ""
    languages = folder.discover(os.path.join(args.raw, tests), rf"tydiqa\.goldp\.([^.]+)\.dev\.json{PACKED}")
    name = f"tydiqa.goldp.{plan.source_language}.train.json"

    def gold(lang: str) -> dict[str, str]:
        return {"test": os.path.join(tests, f"tydiqa.goldp.{lang}.dev.json")}

    return xtreme_qa.make_plan(args, plan, (os.path.join(_TRAIN, name), name), gold, languages, "tydiqa")
