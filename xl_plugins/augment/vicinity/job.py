"""Virtual examples of a language, and what decides them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...data.binary.digest import file_digest
from ...data.binary.layout import DataBin
from ...data.binary.manifest import fingerprint
from ...huggingface.cached import model_digest
from ..generation.examples import ExamplesJob
from ..generation.files import Examples, Kind
from ..generation.job import Progress
from ..primitives.piece_classes import PieceClasses
from ..primitives.words import WordPieces
from .examples import ExampleMaker
from .generator import Vicinity
from .mask_filler import MaskFiller
from .options import MAX_TOKENS, NAME, VicinityOptions
from .report import lines, summary, why_none
from .texts import VicinityTexts

KIND = Kind(NAME, "virtual examples", "options, text or model")
BLOCK = 1024  # rows whose samples are batched together; what shards share out and resumed runs skip
_VERSION = 2  # to be raised whenever the same input gives other examples


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


class VicinityJob(ExamplesJob[Vicinity]):
    """The virtual examples of one language."""

    def __init__(self, source: VicinitySource, language: str) -> None:
        self.source, self.options = source, source.options
        self.texts = VicinityTexts(source.data, language, source.classes, self.options.slot)
        super().__init__(KIND, source.data, self.texts, source.name, BLOCK)

    @cached_property
    def short(self) -> float:
        """Share of the sentences with fewer than the minimum of words."""
        return self.texts.share_below(self.options.min_words)

    @cached_property
    def mark(self) -> str:
        described = sorted(self.options.describe().items())
        return fingerprint(_VERSION, self.texts.digest, *self.source.digests, self.source.precision, described)

    def sample(self, count: int) -> np.ndarray:
        """``count`` rows at equal distances, or all."""
        return np.arange(len(self.texts)) if count >= len(self.texts) else np.arange(count) * len(self.texts) // count

    def examples(
        self, engine: Vicinity, rows: np.ndarray, progress: Progress | None = None
    ) -> tuple[Examples, Counter[str]]:
        return ExampleMaker(self.texts, self.options, engine).make(rows, progress)

    def lines(self, counts: Counter[str]) -> list[str]:
        return lines(self.language, counts)

    def why_none(self, counts: Counter[str]) -> str:
        return f"{self.folder}: no virtual example could be made of {len(self.texts)} rows: {why_none(counts)}"

    def manifest(self, counts: Counter[str]) -> dict[str, Any]:
        dictionary, model, tokenizer = self.source.digests
        return {
            "kind": KIND.name, "version": _VERSION, "fingerprint": self.mark, "split": "train",
            "language": self.language, "fields": list(self.texts.fields), "problem": self.options.problem,
            "model": {"file": Path(self.source.model_path).name, "sha256": model, "precision": self.source.precision},
            "dictionary_sha256": dictionary, "sentencepiece_sha256": tokenizer, "text_sha256": self.texts.digest,
            "parents": len(self.texts), "options": self.options.describe(), "seed": self.options.seed,
            "counts": summary(counts),
        }  # fmt: skip
