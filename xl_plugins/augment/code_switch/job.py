"""Code-switched copies of a training text as files: a pool of co-training that no language model is needed for."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...data.binary.digest import file_digest
from ...data.binary.layout import DataBin
from ...data.binary.manifest import fingerprint
from ..generation.examples import ExamplesJob
from ..generation.files import Examples, Kind
from ..generation.job import Progress
from ..generation.texts import LanguageTexts
from ..primitives.code_switch import CodeSwitch
from ..primitives.dictionaries import dictionary_files, load_dictionaries
from ..primitives.words import WordPieces
from .options import NAME, SwitchOptions
from .texts import SwitchedTexts, lines, summary

KIND = Kind(NAME, "code-switched texts", "options, text or dictionaries")
_BLOCK = 1024  # rows in memory at once; what shards share out and resumed runs skip
_VERSION = 1  # to be raised whenever the same input gives other texts


class CodeSwitchJob(ExamplesJob[SwitchedTexts]):
    """The code-switched copies of the training text of the source language.

    Args:
        dictionaries: folder of ``en-de.txt`` and so on; name: of the folder below that of the language.
    """

    def __init__(self, data: DataBin, dictionaries: str, options: SwitchOptions, name: str = "") -> None:
        language, self.options = data.source_language, options
        self.texts = LanguageTexts(data, language, KIND.what, "or give another --source-language")
        self.pieces = WordPieces.of(data)
        self.tables = load_dictionaries(dictionaries, language, options.languages, "--dictionaries")
        files = dictionary_files(Path(dictionaries), language)
        self.files = {language: files[language] for language in self.tables}
        super().__init__(KIND, data, self.texts, name, _BLOCK)

    @cached_property
    def dictionaries(self) -> dict[str, dict[str, str]]:
        """Name and digest of every file."""
        return {
            language: {"file": path.name, "sha256": file_digest(str(path))} for language, path in self.files.items()
        }

    @cached_property
    def digests(self) -> dict[str, str]:
        """Digests of what the copies are made of, dictionaries apart."""
        return {
            "dictionary_sha256": self.data.dictionary_digest,
            "sentencepiece_sha256": file_digest(self.pieces.spm_path),
            "text_sha256": self.texts.digest,
        }

    @cached_property
    def mark(self) -> str:
        listed = [(language, entry["sha256"]) for language, entry in self.dictionaries.items()]
        described = sorted(self.options.describe(self.tables).items())
        return fingerprint(KIND.name, _VERSION, self.language, sorted(self.digests.items()), listed, described)

    def maker(self) -> SwitchedTexts:
        """Makes the copies."""
        options = self.options
        switch = CodeSwitch(
            self.pieces, self.tables, options.ratio, options.choice, options.lower, options.sentence_ratio
        )
        return SwitchedTexts(self.texts, self.pieces, switch, options)

    def examples(
        self, engine: SwitchedTexts, rows: np.ndarray, progress: Progress | None = None
    ) -> tuple[Examples, Counter[str]]:
        counts: Counter[str] = Counter()
        made = engine.make(rows.tolist(), counts)
        if progress is not None:
            progress(len(rows))
        return made, counts

    def lines(self, counts: Counter[str]) -> list[str]:
        return lines(self.language, counts)

    def why_none(self, counts: Counter[str]) -> str:
        return (
            f"--ratio {self.options.ratio}: no text changed with the dictionaries of {', '.join(self.tables)}; give"
            " dictionaries with words of the text, or a higher ratio"
        )

    def manifest(self, counts: Counter[str]) -> dict[str, Any]:
        return {
            "kind": KIND.name, "version": _VERSION, "fingerprint": self.mark, "split": "train",
            "language": self.language, "fields": list(self.texts.fields), "dictionaries": self.dictionaries,
            **self.digests, "parents": len(self.texts), "options": self.options.describe(self.tables),
            "seed": self.options.seed, "counts": summary(counts),
        }  # fmt: skip
