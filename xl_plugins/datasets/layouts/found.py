"""Files of a folder by their names: ``train-de.tsv`` as XTREME names them, or ``de/train.tsv``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from xl_plugins.errors import UserError
from xl_plugins.formats.languages import is_language
from xl_plugins.formats.packing import PACKED, stem

_KINDS = ("tsv", "csv", "jsonl", "json", "parquet", "txt")
_STEMS = {"train": ("train",), "valid": ("dev", "valid", "validation"), "test": ("test",)}
# folder of the translations -> the role of its files, whose names are SOURCE-LANG or LANG-SOURCE
_FOLDERS = {
    "translate-train": "train", "back-translation": "back-translation", "translate-dev": "translate-dev",
    "translate-test": "translate-test",
}  # fmt: skip


def find_files(folder: str, source: str, languages: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """Files of a folder by role and language.

    Args:
        source: the source language, whose name translations carry; languages: these and no others (default: all).

    Raises:
        UserError: no such folder, nothing in it that is so named, or two files for one place.
    """
    if not os.path.isdir(folder):
        raise UserError(f"--folder {folder}: no such folder")
    found: dict[str, dict[str, str]] = {}
    for role, language, path in sorted(_named(folder, source)):
        if languages and language not in languages:
            continue
        other = found.setdefault(role, {}).setdefault(language, path)
        if other != path:
            raise UserError(f"--folder: {other} and {path} are both {role} of {language}; remove one of them")
    if not found:
        raise UserError(
            f"--folder {folder}: no file is named like train-{source}.tsv, dev-de.csv, test-de.jsonl or de/test.tsv"
            f"{' of ' + ', '.join(languages) if languages else ''}; rename them, or use --train, --valid, --test"
        )
    return found


def _named(folder: str, source: str) -> list[tuple[str, str, str]]:
    """Role, language and path of every file whose name says them."""
    named = []
    for path in _paths(folder):
        inner, _, name = os.path.relpath(path, folder).rpartition(os.sep)
        bare = os.path.splitext(stem(name))[0]
        if inner in _FOLDERS:
            parts = re.fullmatch(rf"(?:{re.escape(source)}-)?(.+?)(?:-{re.escape(source)})?", bare)
            if parts and is_language(parts.group(1)):
                named.append((_FOLDERS[inner], parts.group(1), path))
            continue
        for role, stems in _STEMS.items():
            split, _, language = bare.partition("-")
            if not inner and split in stems and is_language(language):
                named.append((role, language, path))
            elif is_language(inner) and bare in stems:
                named.append((role, inner, path))
    return named


def _paths(folder: str) -> list[str]:
    """Tables in the folder and in those directly below it."""
    kind = re.compile(rf".+\.(?:{'|'.join(_KINDS)}){PACKED}")
    places = [folder, *(entry.path for entry in os.scandir(folder) if entry.is_dir())]
    return [
        entry.path for place in places for entry in os.scandir(place) if entry.is_file() and kind.fullmatch(entry.name)
    ]
