"""Any extractive question answering files in SQuAD's JSON layout, or as the hub has them."""

from __future__ import annotations

import argparse

from xl_plugins.datasets.layouts import given, xtreme_qa
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Part, Plan
from xl_plugins.formats.examples.squad_json import QaFile, QaPlan
from xl_plugins.formats.languages import check_language, parse_languages

BENCHMARK = None
HELP = "extractive question answering from any files in SQuAD's JSON layout or the hub's"
EPILOG = """\
FILE is LANG=PATH (or LANG,LANG=PATH), or a path with {lang} that is filled with every code of --languages;
PATH[START:END] takes articles START up to but not including END, counted from 0 (questions in files without articles).
Files are SQuAD's own, or hold one object per question with id, question, context and answers (a list of text and
answer_start, or {"text": [...], "answer_start": [...]}): JSON lines, a list, under "data", an export of the hub's
viewer, or Parquet. Plain or compressed. Translations belong to
the questions with the same id: the training questions of other languages to the source's, others to LANG's own.
Unanswerable questions (SQuAD 2) are left out and counted, unless --with-unanswerable keeps them; a file without any
answer counts as unlabelled. An answer that is not at its answer_start is looked for
nearby ('moved'); training questions whose answer is not in the context at all are left out ('lost'). 'exact' is the
share of answers that begin and end with a piece; others can only be predicted up to the ends of the pieces around them.

examples (M stands for: --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt):

  SQuAD alone
  xl-prepare squad data-bin/squad M --train en=squad/train-v1.1.json --valid en=squad/dev-v1.1.json

  SQuAD 2: questions may have no answer; a checkpoint trained on it predicts "" where none is better
  xl-prepare squad data-bin/squad2 M --train en=squad/train-v2.0.json --valid en=squad/dev-v2.0.json \\
      --test en=squad/dev-v2.0.json --with-unanswerable

  XQuAD, whose articles are parallel: 30 as training data in all languages, 4 for selection, 6 for the test, and the
  English originals in the place of back-translations and of translations into English
  xl-prepare squad data-bin/xquad-parallel M --languages ar,de,el,en,es,hi,ru,th,tr,vi,zh \\
      --train 'xquad/xquad.{lang}.json[0:30]' --valid 'xquad/xquad.{lang}.json[30:34]' \\
      --test 'xquad/xquad.{lang}.json[34:40]' \\
      --back-translation ar,de,el,es,hi,ru,th,tr,vi,zh='xquad/xquad.en.json[0:30]' \\
      --translate-dev ar,de,el,es,hi,ru,th,tr,vi,zh='xquad/xquad.en.json[30:34]' \\
      --translate-test ar,de,el,es,hi,ru,th,tr,vi,zh='xquad/xquad.en.json[34:40]'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dest", metavar="DEST", help="folder to write")
    given.add_file_arguments(parser, "questions")
    parser.add_argument(
        "--answer-metric",
        choices=("squad", "mlqa"),
        default="squad",
        help="normalisation of answers when they are scored (default: squad)",
    )
    parser.add_argument(
        "--with-unanswerable",
        action="store_true",
        help="keep questions that have no answer (is_impossible, or no answers), to be trained on and scored as SQuAD 2"
        " defines it (default: they are left out and counted)",
    )
    xtreme_qa.add_qa_arguments(parser)
    parser.add_argument("--name", default="squad", help="name of the data set in meta.json (default: squad)")


def make_plan(args: argparse.Namespace) -> Plan:
    source = check_language(args.source_language, "--source-language")
    languages = parse_languages(args.languages, "--languages") if args.languages else ()
    characters = args.context_pieces == "character"
    plan = QaPlan(args.name, source, metric=args.answer_metric, characters=characters)
    plan.unanswerable = args.with_unanswerable
    for role, (split, into_source) in given.ROLES.items():
        option = f"--{role}"
        for language, text in given.expand(getattr(args, role.replace("-", "_")), option, languages).items():
            plan.parts.append(Part(language, split, into_source, QaFile(*given.parse_file(text, option, language))))
    if not plan.parts:
        raise UserError("--train, --valid, --test: no file given; see xl-prepare squad --help for examples")
    given.check_plan(plan, "questions")
    return plan
