"""Word lists by descending frequency: the languages' vocabularies of SALT (Findings of ACL 2023), section 2.3.

One word per line, plain or gzip; a second column such as a count is ignored.
"""

from __future__ import annotations

import glob
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from xl_plugins.data.binary.digest import file_digest
from xl_plugins.errors import UserError
from xl_plugins.formats.odd_lines import OddLines
from xl_plugins.formats.text import read_lines
from xl_plugins.ranges import POSITIVE

PLACE = "{lang}"
_SUFFIXES = ("", ".gz")
_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?%?")
_SHOWN = 12  # names in a message
_TOP_K = POSITIVE.said("the number of lines that count, at least 1")


@dataclass(frozen=True)
class WordList:
    """The words of one language.

    Attributes:
        path: file that was read.
        sha256: of that file, in hexadecimal.
        words: in the order of the file, NFKC, none twice.
        skipped: reason -> number of lines that gave no word: ``empty``, ``comment``, ``phrase`` (white space inside),
            ``no letter``, ``repeated``; reasons without a line are left out.
        lines: number of lines that counted, at most top-k; ``len(words) + sum(skipped.values())``.
    """

    path: str
    sha256: str
    words: list[str]
    skipped: dict[str, int]
    lines: int


def find_word_list(where: str, language: str, option: str = "--word-lists") -> Path:
    """File of one language.

    Args:
        where: a folder that holds ``fr.txt`` (or ``fr.txt.gz``), or a path with ``{lang}`` for the language's code; the
            file of a path may end in ``.gz`` too.
        language: code such as ``fr``.
        option: what a message calls ``where``.
    """
    expected = f"expected a folder with files such as {language}.txt, or a path that holds {PLACE}"
    if not where:
        raise UserError(f"{option} is missing: {expected}, each file one word per line, the most frequent first")
    pattern = where if PLACE in where else os.path.join(where, f"{PLACE}.txt")
    if pattern is not where and not Path(where).is_dir():
        what = "is a file" if Path(where).exists() else "no such folder"
        raise UserError(f"{option} {where}: {what}; {expected}")
    path = pattern.replace(PLACE, language)
    for suffix in _SUFFIXES:
        if Path(path + suffix).is_file():
            return Path(path + suffix)
    raise UserError(
        f"{option} {where}: no word list for {language}: neither {path} nor {path}.gz is there ({_there(pattern)}); "
        "add the file (one word per line, the most frequent first) or leave the language out"
    )


def read_word_list(path: str | Path, top_k: int, option: str = "--top-k") -> WordList:
    """Words of the first ``top_k`` lines of a file. ``option``: what a message calls ``top_k``."""
    _TOP_K.check(option, top_k)
    lines = read_lines(Path(path))[:top_k]
    words: dict[str, None] = {}
    odd = OddLines(path)
    for number, line in enumerate(lines, 1):
        word = _word(line)
        reason = _reason(word) or ("repeated" if word in words else "")
        if reason:
            odd.add(number, line, reason)
        else:
            words[word] = None
    if not words:
        found = ", ".join(f"{count} {reason}" for reason, count in odd.counts.items()) or "the file is empty"
        raise UserError(f"{path}: no words ({found}); expected one word per line, the most frequent first")
    odd.report(len(lines), "one word per line, the most frequent first")
    return WordList(str(path), file_digest(str(path)), list(words), dict(odd.counts), len(lines))


def _word(line: str) -> str:
    """First column of a line, NFKC; columns are separated by a tab, or by a blank before a number."""
    line = line.replace("\ufeff", "").strip()
    if "\t" in line:
        line = line.partition("\t")[0]
    else:
        fields = line.split()
        if len(fields) == 2 and _NUMBER.fullmatch(fields[1]):
            line = fields[0]
    return unicodedata.normalize("NFKC", line).strip()


def _reason(word: str) -> str:
    """Why a line gives no word; empty if it gives one."""
    if not word:
        return "empty"
    if word.startswith("#"):
        return "comment"
    if len(word.split()) > 1:
        return "phrase"
    return "" if any(map(str.isalpha, word)) else "no letter"


def _there(pattern: str) -> str:
    """A hint at what there is instead of the file looked for: lists of other languages, or files of the folder."""
    start, *rest = pattern.split(PLACE)
    match = re.compile(re.escape(start) + "(?P<code>[^/]+?)" + "(?P=code)".join(map(re.escape, rest)) + r"(?:\.gz)?")
    paths = sorted(glob.glob("*".join(map(glob.escape, (start, *rest))) + "*"))
    languages = list(dict.fromkeys(found[1] for found in map(match.fullmatch, paths) if found))
    if languages:
        return f"there are lists for {_some(languages)}"
    folder = os.path.dirname(start) or "."
    if not Path(folder).is_dir():
        return f"there is no folder {folder}"
    return f"{folder} holds {_some(sorted(os.listdir(folder))) or 'nothing'}"


def _some(names: list[str]) -> str:
    """The first names, separated by commas."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
