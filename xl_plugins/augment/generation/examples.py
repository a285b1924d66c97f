"""Examples made of the training text of one language, as a job: blocks of rows, then files and a manifest."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...data.binary.blocks import BlockStore
from ...data.binary.layout import DataBin
from ...errors import UserError
from .files import Examples, Kind, write_examples
from .job import Block, Engine, Job, Progress
from .texts import LanguageTexts


class ExamplesJob(Job[str, Engine, "Counter[str]"]):
    """The text of a language, what is made of it, and the folder for that.

    Args:
        name: of the folder, if not that of the kind; rows: of a block.
    """

    unit = "row"

    def __init__(self, kind: Kind, data: DataBin, texts: LanguageTexts, name: str, rows: int) -> None:
        self.kind, self.data, self.source_texts, self.block_rows = kind, data, texts, rows
        self.language = self.title = texts.language
        self.outputs = (self.language,)
        self.command, self.label = kind.command, f"{kind.name} {self.language}"
        self.folder = kind.folder(data, self.language, name)

    @property
    @abstractmethod
    def mark(self) -> str:
        """Fingerprint of all that decides the examples."""

    @abstractmethod
    def examples(
        self, engine: Engine, rows: np.ndarray, progress: Progress | None = None
    ) -> tuple[Examples, Counter[str]]:
        """Examples of some rows, and counts, of which ``written`` is the number of examples."""

    @abstractmethod
    def manifest(self, counts: Counter[str]) -> dict[str, Any]:
        """How the examples came about."""

    @abstractmethod
    def why_none(self, counts: Counter[str]) -> str:
        """A line for people where no example could be made."""

    def pending(self, overwrite: bool = False) -> list[str]:
        left = self.kind.pending(self.folder, self.mark, self.source_texts.files, overwrite)
        return [self.language] if left else []

    def place(self, output: str) -> tuple[str, Path]:
        return output, self.folder

    def store(self, outputs: Sequence[str] = ()) -> BlockStore:
        folder = self.folder.with_name(f".{self.folder.name}.job-{self.mark[:16]}")
        return BlockStore(str(folder), self.mark, -(-len(self.source_texts) // self.block_rows), self.command)

    def clear(self) -> None:
        self.store().remove()

    def rows(self, block: int) -> np.ndarray:
        """Rows of a block."""
        return np.arange(block * self.block_rows, min((block + 1) * self.block_rows, len(self.source_texts)))

    def size(self, blocks: Iterable[int]) -> int:
        return sum(len(self.rows(block)) for block in blocks)

    def make(self, engine: Engine, block: int, progress: Progress | None = None) -> Block:
        examples, counts = self.examples(engine, self.rows(block), progress)
        return _packed(examples), counts

    def write(self, store: BlockStore, outputs: Sequence[str]) -> Counter[str]:
        counts: Counter[str] = Counter()
        for block in range(store.count):
            counts.update(store.read(block)[1])
        if counts["written"]:
            write_examples(
                self.folder, self.command, self.source_texts.files, len(self.data.dictionary), self._blocks(store),
                self.manifest(counts),
            )  # fmt: skip
        return counts

    def merge(self, store: BlockStore, outputs: Sequence[str]) -> Counter[str]:
        """Write the files from finished blocks; returns the counts. UserError if there is no example."""
        counts = super().merge(store, outputs)
        if not counts["written"]:
            raise UserError(self.why_none(counts))
        return counts

    def _blocks(self, store: BlockStore) -> Iterator[Examples]:
        for block in range(store.count):
            yield _unpacked(store.read(block)[0], len(self.source_texts.fields))


def _packed(examples: Examples) -> dict[str, np.ndarray]:
    """The samples as a block stores them."""
    arrays = {"parents": examples.parents}
    for field, (ids, sizes) in enumerate(examples.texts):
        arrays |= {f"ids{field}": ids, f"sizes{field}": sizes.astype(np.int32)}
    if examples.words is not None:
        arrays |= {"words": examples.words[0].astype(np.uint16), "word_counts": examples.words[1].astype(np.int32)}
    return arrays


def _unpacked(arrays: dict[str, np.ndarray], fields: int) -> Examples:
    words = (arrays["words"], arrays["word_counts"]) if "words" in arrays else None
    return Examples(arrays["parents"], [(arrays[f"ids{f}"], arrays[f"sizes{f}"]) for f in range(fields)], words)
