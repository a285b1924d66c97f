"""Tagged sentences in files that the user names: what the readers of treebanks and of column files share."""

from __future__ import annotations

import argparse
from dataclasses import replace

from xl_plugins.errors import UserError
from xl_plugins.xtreme import given
from xl_plugins.xtreme.languages import check_language, parse_languages
from xl_plugins.xtreme.plan import Unit
from xl_plugins.xtreme.sentences import SentenceFile, TaggingPlan, guess_kind

FILE_HELP = """\
FILE is LANG=PATH (or LANG,LANG=PATH), or a path with {lang} that is filled with every code of --languages;
PATH[START:END] takes sentences START up to but not including END, counted from 0. Plain or .gz.
Sentence i of every training file must be the translation of sentence i of the source language's; a translation file
also may be .txt (a sentence per line, words between blanks) or .tsv with 'sentence TAB translation' per line.
"""


def add_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("dest", metavar="DEST", help="folder to write")
    given.add_file_arguments(parser, "sentences")
    given.add_pool_argument(parser, "sentences")
    parser.add_argument(
        "--soft-labels",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="soft labels of LANG's training sentences: word TAB p1;p2;... in the order of the labels",
    )
    parser.add_argument("--name", default=name, help=f"name of the data set in meta.json (default: {name})")


def parse_labels(text: str | None) -> tuple[str, ...] | None:
    """``--labels A,B,...`` or None."""
    if text is None:
        return None
    labels = tuple(label.strip() for label in text.split(","))
    if (
        len(set(labels)) < len(labels)
        or len(labels) < 2
        or any(not label or len(label.split()) > 1 for label in labels)
    ):
        raise UserError(f"--labels: '{text}' must be two or more different words joined by commas")
    return labels


def make_plan(args: argparse.Namespace, template: SentenceFile, labels: tuple[str, ...] | None) -> TaggingPlan:
    """``labels`` None: those of the source's training (else first) file, sorted, after O if they lack it."""
    source = check_language(args.source_language, "--source-language")
    languages = parse_languages(args.languages, "--languages") if args.languages else ()
    soft = given.expand(args.soft_labels, "--soft-labels", languages)
    plan = TaggingPlan(args.name, source, labels or ())
    for role, (split, view) in (*given.ROLES.items(), (given.POOL, ("train", False))):
        option = f"--{role}"
        for language, text in given.expand(getattr(args, role.replace("-", "_")), option, languages).items():
            path, start, end = given.parse_file(text, option, language)
            file = replace(template, path=path, start=start, end=end)
            if role == given.POOL:
                plan.units.append(Unit(language, split, view, replace(file, tag=None), pool=True))
                continue
            if split == "train" and not view and language in soft and language != source:
                file = replace(file, soft=given.parse_file(soft[language], "--soft-labels", language)[0])
            plan.units.append(Unit(language, split, view, file))
    if not plan.units:
        raise UserError(f"--train, --valid, --test: no file given; see xl-prepare {args.dataset} --help for examples")
    trained = {unit.language for unit in plan.units if unit.file.soft}
    for language in soft:
        if language not in trained and any("{lang}" not in text for text in args.soft_labels):
            raise UserError(
                f"--soft-labels: {language} has no translated training sentences; add {language}=FILE to --train"
            )
    plan.units = [
        replace(unit, file=replace(unit.file, kind=_kind(unit, template, plan.labels))) for unit in plan.units
    ]
    given.check_plan(plan, "sentences")
    if not plan.labels:
        plan.labels = _find_labels(plan)
    return plan


def _kind(unit: Unit, template: SentenceFile, labels: tuple[str, ...]) -> str:
    """Gold files have the reader's own format; translations may have any."""
    if not unit.view and (unit.split != "train" or not unit.file.path.removesuffix(".gz").endswith(".txt")):
        return template.kind
    guessed = guess_kind(unit.file.path, labels, unit.view)
    return template.kind if guessed == "tokens" else guessed


def _find_labels(plan: TaggingPlan) -> tuple[str, ...]:
    unit = next((u for u in plan.ordered() if not u.view and u.language == plan.source_language), plan.ordered()[0])
    found = {tag for sentence in unit.file.sentences() for tag in sentence.tags or ()}
    if not found:
        raise UserError(f"{unit.file.path}: no tags to take the labels from; give --labels")
    return (() if "O" in found else ("O",)) + tuple(sorted(found))
