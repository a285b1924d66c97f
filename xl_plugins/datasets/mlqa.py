"""MLQA (Lewis et al. 2020): dev and test questions in 7 languages, also with context and question in different ones."""

from __future__ import annotations

import argparse
import glob
import os
import re

from xl_plugins.datasets.layouts import xtreme_qa
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.benchmark import BenchmarkTask
from xl_plugins.formats.examples.plan import Plan
from xl_plugins.formats.languages import CODE, check_language
from xl_plugins.formats.packing import PACKED

TRAIN = ("../squad/train-v1.1.json", "squad/train-v1.1.json", "train-v1.1.json")
FILES = "MLQA_V1/ (or dev/ and test/)"


def _gold_names(part: str) -> tuple[str, ...]:
    name = f"{part}-context-{{}}-question-{{}}.json"
    return name, f"{part}/{name}", f"MLQA_V1/{part}/{name}"


_NAME = re.compile(rf"(dev|test)-context-({CODE})-question-({CODE})\.json{PACKED}")
BENCHMARK = BenchmarkTask(
    "MLQA", "qa", tuple("ar de en es hi vi zh".split()), answers="mlqa",
    gold_files={split: _gold_names(part) for split, part in (("test", "test"), ("valid", "dev"))},
)  # fmt: skip
HELP = "MLQA (dev, test) with SQuAD (training) in XTREME's files"
EPILOG = f"""\
files: RAW/MLQA_V1/{{dev,test}}/{{dev,test}}-context-XX-question-XX.json; training is SQuAD's train-v1.1.json
(RAW/../squad/ or --train). Answers are scored with MLQA's normalisation.
{xtreme_qa.FILES_HELP}
examples (M stands for: --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt):

  questions and contexts in the same language
  xl-prepare mlqa download/mlqa data-bin/mlqa M --train download/squad/train-v1.1.json

  questions in Arabic, German and Spanish on English contexts
  xl-prepare mlqa download/mlqa data-bin/mlqa-en M --train download/squad/train-v1.1.json --context-language en \\
      --languages ar,de,es
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    xtreme_qa.add_arguments(parser, FILES, "RAW/" + TRAIN[0])
    cross = parser.add_mutually_exclusive_group()
    cross.add_argument(
        "--context-language", metavar="XX", help="contexts in XX for questions of every language (default: the same)"
    )
    cross.add_argument(
        "--question-language", metavar="XX", help="questions in XX on contexts of every language (default: the same)"
    )
    parser.add_argument(
        "--dev-as-test", action="store_true", help="take the dev files as test, for copies without MLQA's test part"
    )


def make_plan(args: argparse.Namespace) -> Plan:
    plan = xtreme_qa.start_plan(args, "mlqa", "mlqa", FILES)
    if args.context_language or args.question_language:
        check_language(args.context_language or args.question_language, "--context-language, --question-language")
    base = "MLQA_V1" if os.path.isdir(os.path.join(args.raw, "MLQA_V1")) else ""
    parts = {"test": "dev"} if args.dev_as_test else {"valid": "dev", "test": "test"}

    def gold(lang: str) -> dict[str, str]:
        context, question = args.context_language or lang, args.question_language or lang
        return {
            split: os.path.join(base, part, f"{part}-context-{context}-question-{question}.json")
            for split, part in parts.items()
        }

    languages = _discover(os.path.join(args.raw, base), args.context_language, args.question_language)
    if not languages:
        raise UserError(
            f"RAW: no dev/dev-context-XX-question-XX.json in {os.path.join(args.raw, base)} that fits; correct RAW, "
            "--context-language or --question-language"
        )
    return xtreme_qa.make_plan(args, plan, TRAIN, gold, languages)


def _discover(raw: str, context: str | None, question: str | None) -> list[str]:
    found: set[str] = set()
    for path in glob.glob(os.path.join(glob.escape(raw), "*", "*")):
        match = _NAME.fullmatch(os.path.basename(path))
        if match:
            _, c, q = match.groups()
            if context or question:
                found |= {q} if c == context else {c} if q == question else set()
            elif c == q:
                found.add(c)
    return xtreme_qa.ordered(found)
