"""Texts of a data folder's examples, for people to read: binarised pieces put together again."""

from __future__ import annotations

from typing import Any

import numpy as np
from fairseq.data.indexed_dataset import dataset_exists

from ..augment.primitives.words import text_of
from ..data.binary.layout import TEXTS, DataBin


class ExampleTexts:
    """The texts of a language's rows in a split: ``fields`` that hold them, and a list of all of a row.

    Question answering keeps a paragraph once for all its questions, so that only the question is a row.
    """

    def __init__(self, data: DataBin, language: str, split: str, rows: int, into_source: bool = False) -> None:
        self.dictionary = data.dictionary
        self._files: list[Any] = []
        for name in TEXTS:
            if dataset_exists(data.prefix(language, name, split, into_source), "mmap"):
                file = data.open_text(language, name, split, into_source)
                if len(file) == rows:
                    self._files.append(file)

    def row(self, number: int) -> list[str]:
        return [text_of(np.asarray(file[number]), self.dictionary) for file in self._files]
