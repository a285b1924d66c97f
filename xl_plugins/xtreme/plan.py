"""What is to be binarised: one :class:`Unit` per language, split and view, gathered in a :class:`Plan` by a reader."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from typing import Protocol

from xl_plugins.xtreme.table import PairFile

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Unit:
    """The pairs of one language and split; ``view`` marks their translation into the source language."""

    language: str
    split: str
    view: bool
    file: PairFile

    def folder(self, source: str) -> str:
        """Folder below the data folder: ``de`` or ``de/en-view``."""
        return f"{self.language}/{source}-view" if self.view else self.language

    def name(self, source: str) -> str:
        return f"{self.folder(source)}/{self.split}"


@dataclass
class Plan:
    """All units of a data set and how to read them.

    ``aliases`` maps spellings of labels to the ones in ``labels``. ``align``: units carry ids by which rows are joined.
    ``missing`` marks a text that could not be translated: such a training row is replaced by the source row.
    ``constant_is_placeholder``: a test file with one label throughout counts as unlabelled.
    """

    dataset: str
    source_language: str
    labels: tuple[str, ...]
    units: list[Unit]
    aliases: dict[str, str] = field(default_factory=dict)
    align: bool = False
    missing: str | None = None
    constant_is_placeholder: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def languages(self) -> list[str]:
        return sorted({unit.language for unit in self.units})

    def ordered(self) -> list[Unit]:
        """Units in the order of work: split by split, the source language first, texts before their views."""
        return sorted(
            self.units, key=lambda u: (SPLITS.index(u.split), u.language != self.source_language, u.language, u.view)
        )


class Reader(Protocol):
    """A module of this package that turns raw files into a plan; ``READERS`` in ``__init__`` lists them."""

    HELP: str
    EPILOG: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options that only this reader has, ``dest`` included."""

    def make_plan(self, args: argparse.Namespace) -> Plan:
        """Find the files and return the plan; UserError for a missing file or a wrong option."""
