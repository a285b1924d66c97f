"""Code-switched copies of the rows of a text: what is drawn, and what is dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from ...data.augmented.views import count_words, flatten
from ...data.augmented.views_tagging import words_of
from ..generation.files import Examples
from ..generation.texts import LanguageTexts
from ..primitives.base import Word, generator
from ..primitives.code_switch import CodeSwitch
from ..primitives.words import WordPieces
from .options import SwitchOptions

DROPPED = {"unchanged": "equal to the row", "duplicate": "equal to another copy of the row"}
_VIEW = 0  # of the generator: training draws its views from 1
_Texts = Sequence[list[Word]]  # the words of each text of an example


class SwitchedTexts:
    """Makes the copies of some rows; the same for a row whatever the others are."""

    def __init__(self, texts: LanguageTexts, pieces: WordPieces, switch: CodeSwitch, options: SwitchOptions) -> None:
        self.texts, self.pieces, self.switch, self.options = texts, pieces, switch, options

    def make(self, rows: Iterable[int], counts: Counter[str]) -> Examples:
        """Copies of the rows in their order; adds to the counts (see ``summary``)."""
        parents: list[int] = []
        made: list[_Texts] = []
        for row in rows:
            copies = self._copies(row, counts)
            counts.update(rows=1, samples=self.options.samples, rows_used=bool(copies), written=len(copies))
            parents += [row] * len(copies)
            made += copies
        return self._examples(parents, made)

    def _words(self, row: int) -> _Texts:
        """The words of each text of a row."""
        if self.texts.tagged is not None:
            return [words_of(self.texts.tagged, row)]
        found = []
        for column in self.texts.columns:
            start = int(column.starts[row])
            found.append(self.pieces.split(column.ids[start : start + int(column.sizes[row]) - 1].tolist()))
        return found

    def _copies(self, row: int, counts: Counter[str]) -> list[_Texts]:
        origin = self._words(row)
        own = self._spelt(origin)
        seen: set[tuple] = set()
        kept: list[_Texts] = []
        for sample in range(self.options.samples):
            rng = generator(self.options.seed, sample, row, _VIEW)
            made = [self.switch(words, rng) for words in origin]
            words, switched, changed = sum(map(count_words, origin, made)).tolist()  # type: ignore[union-attr]
            counts.update(words=words, switched=switched, changed=changed)
            texts = [one.words for one in made]
            if not self.options.keep_duplicates:
                spelt = self._spelt(texts)
                if spelt == own or spelt in seen:
                    counts["unchanged" if spelt == own else "duplicate"] += 1
                    continue
                seen.add(spelt)
            kept.append(texts)
        return kept

    def _spelt(self, texts: _Texts) -> tuple:
        """A key that two equal examples share: the pieces, and in tagging the words."""
        return tuple(tuple(words if self.texts.tagged is not None else flatten(words)) for words in texts)

    def _examples(self, parents: list[int], made: list[_Texts]) -> Examples:
        eos, fields = self.pieces.dictionary.eos(), []
        for field in range(len(self.texts.fields)):
            rows = [[*flatten(texts[field]), eos] for texts in made]
            fields.append((_flat(rows, np.int32), np.array([len(row) for row in rows], dtype=np.int64)))
        words = None
        if self.texts.tagged is not None:
            sizes = [[len(word) for word in texts[0]] for texts in made]
            words = _flat(sizes, np.int64), np.array([len(row) for row in sizes], dtype=np.int64)
        return Examples(np.array(parents, dtype=np.int32), fields, words)


def _flat(rows: list[list[int]], dtype: Any) -> np.ndarray:
    return np.fromiter(chain.from_iterable(rows), dtype)


def summary(counts: Counter[str]) -> dict[str, Any]:
    """For manifests. words, switched, changed: of all copies drawn, the dropped ones too; ``switched`` has a
    translation, ``changed`` other pieces (a translation may be the word itself; lower case changes words too)."""
    names = ("rows", "samples", "words", "switched", "changed", "rows_used", "written")
    return {
        **{name: int(counts[name]) for name in names},
        "dropped": {name: int(counts[name]) for name in DROPPED},
    }


def lines(language: str, counts: Counter[str]) -> list[str]:
    """The same for people."""
    words = max(1, counts["words"])
    dropped = [f"{counts[name]} {name} ({text})" for name, text in DROPPED.items() if counts[name]]
    return [
        f"{language}: {counts['written']} code-switched texts of {counts['rows_used']} of {counts['rows']} rows;"
        f" {counts['switched'] / words:.1%} of the words switched, {counts['changed'] / words:.1%} changed",
        f"  dropped of {counts['samples']} copies: {', '.join(dropped) or 'none'}",
    ]
