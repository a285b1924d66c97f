"""Code-switch: words replaced by translations from bilingual dictionaries, the language drawn anew for each word.

The rule of multilingual code-switching (CoSDA-ML, Qin et al., IJCAI 2020) as xTune uses it: with probability ``ratio``
a word draws one of the languages, and is replaced if that language lists it. So a word is replaced with probability
``ratio`` times the share of languages that list it, and ``ratio`` is an upper bound.
"""

from __future__ import annotations

import random
from typing import Callable, Collection, Iterator, Mapping, Sequence, Union

from xl_plugins.augment.primitives.base import CHOICES, Augmented, Word, check_ratio
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.errors import UserError

Translations = Union[str, Sequence[str]]  # of one source word, as listed, duplicates kept
_KEPT = 200_000  # words and translations cached each before the cache is emptied


class CodeSwitch:
    """Replace each word, with probability ``ratio``, by a translation into a random language.

    Args:
        pieces: the tokenizer.
        dictionaries: language -> source word -> its translations (or the only one). Words are looked up in lower case.
        ratio: probability that a word draws a language.
        choice: ``any`` draws from all languages, also those that do not list the word (it then stays as it is);
            ``covered`` from those that list it.
        lower: lower-case the text first (all words that are not protected), as the CoSDA-ML baseline does.
        sentence_ratio: probability that a text is switched at all; CoSDA-ML's second gate.

    A translation of several words takes the place of the one word. ``selected`` marks replaced words, also those that
    translate to themselves. Words that hold ``<unk>`` stay as they are.
    """

    def __init__(
        self,
        pieces: WordPieces,
        dictionaries: Mapping[str, Mapping[str, Translations]],
        ratio: float,
        choice: str = "any",
        lower: bool = False,
        sentence_ratio: float = 1.0,
    ) -> None:
        self.pieces = pieces
        self.ratio = check_ratio("--cs-ratio", ratio)
        self.sentence_ratio = check_ratio("--cs-sentence-ratio", sentence_ratio)
        if choice not in CHOICES:
            raise UserError(f"--cs-choice {choice}: expected {' or '.join(CHOICES)}")
        if not any(dictionaries.values()):
            raise UserError("--cs-dictionaries: no dictionary holds a word; give a folder with files such as en-de.txt")
        self.choice = choice
        self.lower = lower
        self._tables = [pieces.spell_keys(table) for table in dictionaries.values()]
        self._entries: dict[Word, tuple[Translations | None, ...]] = {}
        self._ids: dict[str, Word] = {}

    def __call__(self, words: Sequence[Word], rng: random.Random, protected: Collection[int] = ()) -> Augmented:
        out, selected = list(words), [False] * len(words)
        if self.lower:
            out = [word if index in protected else self._lowered(word) for index, word in enumerate(words)]
        uniform, ratio = rng.random, self.ratio
        if uniform() >= self.sentence_ratio:
            return Augmented(out, selected)
        for index, word in enumerate(words):
            if uniform() < ratio and index not in protected:
                found = self._translate(word, uniform)
                if found:
                    out[index] = found
                    selected[index] = True
        return Augmented(out, selected)

    def outcomes(self) -> Iterator[Word]:
        """Every different translation that may take a word's place."""
        entries = (entry for table in self._tables for entry in table.values())
        texts = {text for entry in entries for text in ([entry] if isinstance(entry, str) else entry)}
        return map(self.pieces.encode, texts)

    def _translate(self, word: Word, uniform: Callable[[], float]) -> Word | None:
        """A translation of a word, or None; ``uniform()`` gives numbers in [0, 1)."""
        entries = self._entries.get(word)
        if entries is None:
            entries = self._look_up(word)
        translations = entries[int(uniform() * len(entries))] if entries else None
        if not translations:
            return None
        if not isinstance(translations, str):
            translations = translations[int(uniform() * len(translations))]
        return self._encode(translations)

    def _look_up(self, word: Word) -> tuple[Translations | None, ...]:
        """Translations of a word in each language that may be drawn; empty if none lists it."""
        text = self.pieces.text(word)
        key = "" if text is None else text.lower()
        entries = tuple([table.get(key) for table in self._tables])
        if self.choice == "covered" or not any(entries):
            entries = tuple([entry for entry in entries if entry])
        if len(self._entries) >= _KEPT:
            self._entries.clear()
        self._entries[word] = entries
        return entries

    def _encode(self, text: str) -> Word:
        try:
            return self._ids[text]
        except KeyError:
            if len(self._ids) >= _KEPT:
                self._ids.clear()
            ids = self._ids[text] = self.pieces.encode(text)
            return ids

    def _lowered(self, word: Word) -> Word:
        """The word in lower case; itself if it is already, holds ``<unk>`` or would vanish."""
        text = self.pieces.text(word)
        if text is None or text == text.lower():
            return word
        return self._encode(text.lower()) or word
