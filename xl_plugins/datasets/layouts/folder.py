"""XTREME's folders: gold files by split and language, translations under their own names or by a given pattern."""

from __future__ import annotations

import argparse
import glob
import os
import re
from collections.abc import Sequence

from xl_plugins.datasets.layouts.scopes import POOL
from xl_plugins.errors import UserError, flag
from xl_plugins.formats.languages import (
    XTREME_LANGUAGES,
    check_distinct,
    check_language,
    is_language,
    parse_languages,
)
from xl_plugins.formats.packing import PACKED
from xl_plugins.formats.tsv import find_file

_TEXTS = {
    "translate_train": "translated train {}",
    "back_translation": "translation into the source language of train {}",
    "translate_dev": "translation into the source language of valid {}",
    "translate_test": "translation into the source language of test {}",
    "soft_labels": "soft labels of translated train {}",
}


def add_arguments(
    parser: argparse.ArgumentParser, files: str, what: str, patterns: dict[str, tuple[str, ...]], raw: bool = True
) -> None:
    """RAW, DEST, ``--languages`` and an option per role of ``patterns`` (role: default patterns below RAW)."""
    if raw:
        parser.add_argument("raw", metavar="RAW", help=f"folder with {files} (plain or .gz)")
    parser.add_argument("dest", metavar="DEST", help="folder to write")
    parser.add_argument(
        "--languages", help="en,de,...: these and no others (default: every language with a file in RAW)"
    )
    for role, defaults in patterns.items():
        parser.add_argument(
            flag(role),
            metavar="PATTERN",
            help=f"{_TEXTS[role].format(what)}, one file per language, with {{lang}} in the name (default: "
            f"RAW/{defaults[0]} and XTREME's names where they exist; none: do not use any)",
        )


def add_pool_argument(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        f"--{POOL}",
        metavar="PATTERN",
        help=f"training {what} of other languages that are no translations, one file per language, with {{lang}} in the"
        " name; their labels are not read, languages without a file have none (the target text of XLA)",
    )


def find_pools(args: argparse.Namespace, languages: Sequence[str]) -> dict[str, str]:
    """Files of ``--unlabelled`` by language; UserError if there is none at all."""
    pattern = args.unlabelled
    if pattern is None:
        return {}
    if "{lang}" not in pattern:
        raise UserError(f"--{POOL}: the pattern '{pattern}' has no {{lang}}; write for example raw/train-{{lang}}.tsv")
    others = [language for language in languages if language != args.source_language]
    found = {language: find_file(fill(pattern, {"lang": language})) for language in others}
    if not any(found.values()):
        raise UserError(f"--{POOL} {pattern}: there is no such file of {', '.join(others) or 'any target language'}")
    return {language: path for language, path in found.items() if path}


def discover(raw: str, pattern: str = rf"(?:train|dev|test)-([^.]+)\.tsv{PACKED}", source: str = "") -> list[str]:
    """Languages with a file in ``raw`` whose name matches ``pattern``, in XTREME's order, others after them. Names with
    hyphens that are no codes, and translations into ``source`` (``test-de-en.tsv``), do not count."""
    found: set[str] = set()
    for path in glob.glob(os.path.join(glob.escape(raw), "*")):
        match = re.fullmatch(pattern, os.path.basename(path))
        name = match.group(1) if match else ""
        if name and not ("-" in name and (not is_language(name) or name.endswith(f"-{source}"))):
            found.add(check_language(name, path))
    check_distinct(found, raw)
    return sorted(found, key=lambda code: (code not in XTREME_LANGUAGES, code))


def languages_of(args: argparse.Namespace) -> tuple[str, tuple[str, ...]]:
    """Source language and all languages of ``args.raw``, those of ``--languages`` or all with a file; UserError for a
    missing folder or one without the source language."""
    source = check_language(args.source_language, "--source-language")
    if not os.path.isdir(args.raw):
        raise UserError(
            f"RAW: {args.raw} is no folder; give the folder that holds train-{source}.tsv, dev-XX.tsv and test-XX.tsv"
        )
    if args.languages:
        languages = parse_languages(args.languages, "--languages")
    else:
        languages = tuple(discover(args.raw, source=source))
    if source not in languages:
        raise UserError(
            f"{args.raw}: no file of the source language (train-{source}.tsv, dev-{source}.tsv or test-{source}.tsv) "
            f"among {', '.join(languages) or 'the files there'}; correct RAW, --languages or --source-language"
        )
    return source, languages


def find_role(args: argparse.Namespace, role: str, patterns: tuple[str, ...], lang: str, dataset: str) -> str | None:
    """File of one language and role: named by the option (missing: UserError), else found, else None."""
    option = flag(role)
    pattern = getattr(args, role)
    if pattern == "none":
        return None
    names = {"lang": lang, "source": args.source_language, "dataset": dataset}
    if pattern is not None:
        if "{lang}" not in pattern:
            raise UserError(f"{option}: the pattern '{pattern}' has no {{lang}}; write for example raw/en-{{lang}}.tsv")
        wanted = fill(pattern, names)
        path = find_file(wanted)
        if path is None and lang != args.source_language:
            raise UserError(f"{option}: {wanted} does not exist; provide it, or leave {lang} out of --languages")
        return path
    for candidate in patterns:
        path = find_file(os.path.join(args.raw, fill(candidate, names)))
        if path is not None:
            return path
    return None


def fill(pattern: str, names: dict[str, str]) -> str:
    for key, value in names.items():
        pattern = pattern.replace("{" + key + "}", value)
    return pattern
