"""Files that the user names one by one: ``--train en=FILE 'dir/{lang}.tsv[0:600]' ...``, for any data set."""

from __future__ import annotations

import argparse
import re

from xl_plugins.datasets.layouts.scopes import POOL, ROLES
from xl_plugins.errors import UserError
from xl_plugins.formats.examples.plan import Plan
from xl_plugins.formats.languages import check_distinct, check_language
from xl_plugins.formats.tsv import find_file

_RANGE = re.compile(r"(?P<path>.*)\[(?P<start>\d*):(?P<end>\d*)\]")
_GIVEN = re.compile(r"(?P<lang>[A-Za-z0-9_-]{1,24}(,[A-Za-z0-9_-]{1,24})*)=(?P<path>.+)")

__all__ = [
    "POOL", "ROLES", "add_file_arguments", "add_pool_argument", "check_plan", "check_pools", "expand", "parse_file",
]  # fmt: skip


def add_file_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    """The options of :data:`ROLES` and ``--languages``; ``what``: pairs, sentences, questions."""
    texts = {
        "train": f"training {what}; those of other languages than the source's are its translations",
        "valid": f"{what} for model selection",
        "test": f"test {what}",
        "back-translation": f"the source's training {what} translated into LANG and back",
        "translate-dev": f"LANG's valid {what} translated into the source language",
        "translate-test": f"LANG's test {what} translated into the source language",
    }
    for role, text in texts.items():
        parser.add_argument(f"--{role}", nargs="+", action="extend", default=[], metavar="FILE", help=text)
    parser.add_argument("--languages", help="de,en,...: what {lang} in a FILE stands for, one after the other")


def add_pool_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """The option :data:`POOL`."""
    parser.add_argument(
        f"--{POOL}",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help=f"training {what} of other languages than the source that are no translations, in any number; their labels"
        " are not read (the target text of XLA)",
    )


def parse_file(text: str, option: str, where: str) -> tuple[str, int, int | None]:
    """Split ``PATH[START:END]`` and find the file: path on disk, first row, end row or None."""
    match = _RANGE.fullmatch(text)
    path, start, end = text, 0, None
    if match:
        path = match.group("path")
        start = int(match.group("start") or 0)
        end = int(match.group("end")) if match.group("end") else None
        if end is not None and end <= start:
            raise UserError(f"{option}: the range of {text} is empty; START must be below END")
    found = find_file(path)
    if found is None:
        raise UserError(f"{option}: {path} ({where}) does not exist; correct the path")
    return found, start, end


def expand(texts: list[str], option: str, languages: tuple[str, ...]) -> dict[str, str]:
    """File texts by language; a language given twice is an error.

    ``LANG=PATH`` or ``LANG,LANG=PATH`` fills {lang} in PATH with its own languages and wins over a pattern, which is
    filled with ``languages``.
    """
    given: dict[str, str] = {}
    pattern: dict[str, str] = {}
    for text in texts:
        match = _GIVEN.fullmatch(text)
        if match:
            for name in match.group("lang").split(","):
                code = check_language(name, option)
                if code in given:
                    raise UserError(f"{option}: {code} is given twice; join the files into one")
                given[code] = match.group("path").replace("{lang}", code)
        elif "{lang}" in text:
            if not languages:
                raise UserError(f"{option}: {text} has {{lang}}, but --languages does not say which")
            pattern.update({code: text.replace("{lang}", code) for code in languages})
        else:
            raise UserError(f"{option}: '{text}' is neither LANG=FILE nor a path with {{lang}}")
    return {**pattern, **given}


def check_plan(plan: Plan, what: str = "pairs") -> None:
    """UserError for a translation of nothing, and for translated training data without the original."""
    check_distinct(plan.languages, "--train, --valid, --test")
    check_pools(plan)
    texts = {(part.language, part.split) for part in plan.parts if not part.into_source and not part.pool}
    for part in plan.parts:
        if part.into_source and part.split != "train" and (part.language, part.split) not in texts:
            raise UserError(
                f"{part.file.path}: translates {part.language}'s {part.split} {what}, but --{part.split} has no file "
                f"of {part.language}; add {part.language}=FILE there"
            )
    training = {language for language, split in texts if split == "train"}
    if not training:
        plan.warnings.append("--train: no file; the result can be evaluated on but not trained on")
    elif plan.source_language not in training:
        raise UserError(
            f"--train: no file of the source language {plan.source_language}, which the translations "
            f"({', '.join(sorted(training))}) must match; add {plan.source_language}=FILE or set --source-language"
        )


def check_pools(plan: Plan) -> None:
    """UserError for a language with two kinds of training text, and for the source's text without labels."""
    for pool in (part for part in plan.parts if part.pool):
        if pool.language == plan.source_language:
            raise UserError(
                f"--{POOL}: {pool.language} is the source language, whose training text has gold labels; give it as"
                " --train, or name another --source-language"
            )
        for other in plan.parts:
            if other is not pool and (other.language, other.split) == (pool.language, pool.split):
                raise UserError(
                    f"--{POOL}: {pool.file.path}: {pool.language} has translated training text as well,"
                    f" {other.file.path}; use one of them"
                )
