"""The base of the writers of ``xl-prepare``: how parts of a plan become files, and what must agree between parts."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import Any, Callable, ClassVar, Generic, Protocol, TypeVar

from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.formats.examples.plan import Part, Plan

Told = Callable[[int], None]  # bytes of the part's files read so far


class RowsLike(Protocol):
    """The facts that are remembered of a part's rows: numpy arrays named in ``ARRAYS``, and counts for the summary."""

    ARRAYS: ClassVar[tuple[str, ...]]
    stats: dict[str, Any]

    def __len__(self) -> int:
        """Number of rows."""


P = TypeVar("P", bound=Plan)
R = TypeVar("R", bound=RowsLike)


class PartWriter(ABC, Generic[P, R]):
    """Writes the parts of ``plan`` below the folder ``root``; one subclass per problem.

    ``rows`` holds what is remembered of the parts finished so far, as far as others refer to them.
    """

    rows_type: ClassVar[type]
    columns: ClassVar[tuple[str, ...]]  # of the summary, after language, split and text

    def __init__(self, plan: P, encoder: PieceEncoder, root: str) -> None:
        self.plan, self.encoder, self.root = plan, encoder, root
        self.rows: dict[Part, R] = {}
        self.unlabelled: dict[str, list[str]] = {}

    def name(self, part: Part) -> str:
        return part.name(self.plan.source_language)

    def folder(self, part: Part) -> str:
        return os.path.join(self.root, part.folder(self.plan.source_language))

    def prefix(self, part: Part, field: str) -> str:
        """Path without suffix of one field; its folder is made."""
        folder = os.path.join(self.folder(part), field)
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, part.split)

    def find(self, language: str, split: str) -> Part | None:
        """The part with a language's own texts."""
        return next(
            (u for u in self.plan.parts if (u.language, u.split, u.into_source) == (language, split, False)), None
        )

    def remembered(self, language: str, split: str) -> R | None:
        """Rows of a language's own texts, once they are written."""
        part = self.find(language, split)
        return self.rows.get(part) if part else None

    def reference(self, part: Part) -> Part | None:
        """The part to match: the source's for training, the own text for its translation, none for a pool."""
        if part.pool:
            return None
        found = self.find(self.plan.source_language, "train") if part.split == "train" else None
        if found is None and part.into_source:
            found = self.find(part.language, part.split)
        return None if found is part else found

    def prepare(self) -> None:
        """Work over all parts before the first is written (joins by id)."""

    def describe(self, part: Part) -> tuple[Any, ...]:
        """The options that decide a part's bytes besides its source, the tokenizer and the dictionary."""
        return (self.plan.labels,)

    @abstractmethod
    def write(self, part: Part, reference: Part | None, told: Told) -> R:
        """Write one part and return what is to be remembered; UserError names file and line of a mistake."""

    @abstractmethod
    def outputs(self, part: Part) -> list[str]:
        """The files that ``write`` made for ``part``."""

    @abstractmethod
    def check(self, part: Part, rows: R, reference: Part | None) -> list[str]:
        """Compare with other parts, warnings returned; repeated for parts of an earlier run."""

    def finish(self) -> dict[str, Any]:
        """Write what belongs to no part; returns this problem's entries of ``meta.json``."""
        labels = self.plan.labels
        if labels:
            os.makedirs(os.path.join(self.root, "label"), exist_ok=True)
            with open(os.path.join(self.root, "label", "dict.txt"), "w", encoding="utf-8") as file:
                file.writelines(f"{label} 1\n" for label in labels)
        pools = sorted(part.language for part in self.plan.parts if part.pool)
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


def mark_unlabelled(found: dict[str, list[str]], part: Part) -> None:
    found.setdefault(part.language, []).append(part.split)
