"""How many counterparts a bilingual dictionary knows as translations: what a threshold can be chosen by."""

from __future__ import annotations

import numpy as np
from fairseq.data import Dictionary

from ..primitives.dictionaries import Table
from ..primitives.piece_classes import PieceClasses
from ..primitives.vocabulary import case_variants
from ..primitives.words import BOUNDARY


class TranslationPairs:
    """The entries of a dictionary of which both words are single pieces, whatever their case.

    Args:
        table: source word to its translation or translations.
    """

    def __init__(self, table: Table, pieces: Dictionary, classes: PieceClasses) -> None:
        self.fold, self.groups = classes.fold.astype(np.int64), len(classes)
        self.listed_groups = np.zeros(self.groups, dtype=bool)
        keys = set()
        for word, entry in table.items():
            source = self._group(word, pieces)
            if source is None:
                continue
            self.listed_groups[source] = True
            for translation in [entry] if isinstance(entry, str) else entry:
                target = self._group(translation, pieces)
                if target is not None:
                    keys.add(source * self.groups + target)
        self.keys = np.array(sorted(keys), dtype=np.int64)

    def _group(self, word: str, pieces: Dictionary) -> int | None:
        found = (pieces.indices.get(BOUNDARY + variant) for variant in case_variants(word))
        return next((int(self.fold[index]) for index in found if index is not None), None)

    def judge(self, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which source words have an entry, and where ``target`` is one of its translations: (P,) bool each. A word
        that stayed the same is in neither."""
        left, right = self.fold[source], self.fold[target]
        keys = left * self.groups + right
        listed = self.listed_groups[left] & (left != right)
        return listed, listed & np.isin(keys, self.keys)
