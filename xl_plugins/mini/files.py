"""The common part of the writers of all problems: options, random streams, splits and text files."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Iterable

from xl_plugins.mini.lexicon import SOURCE
from xl_plugins.mini.meaning import Clause

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Options:
    """Sizes in rows per file. ``noise``: probability that machine translation spoils a word."""

    languages: tuple[str, ...]
    train: int
    dev: int
    test: int
    unlabelled: int
    seed: int = 1
    noise: float = 0.1

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(code for code in self.languages if code != SOURCE)

    def rows(self, split: str) -> int:
        return int(getattr(self, split))


def stream(options: Options, *purpose: str) -> Random:
    """The random numbers of one purpose: a function of the seed and its name alone."""
    return Random("/".join((str(options.seed), *purpose)))


def split_of(clause: Clause) -> str:
    """The split whose rows may have ``clause`` as second sentence: a tenth each for dev and test.

    No second sentence therefore occurs in two splits, whatever the sizes.
    """
    said = (
        *clause.subject,
        clause.verb,
        *(clause.object or ()),
        clause.place,
        clause.time,
        clause.future,
        clause.negated,
    )
    place = zlib.crc32("/".join(map(str, said)).encode()) % 10
    return SPLITS[place] if place in (1, 2) else SPLITS[0]


def write_lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        handle.writelines(line + "\n" for line in lines)


def write_json(path: Path, content: Any) -> None:
    write_lines(path, [json.dumps(content, ensure_ascii=False)])
