"""Question answering data of XTREME: a training set, gold files by language, translations in the same JSON layout."""

from __future__ import annotations

import argparse
import os
from typing import Callable

from xl_plugins.datasets.layouts import folder, given
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Part
from xl_plugins.formats.examples.squad_json import QaFile, QaPlan
from xl_plugins.formats.languages import XTREME_LANGUAGES, check_language, parse_languages
from xl_plugins.formats.tsv import find_file

# role: split, whether it is a source translation, patterns below RAW; {train} is the name of the training set
ROLES: dict[str, tuple[str, bool, tuple[str, ...]]] = {
    "translate_train": (
        "train",
        False,
        (
            "translate-train/{source}-{lang}.json",
            "translate-train/{train}.translate.train.{source}-{lang}.json",
            "../{train}/translate-train/{train}.translate.train.{source}-{lang}.json",
        ),
    ),
    "back_translation": ("train", True, ("back-translation/{source}-{lang}.json",)),
    "translate_dev": ("valid", True, ("translate-dev/{lang}-{source}.json",)),
    "translate_test": (
        "test",
        True,
        ("translate-test/{lang}-{source}.json", "translate-test/{dataset}.translate.test.{lang}-{source}.json"),
    ),
}
FILES_HELP = """\
translations below RAW (SQuAD's JSON layout, plain or .gz; the ids say what belongs together):
  translate-train/en-XX.json        the training questions in XX, all or a part of them
  back-translation/en-XX.json       the same questions, en -> XX -> en
  translate-dev/XX-en.json  translate-test/XX-en.json   XX's questions and contexts in English; answers may be missing
Unanswerable questions (SQuAD 2) are left out and counted. An answer that is not at its answer_start is looked for
nearby ('moved'); training questions whose answer is not in the context at all are left out ('lost'). 'exact' is the
share of answers that begin and end with a piece; others can only be predicted up to the ends of the pieces around them.
"""


def add_qa_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that every reader of questions has."""
    parser.add_argument(
        "--context-pieces",
        choices=("subword", "character"),
        default="subword",
        help="character: one piece per character of the contexts, so that every answer can be predicted exactly, at "
        "three to four times the length (default: subword, as the encoder was pre-trained)",
    )


def add_arguments(parser: argparse.ArgumentParser, files: str, train: str) -> None:
    folder.add_arguments(parser, files, "questions", {role: entry[2] for role, entry in ROLES.items()})
    parser.add_argument(
        "--train", metavar="FILE", help=f"training questions, FILE[START:END]: of these articles (default: {train})"
    )
    parser.add_argument(
        "--valid",
        metavar="PATTERN",
        help="questions for model selection, with {lang} in the name for several languages (those without a file have "
        "none), PATTERN[START:END]: of these articles",
    )
    add_qa_arguments(parser)


def make_plan(
    args: argparse.Namespace,
    plan: QaPlan,
    trains: tuple[str, ...],
    gold: Callable[[str], dict[str, str]],
    discovered: list[str],
    train_name: str = "squad",
) -> QaPlan:
    """Fill ``plan``: ``trains`` are default names of the training file below RAW, ``gold`` gives a language's files by
    split, ``discovered`` the languages that have any."""
    plan.characters = args.context_pieces == "character"
    source = plan.source_language
    languages = parse_languages(args.languages, "--languages") if args.languages else tuple(discovered)
    if not languages:
        raise UserError(f"RAW: no file of {plan.dataset} in {args.raw}; see xl-prepare {plan.dataset} --help for names")
    train = _train_file(args, source, trains)
    if train is None:
        plan.warnings.append(f"--train: no {trains[0]}; the result can be evaluated on but not trained on")
    for lang in dict.fromkeys((source, *languages) if train else languages):
        parts = [Part(lang, "train", False, train)] if train and lang == source else []
        files = {split: find_file(os.path.join(args.raw, name)) for split, name in gold(lang).items()}
        parts += [Part(lang, split, False, QaFile(path)) for split, path in files.items() if path]
        valid = _valid_file(args, lang, source)
        if valid is not None:
            parts = [part for part in parts if part.split != "valid"] + [Part(lang, "valid", False, valid)]
        parts += _translations(args, plan, lang, train_name, parts, train)
        if not any(not part.into_source for part in parts):
            looked = ", ".join(os.path.join(args.raw, name) for name in gold(lang).values())
            raise UserError(f"--languages: no file for {lang}; none of {looked} exists")
        plan.parts.extend(parts)
    if args.valid and not any(part.split == "valid" for part in plan.parts):
        raise UserError(f"--valid: {args.valid} does not exist for any of {', '.join(languages)}; correct the pattern")
    return plan


def _train_file(args: argparse.Namespace, source: str, names: tuple[str, ...]) -> QaFile | None:
    if args.train == "none":
        return None
    if args.train:
        return QaFile(*given.parse_file(args.train, "--train", source))
    found = (find_file(os.path.join(args.raw, name)) for name in names)
    return next((QaFile(os.path.normpath(path)) for path in found if path), None)


def _valid_file(args: argparse.Namespace, lang: str, source: str) -> QaFile | None:
    """``--valid`` of one language; a name without {lang} is the source's, and languages may lack a file."""
    if not args.valid or ("{lang}" not in args.valid and lang != source):
        return None
    text = args.valid.replace("{lang}", lang)
    if "{lang}" in args.valid and find_file(text.partition("[")[0]) is None:
        return None
    return QaFile(*given.parse_file(text, "--valid", lang))


def _translations(
    args: argparse.Namespace, plan: QaPlan, lang: str, train_name: str, own: list[Part], train: QaFile | None
) -> list[Part]:
    """Translations of a language; those of training text are cut to the same articles as the training file."""
    parts: list[Part] = []
    for role, (split, into_source, patterns) in ROLES.items():
        if role == "translate_train" and (lang == plan.source_language or args.train == "none"):
            continue
        names = tuple(pattern.replace("{train}", train_name) for pattern in patterns)
        path = folder.find_role(args, role, names, lang, plan.dataset)
        if path is None:
            continue
        articles = (train.start, train.end) if train and split == "train" else (0, None)
        part = Part(lang, split, into_source, QaFile(os.path.normpath(path), *articles))
        if into_source and not any(other.split == split and not other.into_source for other in own + parts):
            plan.warnings.append(f"{path}: not used, since {lang} has no {split} questions of its own")
        else:
            parts.append(part)
    return parts


def start_plan(args: argparse.Namespace, dataset: str, metric: str, files: str) -> QaPlan:
    """An empty plan after checks of RAW and the source language."""
    source = check_language(args.source_language, "--source-language")
    if not os.path.isdir(args.raw):
        raise UserError(f"RAW: {args.raw} is no folder; give the folder that holds {files}")
    return QaPlan(dataset, source, metric=metric)


def ordered(languages: set[str]) -> list[str]:
    """Languages in XTREME's order, others after them."""
    return sorted(languages, key=lambda code: (code not in XTREME_LANGUAGES, code))
