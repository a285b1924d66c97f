"""Tagged sentences in files that the user names: what the readers of treebanks and of column files share."""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from dataclasses import replace

from xl_plugins.datasets.layouts import given
from xl_plugins.errors import UserError
from xl_plugins.formats.examples import token_tables
from xl_plugins.formats.examples.plan import Part
from xl_plugins.formats.examples.sentences import SentenceFile, TaggingPlan, guess_kind
from xl_plugins.formats.label_names import read_label_names
from xl_plugins.formats.languages import check_language, parse_languages
from xl_plugins.output import printable

_NAME = re.compile(r"[a-z_][\w ]*[a-z]")  # of a column, unlike tags such as B-per, NOUN or O

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


def parse_label_names(path: str | None, column: object) -> tuple[str, ...]:
    """Names of the tags 0, 1, ... in the file of ``--label-names``; none without one."""
    if path is None:
        return ()
    if not os.path.isfile(path):
        raise UserError(f"--label-names: {path} does not exist; correct the path")
    names = read_label_names(path, str(column or "ner_tags"))
    if len(names) < 2 or any(len(name.split()) != 1 for name in names):
        raise UserError(f"--label-names: {path} must name two or more labels without blanks")
    return names


def make_plan(args: argparse.Namespace, template: SentenceFile, labels: tuple[str, ...] | None) -> TaggingPlan:
    """``labels`` None: those of the source's training (else first) file, sorted, after O if they lack it."""
    source = check_language(args.source_language, "--source-language")
    languages = parse_languages(args.languages, "--languages") if args.languages else ()
    soft = given.expand(args.soft_labels, "--soft-labels", languages)
    plan = TaggingPlan(args.name, source, labels or (), xtreme_words=template.clean)
    for role, (split, into_source) in (*given.ROLES.items(), (given.POOL, ("train", False))):
        option = f"--{role}"
        for language, text in given.expand(getattr(args, role.replace("-", "_")), option, languages).items():
            path, start, end = given.parse_file(text, option, language)
            file = replace(template, path=path, start=start, end=end)
            if role == given.POOL:
                plan.parts.append(Part(language, split, into_source, replace(file, tagged=False), pool=True))
                continue
            if split == "train" and not into_source and language in soft and language != source:
                file = replace(file, soft=given.parse_file(soft[language], "--soft-labels", language)[0])
            plan.parts.append(Part(language, split, into_source, file))
    if not plan.parts:
        raise UserError(f"--train, --valid, --test: no file given; see xl-prepare {args.dataset} --help for examples")
    trained = {part.language for part in plan.parts if part.file.soft}
    for language in soft:
        if language not in trained and any("{lang}" not in text for text in args.soft_labels):
            raise UserError(
                f"--soft-labels: {language} has no translated training sentences; add {language}=FILE to --train"
            )
    plan.parts = [replace(part, file=replace(part.file, kind=_kind(part, template, plan))) for part in plan.parts]
    given.check_plan(plan, "sentences")
    if not plan.labels:
        plan.labels = _find_labels(plan)
    return plan


def _kind(part: Part, template: SentenceFile, plan: TaggingPlan) -> str:
    """Gold files have the reader's own format, or are tables where it reads any; translations may have any."""
    own = token_tables.guess(part.file.path) or "columns" if template.kind == "any" else template.kind
    own = "tokens" if own == "columns" else own
    translated = part.split == "train" and part.language != plan.source_language
    if not part.into_source and not (translated and part.file.path.removesuffix(".gz").endswith(".txt")):
        return own
    guessed = guess_kind(part.file.path, plan.labels, part.into_source)
    return own if guessed == "tokens" else guessed


def _find_labels(plan: TaggingPlan) -> tuple[str, ...]:
    parts = plan.ordered()
    own = (part for part in parts if part.language == plan.source_language and not part.into_source)
    part = next(own, parts[0])
    path, found, places = part.file.path, Counter[str](), dict[str, int]()
    for sentence in part.file.sentences():
        for tag, line in zip(sentence.tags or (), sentence.lines):
            found[tag] += 1
            places.setdefault(tag, line)
    if not found:
        raise UserError(
            f"{path}: no tags to take the labels from, a word is all that its lines hold; expected columns of words and"
            " tags between tabs or blanks (--separator), or a table with a header; for words alone give --labels"
        )
    for tag in found:
        if not tag.isprintable() or len(tag.split()) > 1:
            raise UserError(
                f"{path}:{places[tag]}: '{printable(tag)[:60]}' cannot be a tag, it holds white space; correct"
                " --separator or the line"
            )
    first = next(iter(found))
    names = [tag for tag in found if _NAME.fullmatch(tag)]
    if found[first] == 1 and len(found) > 1 and names == [first]:
        plan.warnings.append(
            f"{path}:{places[first]}: '{first}', the first tag, occurs in this line alone; if it is a header, pass"
            " --header skip"
        )
    return (() if "O" in found else ("O",)) + tuple(sorted(found))
