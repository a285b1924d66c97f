"""Long offline work that leaves files: the blocks it is cut into may be shared out, lost by a kill, and done later."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from ...data.binary.blocks import BlockStore
from ...data.binary.layout import DataBin

Progress = Callable[[int], object]
Block = tuple[Mapping[str, np.ndarray], Mapping[str, Any]]  # arrays, and statistics that JSON can hold
Output = TypeVar("Output")  # what one folder or file is made for: a language, with what belongs to it
Engine = TypeVar("Engine")  # what computes: a model with its rules, or dictionaries
Counts = TypeVar("Counts")  # what people are told in the end


class Job(ABC, Generic[Output, Engine, Counts]):
    """Outputs that one set of blocks serves. The bytes are the same whoever did which block, and when.

    data: the folder that the outputs lie in; command: as the user types it; label, unit: of the progress bar; title: in
    front of messages where a command has several jobs.
    """

    data: DataBin
    command: str
    label: str
    unit: str
    title = ""
    outputs: Sequence[Output]

    # -- what is already there --

    @abstractmethod
    def pending(self, overwrite: bool = False) -> list[Output]:
        """Outputs to be made; UserError if something else is in the place of one."""

    @abstractmethod
    def place(self, output: Output) -> tuple[str, Path]:
        """Language and path of an output."""

    @abstractmethod
    def store(self, outputs: Sequence[Output]) -> BlockStore:
        """Finished blocks for these outputs."""

    def missing(self, store: BlockStore, blocks: Iterable[int]) -> list[int]:
        """Those of some blocks that are still to be done."""
        return store.missing(blocks)

    @abstractmethod
    def clear(self) -> None:
        """Remove the blocks of finished outputs, which a killed process left."""

    def reserve(self) -> AbstractContextManager[object]:
        """Keep others from the outputs while this process alone does the job and writes them."""
        return nullcontext()

    # -- work --

    @abstractmethod
    def size(self, blocks: Iterable[int]) -> int:
        """Units in some blocks."""

    @abstractmethod
    def make(self, engine: Engine, block: int, progress: Progress | None = None) -> Block:
        """Compute a block; ``progress`` is told the units."""

    def compute(
        self, engine: Engine, store: BlockStore, blocks: Iterable[int], progress: Progress | None = None
    ) -> None:
        """Do and store some blocks."""
        for block in blocks:
            store.write(block, *self.make(engine, block, progress))

    @abstractmethod
    def write(self, store: BlockStore, outputs: Sequence[Output]) -> Counts:
        """Write the files of these outputs from finished blocks."""

    def merge(self, store: BlockStore, outputs: Sequence[Output]) -> Counts:
        """Write the files from finished blocks, which go then; returns the counts."""
        with store.lock("merge"):
            counts = self.write(store, outputs)
        store.remove()
        return counts

    @abstractmethod
    def lines(self, counts: Counts) -> list[str]:
        """The counts for people."""

    def finished(self, counts: Counts, outputs: Sequence[Output]) -> list[str]:
        """Lines for people about outputs that were written."""
        return [*self.lines(counts), *("{}: {}".format(*self.place(output)) for output in outputs)]
