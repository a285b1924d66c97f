"""The base of the writers of ``xl-prepare``: how units of a plan become files, and what must agree between units."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import Any, Callable, ClassVar, Generic, Protocol, TypeVar

from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.formats.examples.plan import Plan, Unit

Told = Callable[[int], None]  # bytes of the unit's files read so far


class RowsLike(Protocol):
    """The facts that are remembered of a unit's rows: numpy arrays named in ``ARRAYS``, and counts for the summary."""

    ARRAYS: ClassVar[tuple[str, ...]]
    stats: dict[str, Any]

    def __len__(self) -> int:
        """Number of rows."""


P = TypeVar("P", bound=Plan)
R = TypeVar("R", bound=RowsLike)


class UnitWriter(ABC, Generic[P, R]):
    """Writes the units of ``plan`` below the folder ``root``; one subclass per problem.

    ``rows`` holds what is remembered of the units finished so far, as far as others refer to them.
    """

    rows_type: ClassVar[type]
    columns: ClassVar[tuple[str, ...]]  # of the summary, after language, split and text

    def __init__(self, plan: P, encoder: PieceEncoder, root: str) -> None:
        self.plan, self.encoder, self.root = plan, encoder, root
        self.rows: dict[Unit, R] = {}
        self.unlabelled: dict[str, list[str]] = {}

    def name(self, unit: Unit) -> str:
        return unit.name(self.plan.source_language)

    def folder(self, unit: Unit) -> str:
        return os.path.join(self.root, unit.folder(self.plan.source_language))

    def prefix(self, unit: Unit, field: str) -> str:
        """Path without suffix of one field; its folder is made."""
        folder = os.path.join(self.folder(unit), field)
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, unit.split)

    def find(self, language: str, split: str) -> Unit | None:
        """The unit with a language's own texts."""
        return next((u for u in self.plan.units if (u.language, u.split, u.view) == (language, split, False)), None)

    def remembered(self, language: str, split: str) -> R | None:
        """Rows of a language's own texts, once they are written."""
        unit = self.find(language, split)
        return self.rows.get(unit) if unit else None

    def reference(self, unit: Unit) -> Unit | None:
        """The unit to match: the source's for training, the own text for a view, none for a pool."""
        if unit.pool:
            return None
        found = self.find(self.plan.source_language, "train") if unit.split == "train" else None
        if found is None and unit.view:
            found = self.find(unit.language, unit.split)
        return None if found is unit else found

    def prepare(self) -> None:
        """Work over all units before the first is written (joins by id)."""

    def describe(self, unit: Unit) -> tuple[Any, ...]:
        """The options that decide a unit's bytes besides its source, the tokenizer and the dictionary."""
        return (self.plan.labels,)

    @abstractmethod
    def write(self, unit: Unit, reference: Unit | None, told: Told) -> R:
        """Write one unit and return what is to be remembered; UserError names file and line of a mistake."""

    @abstractmethod
    def outputs(self, unit: Unit) -> list[str]:
        """The files that ``write`` made for ``unit``."""

    @abstractmethod
    def check(self, unit: Unit, rows: R, reference: Unit | None) -> list[str]:
        """Compare with other units, warnings returned; repeated for units of an earlier run."""

    def finish(self) -> dict[str, Any]:
        """Write what belongs to no unit; returns this problem's entries of ``meta.json``."""
        labels = self.plan.labels
        if labels:
            os.makedirs(os.path.join(self.root, "label"), exist_ok=True)
            with open(os.path.join(self.root, "label", "dict.txt"), "w", encoding="utf-8") as file:
                file.writelines(f"{label} 1\n" for label in labels)
        pools = sorted(unit.language for unit in self.plan.units if unit.pool)
        return {"labels": list(labels), "unlabelled": self.unlabelled, **({"pools": pools} if pools else {})}

    def notes(self) -> list[str]:
        """Lines to be printed when all is done."""
        return []

    @staticmethod
    @abstractmethod
    def summary(stats: dict[str, int]) -> list[str]:
        """Cells of the summary under ``columns``."""


def indexed_files(*prefixes: str) -> list[str]:
    """The two files behind each prefix."""
    return [prefix + suffix for prefix in prefixes for suffix in (".bin", ".idx")]


def mark_unlabelled(found: dict[str, list[str]], unit: Unit) -> None:
    found.setdefault(unit.language, []).append(unit.split)
