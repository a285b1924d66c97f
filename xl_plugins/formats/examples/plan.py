"""Plans of what is binarised: a :class:`Part` per language and split, one more for its translations into the source
language, gathered in a :class:`Plan` by a reader."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from xl_plugins.formats.examples.benchmark import BenchmarkTask

SPLITS = ("train", "valid", "test")


class Source(Protocol):
    """The raw files of a part; hashable. What it yields is a matter between it and the writer of its problem."""

    @property
    def path(self) -> str:
        """The main file, named in messages."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All files whose bytes matter."""

    def describe(self) -> tuple[Any, ...]:
        """Everything besides the files' bytes that decides what is read."""

    def peek(self) -> object:
        """Look at the beginning: UserError for a mistake that shows there, before any work is done."""


@dataclass(frozen=True)
class Part:
    """The examples of one language and split; ``into_source``: their translations into the source language; ``pool``:
    training text without labels that is nobody's translation."""

    language: str
    split: str
    into_source: bool
    file: Any  # a Source; its type follows from the problem of the plan
    pool: bool = False

    def folder(self, source: str) -> str:
        """Folder below the data folder: ``de`` or ``de/en-view``."""
        return f"{self.language}/{source}-view" if self.into_source else self.language

    def name(self, source: str) -> str:
        return f"{self.folder(source)}/{self.split}"


@dataclass
class Plan:
    """All parts of a data set; the plan of a problem adds what its writer needs to know.

    ``labels`` are in the order of the model's outputs, empty for problems without labels.
    """

    dataset: str
    source_language: str
    labels: tuple[str, ...] = ()
    parts: list[Part] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    problem: ClassVar[str]

    @property
    def languages(self) -> list[str]:
        return sorted({part.language for part in self.parts})

    def ordered(self) -> list[Part]:
        """Parts in the order of work: split by split, the source language first, texts before translations."""
        return sorted(
            self.parts,
            key=lambda u: (SPLITS.index(u.split), u.language != self.source_language, u.language, u.into_source),
        )


class Reader(Protocol):
    """A module of this package that turns raw files into a plan; ``READERS`` in ``__init__`` lists them."""

    HELP: str
    EPILOG: str

    @property
    def BENCHMARK(self) -> BenchmarkTask | None:
        """How a public benchmark scores it; None for files of the user's own."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options that only this reader has, ``dest`` included."""

    def make_plan(self, args: argparse.Namespace) -> Plan:
        """Find the files and return the plan; UserError for a missing file or a wrong option."""
