"""Code-switched copies of a training text as files: a pool of co-training that no language model is needed for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from ...data.binary.digest import file_digest
from ...data.binary.layout import DataBin
from ...data.binary.manifest import fingerprint
from ...errors import UserError
from ..generation.files import Examples, Kind, write_examples
from ..generation.texts import LanguageTexts
from ..primitives.code_switch import CodeSwitch
from ..primitives.dictionaries import dictionary_files, load_dictionaries
from ..primitives.words import WordPieces
from .options import NAME, SwitchOptions
from .texts import SwitchedTexts, summary

KIND = Kind(NAME, "code-switched texts", "options, text or dictionaries")
_BLOCK = 1024  # rows in memory at once
_VERSION = 1  # to be raised whenever the same input gives other texts
Progress = Callable[[int], object]


class CodeSwitchJob:
    """The training text of the source language, the dictionaries, and the folder of the copies.

    Args:
        dictionaries: folder of ``en-de.txt`` and so on; name: of the folder below that of the language.
    """

    def __init__(self, data: DataBin, dictionaries: str, options: SwitchOptions, name: str = "") -> None:
        self.data, self.language, self.options = data, data.source_language, options
        self.texts = LanguageTexts(data, self.language, KIND.what, "or give another --source-language")
        self.pieces = WordPieces.of(data)
        self.tables = load_dictionaries(dictionaries, self.language, options.languages, "--dictionaries")
        files = dictionary_files(Path(dictionaries), self.language)
        self.files = {language: files[language] for language in self.tables}
        self.folder = KIND.folder(data, self.language, name)

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
        """Fingerprint of all that decides the copies."""
        listed = [(language, entry["sha256"]) for language, entry in self.dictionaries.items()]
        described = sorted(self.options.describe(self.tables).items())
        return fingerprint(KIND.name, _VERSION, self.language, sorted(self.digests.items()), listed, described)

    def pending(self, overwrite: bool = False) -> bool:
        """Whether the copies are to be made; UserError if others, or other files, are in their place."""
        return KIND.pending(self.folder, self.mark, self.texts.files, overwrite)

    def write(self, progress: Progress | None = None) -> Counter[str]:
        """Make the files; ``progress`` is told the rows; returns the counts."""
        counts: Counter[str] = Counter()
        blocks = self._blocks(counts, progress)
        types = len(self.data.dictionary)
        write_examples(self.folder, KIND.command, self.texts.files, types, blocks, lambda: self.manifest(counts))
        return counts

    def _blocks(self, counts: Counter[str], progress: Progress | None) -> Iterator[Examples]:
        options = self.options
        switch = CodeSwitch(
            self.pieces, self.tables, options.ratio, options.choice, options.lower, options.sentence_ratio
        )
        maker = SwitchedTexts(self.texts, self.pieces, switch, options)
        for start in range(0, len(self.texts), _BLOCK):
            rows = range(start, min(start + _BLOCK, len(self.texts)))
            yield maker.make(rows, counts)
            if progress is not None:
                progress(len(rows))
        if not counts["written"]:
            raise UserError(
                f"--ratio {options.ratio}: no text changed with the dictionaries of {', '.join(self.tables)}; give"
                " dictionaries with words of the text, or a higher ratio"
            )

    def manifest(self, counts: Counter[str]) -> dict[str, Any]:
        """How the copies came about."""
        return {
            "kind": KIND.name, "version": _VERSION, "fingerprint": self.mark, "split": "train",
            "language": self.language, "fields": list(self.texts.fields), "dictionaries": self.dictionaries,
            **self.digests, "parents": len(self.texts), "options": self.options.describe(self.tables),
            "seed": self.options.seed, "counts": summary(counts),
        }  # fmt: skip
