"""Subword sampling: another segmentation of a word instead of its most probable one.

The law is SentencePiece's, ``P(segmentation) ~ exp(alpha * sum of log p(piece))`` (Kudo, ACL 2018). The library's own
sampler is one stream per process, seeded for the whole process; here each word type gets the tables of its lattice once
(backward sums in log space) and each draw is a walk through them with the caller's generator.
"""

from __future__ import annotations

import random
from array import array
from bisect import bisect_right
from itertools import accumulate
from math import exp, inf, log
from typing import Collection, Sequence, Union, cast

from sentencepiece import SentencePieceProcessor

from xl_plugins.augment.primitives.base import Augmented, Word, check_not_negative, check_ratio
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.errors import UserError
from xl_plugins.ranges import LARGEST, Range

_MOST = 512  # of n-best segmentations: the library's own limit
NBEST = Range(-LARGEST, _MOST, without=(0, 1), words=f"-1 (all segmentations) or 2 to {_MOST}")
_CELLS = 5_000_000  # arcs or listed segmentations in the newer half of the cache; both halves take up to 160 MB
_OF_A_WORD = 20  # cells that the memory of an entry itself comes to
_STEEPEST = 1e100  # an alpha beyond that changes nothing but would overflow


class Listed:
    """Segmentations of one word with their cumulative probabilities."""

    __slots__ = ("cumulative", "words")

    def __init__(self, words: Sequence[Word], log_weights: Sequence[float]) -> None:
        top = max(log_weights)
        sums = list(accumulate(exp(weight - top) for weight in log_weights))
        self.words = tuple(words)
        self.cumulative = [part / sums[-1] for part in sums]  # the last is 1, above every draw

    @property
    def cells(self) -> int:
        return len(self.words)

    def draw(self, rng: random.Random) -> Word:
        return self.words[bisect_right(self.cumulative, rng.random())]


class Lattice:
    """All segmentations of one word as a graph from character to character, its places counted from the end.

    The arcs of all places lie in one list: those that leave place i have the cumulative probabilities 2i + c, the last
    of them 2i + 1.5, so that one search for 2i + u finds an arc of place i, however u is rounded.
    """

    __slots__ = ("cumulative", "length", "pieces", "places")

    def __init__(self, length: int, cumulative: Sequence[float], pieces: Sequence[int], places: Sequence[int]) -> None:
        """Characters of the word; for each arc its cumulative probability, its piece and the place it leads to."""
        self.length = length
        self.cumulative = array("d", cumulative)  # half the memory of a list
        self.pieces = tuple(pieces)
        self.places = tuple(places)

    @property
    def cells(self) -> int:
        return len(self.pieces)

    def draw(self, rng: random.Random) -> Word:
        cumulative, pieces, places, place = self.cumulative, self.pieces, self.places, self.length
        uniform = rng.random
        word = []
        while place:
            arc = bisect_right(cumulative, 2 * place + uniform())
            word.append(pieces[arc])
            place = places[arc]
        return tuple(word)


Table = Union[Listed, Lattice, None]


