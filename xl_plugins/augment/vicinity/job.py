"""Making the virtual examples of a language: blocks that may be shared out and resumed, then files and a manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...data.binary.blocks import BlockStore
from ...data.binary.digest import file_digest
from ...data.binary.layout import DataBin
from ...data.binary.manifest import fingerprint
from ...errors import UserError
from ...huggingface.cached import model_digest
from ..generation.files import Examples, Kind, write_examples
from ..primitives.piece_classes import PieceClasses
from ..primitives.words import WordPieces
from .examples import ExampleMaker
from .generator import Vicinity
from .mask_filler import MaskFiller
from .options import MAX_TOKENS, NAME, VicinityOptions
from .report import summary, why_none
from .texts import VicinityTexts

KIND = Kind(NAME, "virtual examples", "options, text or model")
COMMAND = KIND.command
BLOCK = 1024  # rows whose samples are batched together; what shards share out and resumed runs skip
_VERSION = 2  # to be raised whenever the same input gives other examples
Progress = Callable[[int], object]


@dataclass
class VicinitySource:
    """The common part of all languages of a data folder. ``precision``: of the arithmetic, which decides near ties."""

    data: DataBin
    options: VicinityOptions
    model_path: str
    precision: str = "fp32"
    name: str = KIND.name

    @cached_property
    def pieces(self) -> WordPieces:
        return WordPieces.of(self.data)

    @cached_property
    def classes(self) -> PieceClasses:
        return PieceClasses(self.data.dictionary)

    @cached_property
    def digests(self) -> tuple[str, str, str]:
        """Digests of dictionary, model and tokenizer."""
        return self.data.dictionary_digest, model_digest(self.model_path), file_digest(self.pieces.spm_path)

    def vicinity(self, model: Any, max_tokens: int | None = None) -> Vicinity:
        """The generator that replaces words with ``model``, which is in eval mode on its device."""
        filler = MaskFiller(model, self.classes, self.options.word_start_only)
        return Vicinity(
            filler, self.pieces, self.classes, self.options.slot == "word", int(model.args.max_positions),
            max_tokens or MAX_TOKENS,
        )  # fmt: skip


class VicinityJob:
    """The text of one language, and what is left to be done."""

    def __init__(self, source: VicinitySource, language: str) -> None:
        self.source, self.language, self.options = source, language, source.options
        self.texts = VicinityTexts(source.data, language, source.classes, self.options.slot)
        self.folder = KIND.folder(source.data, language, source.name)
        self.blocks = -(-len(self.texts) // BLOCK)

    @cached_property
    def short(self) -> float:
        """Share of the sentences with fewer than the minimum of words."""
        return self.texts.share_below(self.options.min_words)

    @cached_property
    def mark(self) -> str:
        """Fingerprint of all that decides the examples."""
        described = sorted(self.options.describe().items())
        return fingerprint(_VERSION, self.texts.digest, *self.source.digests, self.source.precision, described)

    def pending(self, overwrite: bool = False) -> bool:
        """Whether the examples are to be made; UserError if others, or other files, are in their place."""
        return KIND.pending(self.folder, self.mark, self.texts.files, overwrite)

    # -- work --

    def store(self) -> BlockStore:
        """Finished blocks."""
        folder = self.folder.with_name(f".{self.folder.name}.job-{self.mark[:16]}")
        return BlockStore(str(folder), self.mark, self.blocks, COMMAND)

    def rows(self, block: int) -> np.ndarray:
        return np.arange(block * BLOCK, min((block + 1) * BLOCK, len(self.texts)))

    def sample(self, count: int) -> np.ndarray:
        """``count`` rows at equal distances, or all."""
        return np.arange(len(self.texts)) if count >= len(self.texts) else np.arange(count) * len(self.texts) // count

    def maker(self, vicinity: Vicinity) -> ExampleMaker:
        return ExampleMaker(self.texts, self.options, vicinity)

    def compute(
        self, vicinity: Vicinity, store: BlockStore, blocks: Iterable[int], progress: Progress | None = None
    ) -> None:
        """Do and store some blocks; ``progress`` is told the rows."""
        maker = self.maker(vicinity)
        for block in blocks:
            rows = self.rows(block)
            examples, counts = maker.make(rows, progress)
            store.write(block, _arrays(examples), counts)

    def merge(self, store: BlockStore) -> Counter[str]:
        """Write the files from finished blocks; returns the counts. UserError if there is no example."""
        with store.lock("merge"):
            counts: Counter[str] = Counter()
            for block in range(store.count):
                counts.update(store.read(block)[1])
            types = len(self.source.data.dictionary)
            if counts["written"]:
                write_examples(
                    self.folder, COMMAND, self.texts.files, types, self._blocks(store), lambda: self.manifest(counts)
                )
        store.remove()
        if not counts["written"]:
            raise UserError(
                f"{self.folder}: no virtual example could be made of {len(self.texts)} rows: {why_none(counts)}"
            )
        return counts

    def _blocks(self, store: BlockStore) -> Iterator[Examples]:
        for block in range(store.count):
            yield _examples(store.read(block)[0], len(self.texts.fields))

    def manifest(self, counts: Counter[str]) -> dict[str, Any]:
        """How the examples came about."""
        dictionary, model, tokenizer = self.source.digests
        return {
            "kind": KIND.name, "version": _VERSION, "fingerprint": self.mark, "split": "train",
            "language": self.language, "fields": list(self.texts.fields), "problem": self.options.problem,
            "model": {"file": Path(self.source.model_path).name, "sha256": model, "precision": self.source.precision},
            "dictionary_sha256": dictionary, "sentencepiece_sha256": tokenizer, "text_sha256": self.texts.digest,
            "parents": len(self.texts), "options": self.options.describe(), "seed": self.options.seed,
            "counts": summary(counts),
        }  # fmt: skip


def _arrays(examples: Examples) -> dict[str, np.ndarray]:
    """The samples as a block stores them."""
    arrays = {"parents": examples.parents}
    for field, (ids, sizes) in enumerate(examples.texts):
        arrays |= {f"ids{field}": ids, f"sizes{field}": sizes.astype(np.int32)}
    if examples.words is not None:
        arrays |= {"words": examples.words[0].astype(np.uint16), "word_counts": examples.words[1].astype(np.int32)}
    return arrays


def _examples(arrays: dict[str, np.ndarray], fields: int) -> Examples:
    words = (arrays["words"], arrays["word_counts"]) if "words" in arrays else None
    return Examples(arrays["parents"], [(arrays[f"ids{f}"], arrays[f"sizes{f}"]) for f in range(fields)], words)
