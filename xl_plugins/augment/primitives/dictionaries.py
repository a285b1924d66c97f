"""Bilingual dictionaries in the format of MUSE: files ``en-de.txt``, one ``source target`` per line."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Union

from xl_plugins.errors import UserError
from xl_plugins.formats.languages import is_language
from xl_plugins.formats.odd_lines import OddLines
from xl_plugins.formats.text import read_lines

logger = logging.getLogger(__name__)

ALL = "all"
Table = dict[str, Union[str, list[str]]]  # source word -> its translation, or all of them in the order of the file
_HEADERS = (("source", "target"), ("word", "translation"), ("src", "tgt"))


def load_dictionaries(
    folder: str, source: str, languages: str = ALL, option: str = "--cs-dictionaries"
) -> dict[str, Table]:
    """Read ``<source>-<language>.txt`` (or ``.txt.gz``) of the languages asked for.

    Args:
        folder: where the files lie.
        source: language of the words to be replaced, such as ``en``.
        option: what messages call the folder.
        languages: ``all`` files there, or codes separated by commas; one without a file is left out with a warning.

    Returns:
        language -> source word -> translation (a string if there is only one), duplicates kept.
    """
    expected = (
        f"expected a folder with files such as {source}-de.txt, one '{source} word<tab or blank>translation' per line"
    )
    asking = option.replace("dictionaries", "languages")  # the option that names languages
    if not folder:
        raise UserError(f"{option} is missing: {expected}")
    if not Path(folder).is_dir():
        raise UserError(f"{option} {folder}: no such folder; {expected}")
    files = dictionary_files(Path(folder), source)
    wanted = sorted(files) if languages == ALL else list(dict.fromkeys(re.split(r"[,\s]+", languages.strip(", \t"))))
    if wanted == [""]:
        raise UserError(f"{asking} is empty: expected 'all' or language codes separated by commas")
    missing = [language for language in wanted if language not in files]
    if missing:
        names = ", ".join(f"{source}-{x}" for x in missing)
        logger.warning("%s: %s has no dictionary for %s; left out", asking, folder, names)
    words: dict[str, str] = {}  # the same source word in all languages is kept once
    tables = {
        language: _read(files[language], (source.casefold(), language.casefold()), words)
        for language in wanted
        if language in files
    }
    if not tables:
        there = f"it has {', '.join(sorted(files))}" if files else "it has none"
        raise UserError(
            f"{option} {folder}: no dictionary from {source} into {', '.join(missing) or 'any language'} "
            f"({there}); {expected}"
        )
    return tables


def dictionary_files(folder: Path, source: str) -> dict[str, Path]:
    """language -> file; MUSE's train and test parts (``en-de.0-5000.txt``) do not count, text goes before gzip.

    What stands behind ``source-`` must be a code as a whole: ``en-zh-CN.txt`` is into zh-CN, and ``zh-CN-en.txt`` is
    not one of zh. Where a region in small letters could be a language (``pt-br-en.txt``), ``pt_br-en.txt`` says which.
    """
    pattern = re.compile(rf"{re.escape(source)}-([A-Za-z0-9_-]+)(\.txt|\.txt\.gz)")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):  # en-de.txt comes before en-de.txt.gz
        match = pattern.fullmatch(path.name)
        if match and is_language(match[1]):
            found.setdefault(match[1], path)
    return found


def _read(path: Path, codes: tuple[str, str], words: dict[str, str]) -> Table:
    """Entries of one file. Lines that are none are left out with a warning; a file of such lines is an error."""
    table: Table = {}
    lines, odd = read_lines(path), OddLines(path)
    for number, line in enumerate(lines, 1):
        source, target, reason = _fields(line)
        if not reason and number == 1 and (source.casefold(), target.casefold()) in {codes, *_HEADERS}:
            reason = "a header"
        if reason:
            odd.add(number, line, reason)
            continue
        source = words.setdefault(source, source)
        if target == source:
            target = source
        known = table.get(source)
        if known is None:
            table[source] = target
        elif isinstance(known, str):
            table[source] = [known, target]
        else:
            known.append(target)
    odd.report(len(lines), "two fields per line, a word and its translation, separated by a tab or one blank")
    return table


def _fields(line: str) -> tuple[str, str, str]:
    """Source and target of a line, and why it is no entry; phrases need the tab."""
    if not line.strip():
        return "", "", "empty"
    if "\t" in line:
        fields = [field.strip(" ") for field in line.split("\t")]
        while len(fields) > 2 and not fields[-1]:
            fields.pop()
        if len(fields) > 2:
            return "", "", f"{len(fields)} columns"
        return (*fields, "") if all(fields) else ("", "", "one field alone")  # type: ignore[return-value]
    source, _, target = line.partition(" ")
    if " " in target.strip() and source:
        return "", "", "more than two words without a tab"
    if not source or not target or target != target.strip():
        return "", "", "one field alone" if not target.strip() or not source else "more than one blank"
    return source, target, ""
