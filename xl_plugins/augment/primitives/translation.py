"""Machine translation as augmentation: which translation of an example an epoch reads (xTune, ACL 2021, section
3.3; released code: one random language per example and epoch)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import UserError
from ...functional.draws.random import uniform

_LANGUAGE, _ROW = 0x4D54, 0x4D55  # purposes of the draws
MISSING = ("error", "skip", "random")


class Translations:
    """The translations of a training set, joined by example.

    Args:
        languages: their codes.
        parts: the texts of each language.
        rows: (L, N) row of each example's translation in the texts of each language, -1 where there is none.
        lengths: number of rows of each language's texts.
        missing: what happens without a translation: ``error``; ``skip`` draws among the languages that have one;
            ``random`` takes a random row of the language drawn (released code for TyDiQA: an unrelated question).
        seed: of the run.
        names: for messages, a function from an example's number to its name.

    Raises:
        UserError: no language, or with ``error`` an example that a language lacks.
    """

    def __init__(
        self, languages: Sequence[str], parts: Sequence[Any], rows: np.ndarray, lengths: Sequence[int], missing: str,
        seed: int, names: Any = str,
    ) -> None:  # fmt: skip
        if not len(languages):
            raise UserError("--mt-languages: no language is left to translate into; name some, or shorten --mt-exclude")
        self.languages, self.parts, self.rows = list(languages), list(parts), rows
        self.lengths, self.missing, self.seed = np.asarray(lengths), missing, seed
        absent = np.argwhere(rows < 0)
        if missing == "error" and len(absent):
            language, example = (int(value) for value in absent[0])
            raise UserError(
                f"--mt-missing error: {len(absent)} translations are missing, the first one is of example"
                f" '{names(example)}' in language '{self.languages[language]}'; add it, leave the language out"
                " (--mt-exclude), or pass --mt-missing skip or random"
            )

    def draw(self, epoch: int, view: int, examples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Language and row of the translation of each example in an epoch, both (n,); -1, -1 where there is none.

        ``view`` makes draws for different views of an example independent.
        """
        rows = self.rows[:, examples]  # (L, n)
        chance = uniform(self.seed, _LANGUAGE, epoch, view, examples)
        if self.missing == "skip":
            available = rows >= 0
            count = available.sum(axis=0)
            wanted = np.floor(chance * count).astype(np.int64)  # the how-manieth of the available languages
            language = (available.cumsum(axis=0) > wanted).argmax(axis=0)
            language = np.where(count > 0, language, -1)
        else:
            language = np.floor(chance * len(self.languages)).astype(np.int64)
        row = np.where(language >= 0, np.take_along_axis(rows, np.maximum(language, 0)[None], axis=0)[0], -1)
        if self.missing == "random":
            anywhere = uniform(self.seed, _ROW, epoch, view, examples) * self.lengths[language]
            row = np.where(row < 0, np.floor(anywhere).astype(np.int64), row)
        return language, row

    def draw_one(self, epoch: int, view: int, example: int) -> tuple[int, int]:
        """:meth:`draw` for one example."""
        language, row = self.draw(epoch, view, np.array([example]))
        return int(language[0]), int(row[0])