class SubwordSampling:
    """Give each word, with probability ``ratio``, a random segmentation.

    Args:
        pieces: the tokenizer, a unigram model.
        ratio: probability that a word is sampled at all.
        alpha: smoothness; 0 draws uniformly, larger values come closer to the most probable segmentation.
        nbest: -1 for all segmentations of the word, or 2 to 512 for its most probable ones.

    Words that hold ``<unk>`` keep their pieces and do not count as selected. Pieces are those of the model that the
    dictionary has; ``<unk>`` is never drawn.
    """

    def __init__(self, pieces: WordPieces, ratio: float, alpha: float = 0.3, nbest: int = -1) -> None:
        self.pieces = pieces
        self.ratio = check_ratio("--ss-ratio", ratio)
        self.alpha = min(check_not_negative("--ss-alpha", alpha), _STEEPEST)
        NBEST.check("--ss-nbest", nbest)
        self.nbest = nbest
        try:
            pieces.model.NBestEncodeAsIds("a", 2)
        except RuntimeError:  # the library has no n-best for any other type
            raise UserError(
                f"{pieces.spm_path}: not a unigram model of SentencePiece, from whose segmentations subword sampling"
                " draws; choose another augmentation"
            ) from None
        self._scores = _scores(pieces)
        usable = [piece for piece, score in enumerate(self._scores) if score > -inf]
        self._weights = [-inf] * len(self._scores)
        for piece in usable:
            self._weights[piece] = self.alpha * self._scores[piece]
        self._find = pieces.dictionary.indices.get
        self._longest = max((len(pieces.dictionary.symbols[piece]) for piece in usable), default=0)
        self._cache: dict[Word, Table] = {}
        self._older: dict[Word, Table] = {}
        self._cells = 0

    def __call__(self, words: Sequence[Word], rng: random.Random, protected: Collection[int] = ()) -> Augmented:
        ratio, uniform, find = self.ratio, rng.random, self._cache.get
        out, selected = list(words), [False] * len(words)
        for index, word in enumerate(words):
            if uniform() < ratio and index not in protected:
                table = find(word)
                if table is None:
                    table = self._table(word)
                if table is not None:
                    out[index] = table.draw(rng)
                    selected[index] = True
        return Augmented(out, selected)

    def _table(self, word: Word) -> Table:
        """Table of a word by way of the cache; None for a word that must stay as it is.

        A full cache becomes the older one, from which words still in use come back, and the one before is dropped.
        """
        if word in self._cache:
            return self._cache[word]
        if word in self._older:
            table = self._older[word]
        else:
            text = self.pieces.text(word)
            if text is None:
                table = None
            else:
                table = self._list(word, text) if self.nbest > 1 else self._lattice(word)
        self._cells += _OF_A_WORD + (0 if table is None else table.cells)
        if self._cells > _CELLS:
            self._cache, self._older = {}, self._cache
            self._cells = 0
        self._cache[word] = table
        return table

    def _list(self, word: Word, text: str) -> Listed | None:
        """The library's n best segmentations, less those with pieces that the dictionary lacks."""
        spelling, table = self.pieces.join(word), self.pieces.table
        found: dict[Word, float] = {}
        for ids in self.pieces.model.NBestEncodeAsIds(text, self.nbest):
            candidate = tuple([table[piece] for piece in ids])
            score = sum(self._scores[piece] if piece >= 0 else -inf for piece in candidate)
            if score > -inf and self.pieces.join(candidate) == spelling:
                found[candidate] = self.alpha * score
        return Listed(list(found), list(found.values())) if found else None

    def _lattice(self, word: Word) -> Lattice | None:
        """All segmentations; ``reach[i]`` is the log of the summed weights of the ways over the last i characters."""
        text, find, weights, longest = self.pieces.join(word), self._find, self._weights, self._longest
        length = len(text)
        reach = [0.0] + [-inf] * length
        cumulative: list[float] = []
        pieces: list[int] = []
        places: list[int] = []
        for place in range(1, length + 1):
            begin, logs = length - place, []
            for rest in range(place - 1, max(0, place - longest) - 1, -1):
                piece = find(text[begin : length - rest])
                if piece is not None:
                    weight = weights[piece] + reach[rest]
                    if weight > -inf:
                        logs.append(weight)
                        pieces.append(piece)
                        places.append(rest)
            if len(logs) > 1:
                top = max(logs)
                sums = list(accumulate([exp(weight - top) for weight in logs]))
                reach[place] = top + log(sums[-1])
                scale, base = 1 / sums[-1], 2 * place
                cumulative += [base + part * scale for part in sums]
                cumulative[-1] = base + 1.5
            elif logs:
                reach[place] = logs[0]
                cumulative.append(2 * place + 1.5)
        return Lattice(length, cumulative, pieces, places) if reach[length] > -inf else None


def _scores(pieces: WordPieces) -> list[float]:
    """log p of each fairseq id; -inf where it is no ordinary piece of the model."""
    scores = [-inf] * len(pieces.dictionary)
    model, unknown = cast(SentencePieceProcessor, pieces.model), pieces.dictionary.unk()
    for number, piece in enumerate(pieces.table):
        if piece >= 0 and piece != unknown and not model.IsByte(number):
            scores[piece] = model.GetScore(number)
    return scores
