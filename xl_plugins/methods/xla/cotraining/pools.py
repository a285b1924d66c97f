"""The texts that co-training labels and trains on: source, unlabelled target, generated ones (XLA, ACL 2021)."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import UserError
from ....functional.selection import subsample
from .parents import PARENTS, read_parents
from .plan import (
    SOURCE,
    SOURCE_VIRTUAL,
    TARGET,
    TARGET_VIRTUAL,
)

logger = logging.getLogger(__name__)
_CHUNK = 1 << 24
_TEXT = ("input0", "input1", "words")  # fields of a text


@dataclass
class Pool:
    """Units that may be trained on.

    name: as in ``--xla-datasets``; folder: below the data folder; part: the units, without gold labels unless the pool
    is the labelled source; rows: of the folder's file that they are, None for all; gold: labels of all units one after
    the other, for the log alone (the labelled source's are for training).
    """

    name: str
    folder: str
    part: Any
    problem: Any
    rows: np.ndarray | None = None
    gold: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.part)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Labels of each unit: (N,)."""
        return self.problem.label_counts(self.part)

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each unit's labels start among all: (N,)."""
        return np.cumsum(self.sizes) - self.sizes

    @cached_property
    def dataset(self) -> Any:
        """The units as a data set for labelling: ids are their numbers."""
        return self.problem.build_dataset([self.part], shuffle=False)

    def row(self, unit: int) -> int:
        """Row of the file, from 1."""
        return (unit if self.rows is None else int(self.rows[unit])) + 1

    @cached_property
    def checksum(self) -> int:
        """Digests of texts, the labels' places, the rows taken of them, and labels where they are trained on."""
        value = zlib.crc32(self.sizes.tobytes())
        if self.rows is not None:
            value = zlib.crc32(self.rows.tobytes(), value)
        for field in _TEXT if self.name != SOURCE else (*_TEXT, "label"):
            path = self.problem.data.root / self.folder / field / "train.bin"
            value = _crc(path, value) if path.is_file() else value
        return value


def _crc(path: Path, value: int) -> int:
    with open(path, "rb") as file:
        while block := file.read(_CHUNK):
            value = zlib.crc32(block, value)
    return value


@dataclass(frozen=True)
class PoolOptions:
    """Which pools, and what share of the languages' texts (XLA, section 4.1: 100 % or 5 %)."""

    target: str
    virtual: str = "vicinity"
    source_percent: str = "100"
    target_percent: str = "100"
    source_seed: int = 1
    target_seed: int = 2
    disjoint: bool = False


class Pools(Mapping[str, Pool]):
    """The pools of a run by name.

    Args:
        task: of co-training, with ``problem``, ``data_bin``, ``source_language`` and ``languages``.
        names: all that the stages train on.

    Raises:
        UserError: an unknown or missing pool, labels that the source lacks, virtual data that do not fit.
    """

    def __init__(self, task: Any, names: list[str], options: PoolOptions) -> None:
        self.task, self.problem, self.data = task, task.problem, task.data_bin
        self.source, self.options = task.source_language, options
        self.rows = self._subsets()
        self._pools = {name: self._open(name) for name in [SOURCE, *(n for n in names if n != SOURCE)]}

    def __getitem__(self, name: str) -> Pool:
        return self._pools[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pools)

    def __len__(self) -> int:
        return len(self._pools)

    def fingerprint(self) -> dict[str, list[int]]:
        """Sizes and checksums, by which a resumed run knows that nothing changed."""
        return {name: [len(pool), pool.checksum] for name, pool in self.items()}

    # -- sub-sampling --

    def _subsets(self) -> dict[str, np.ndarray | None]:
        """Rows of both languages that are used; None for all."""
        o = self.options
        counts = {language: self._count(language) for language in (self.source, o.target)}
        chosen: dict[str, np.ndarray | None] = {}
        for language, percent, seed in ((self.source, o.source_percent, o.source_seed),
                                        (o.target, o.target_percent, o.target_seed)):  # fmt: skip
            exclude = None
            if o.disjoint and language == o.target:
                taken = chosen[self.source]
                exclude = np.arange(counts[self.source]) if taken is None else taken
            whole = float(percent) == 100 and exclude is None
            try:
                chosen[language] = None if whole else subsample(counts[language], percent, seed, exclude)
            except ValueError as error:
                raise UserError(f"--xla-disjoint-subsets: {language}: {error}; take smaller shares") from None
        if o.source_seed == o.target_seed and len(set(counts.values())) == 1 and all(
            rows is not None for rows in chosen.values()
        ):  # fmt: skip
            logger.warning(
                "--xla-source-seed %d and --xla-target-seed %d draw the same rows of %s and %s, which are translations"
                " of each other if the files are parallel; give different seeds",
                o.source_seed, o.target_seed, self.source, o.target,
            )  # fmt: skip
        return chosen

    def _count(self, language: str) -> int:
        if not self.data.has(language, "train"):
            option = f"--xla-target {language}: " if language == self.options.target else ""
            raise UserError(
                f"{option}{self.data.prefix(language, 'input0', 'train')}.idx: missing; prepare the training text of"
                f" {language} (labels are not needed in the target language)"
            )
        return len(self.data.open_text(language, "input0", "train"))

    # -- opening --

    def folder(self, name: str) -> str:
        """Below the data folder."""
        o = self.options
        known = {
            SOURCE: self.source, TARGET: o.target, SOURCE_VIRTUAL: f"{self.source}/{o.virtual}",
            TARGET_VIRTUAL: f"{o.target}/{o.virtual}",
        }  # fmt: skip
        folder = known.get(name, name)
        if self.data.has(folder, "train") and ".." not in Path(folder).parts:
            return folder
        if name in (SOURCE_VIRTUAL, TARGET_VIRTUAL):
            named = "" if o.virtual == "vicinity" else f" --name {o.virtual}"
            raise UserError(
                f"--xla-datasets: pool {name} is {self.data.root / folder}, which does not exist; make it (xl-augment"
                f" vicinity {self.data.root} --languages {self.source},{o.target} --path xlmr.base/model.pt{named})"
            )
        raise UserError(
            f"--xla-datasets: unknown pool '{name}'; expected {', '.join(known)}, or a folder below {self.data.root}"
            " that holds input0/train, such as en/counterparts/de"
        )

    def _open(self, name: str) -> Pool:
        folder = self.folder(name)
        index = self.task.languages.index(self.source)  # of no consequence in training
        if name == SOURCE:
            part = self.problem.build_part(self.source, index, "train", paired=False)
            gold = self.problem.gold_labels(part)
            if gold is None:
                raise UserError(
                    f"{self.data.prefix(self.source, 'label', 'train')}.idx: missing; the source language needs labels"
                )
        else:
            part = self.problem.pool_part(folder, index)
            gold = self.problem.gold_labels(part)
            if gold is not None:
                logger.warning(
                    "%s has labels: they are not read for training, the log compares pseudo-labels with them",
                    self.data.root / folder,
                )
                if len(gold) != (count := int(self.problem.label_counts(part).sum())):
                    raise UserError(
                        f"{self.data.prefix(folder, 'label', 'train')}.idx: {len(gold)} labels of texts that have"
                        f" {count}; make them again, or remove them, only the source needs labels"
                    )
        rows = self._rows(name, folder, len(part))
        if rows is not None:
            sizes = self.problem.label_counts(part)
            every = np.zeros(int(sizes.sum()), np.int64) if gold is None else gold
            kept = every[np.repeat(np.isin(np.arange(len(sizes)), rows), sizes)]
            part, gold = self.problem.relabelled(part, rows, kept, sizes[rows]), None if gold is None else kept
        if rows is not None and not len(rows):
            which = "source" if folder.split("/")[0] == self.source else "target"
            share = getattr(self.options, f"{which}_percent")
            raise UserError(
                f"--xla-{which}-percent {share}: leaves no text of {self.data.root / folder}; take a larger share"
            )
        return Pool(name, folder, part, self.problem, rows, gold)

    def _rows(self, name: str, folder: str, count: int) -> np.ndarray | None:
        """Rows of a pool that belong to the sub-samples: generated texts go with the text they were made from."""
        language = folder.split("/")[0]
        chosen = self.rows.get(language)
        if folder == language:
            return chosen
        parents = read_parents(self.data, folder)
        if parents is None:  # as many rows as the language's own text, such as SALT's counterparts
            if chosen is not None and count != self._count(language):
                raise UserError(
                    f"{self.data.root / folder}: {count} texts and no {PARENTS}, so that a share of {language} cannot"
                    " be taken of them; use 100 %"
                )
            return chosen
        if len(parents) != count:
            raise UserError(
                f"{self.data.root / folder / PARENTS}: {len(parents)} rows for {count} texts; make the pool again"
            )
        return None if chosen is None else np.flatnonzero(np.isin(parents, chosen))
