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
from typing import Collection, Sequence, Union

from xl_plugins.augment.base import Augmented, Word, check_not_negative, check_ratio
from xl_plugins.augment.words import WordPieces
from xl_plugins.errors import UserError

_MOST = 512  # of n-best segmentations: the library's own limit
_CELLS = 3_000_000  # cached lattice arcs before the cache is emptied; about 150 MB
_STEEPEST = 1e100  # an alpha beyond that changes nothing but would overflow


class Listed:
    """Segmentations of one word with their cumulative probabilities."""

    __slots__ = ("cumulative", "words")

    def __init__(self, words: Sequence[Word], log_weights: Sequence[float]) -> None:
        top = max(log_weights)
        sums = list(accumulate(exp(weight - top) for weight in log_weights))
        self.words = tuple(words)
        self.cumulative = [part / sums[-1] for part in sums]  # the last is 1, above every draw

    def __len__(self) -> int:
        return len(self.words)

    def draw(self, rng: random.Random) -> Word:
        return self.words[bisect_right(self.cumulative, rng.random())]


class Lattice:
    """All segmentations of one word as a graph from character to character.

    The arcs of all places lie in one array: those that leave place i have the cumulative probabilities 2i + c, the last
    of them 2i + 1.5, so that one search for 2i + u finds an arc of place i, however u is rounded.
    """

    __slots__ = ("cumulative", "ends", "length", "pieces")

    def __init__(self, length: int, arcs: Sequence[Sequence[tuple[float, int, int]]]) -> None:
        """``arcs[i]``: (probability, piece, end) of the arcs that leave place i; they sum to 1 or are none."""
        self.length = length
        cumulative, pieces, ends = array("d"), [], []
        for place, leaving in enumerate(arcs):
            if leaving:
                cumulative.extend(2 * place + part for part in accumulate(arc[0] for arc in leaving))
                cumulative[-1] = 2 * place + 1.5
                pieces += [arc[1] for arc in leaving]
                ends += [arc[2] for arc in leaving]
        self.cumulative, self.pieces, self.ends = cumulative, tuple(pieces), tuple(ends)

    def __len__(self) -> int:
        return len(self.pieces)

    def draw(self, rng: random.Random) -> Word:
        cumulative, pieces, ends, length = self.cumulative, self.pieces, self.ends, self.length
        uniform = rng.random
        place, word = 0, []
        while place < length:
            arc = bisect_right(cumulative, 2 * place + uniform())
            word.append(pieces[arc])
            place = ends[arc]
        return tuple(word)


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
        if nbest in (0, 1) or nbest > _MOST:
            raise UserError(f"--ss-nbest {nbest}: expected -1 (all segmentations) or 2 to {_MOST}")
        self.nbest = nbest
        try:
            pieces.model.NBestEncodeAsIds("a", 2)
        except RuntimeError:  # the library has no n-best for any other type
            raise UserError(
                f"{pieces.spm_path}: not a unigram model, which subword sampling needs; choose another augmentation"
            ) from None
        self._scores = _scores(pieces)
        symbols = pieces.dictionary.symbols
        self._longest = max((len(symbols[i]) for i, score in enumerate(self._scores) if score > -inf), default=0)
        self._cache: dict[Word, Union[Listed, Lattice, None]] = {}
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

    def _table(self, word: Word) -> Union[Listed, Lattice, None]:
        """Table of a word by way of the cache; None for a word that must stay as it is."""
        if word in self._cache:
            return self._cache[word]
        table: Union[Listed, Lattice, None] = None
        text = self.pieces.text(word)
        if text is not None:
            table = self._list(word, text) if self.nbest > 1 else self._lattice(word)
        self._cells += 1 + (0 if table is None else len(table))
        if self._cells > _CELLS:
            self._cache.clear()
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
        """All segmentations; ``reach[i]`` is the log of the summed weights of the ways from place i to the end."""
        text, find, scores, alpha = self.pieces.join(word), self.pieces.dictionary.indices.get, self._scores, self.alpha
        length = len(text)
        reach = [-inf] * length + [0.0]
        arcs: list[list[tuple[float, int, int]]] = [[] for _ in range(length)]
        for place in range(length - 1, -1, -1):
            leaving = []
            for end in range(place + 1, min(length, place + self._longest) + 1):
                piece = find(text[place:end])
                if piece is not None and reach[end] > -inf and scores[piece] > -inf:
                    leaving.append((alpha * scores[piece] + reach[end], piece, end))
            if leaving:
                top = max(leaving)[0]
                reach[place] = top + log(sum(exp(weight - top) for weight, _, _ in leaving))
                arcs[place] = [(exp(weight - reach[place]), piece, end) for weight, piece, end in leaving]
        return Lattice(length, arcs) if arcs[:1] and arcs[0] else None


def _scores(pieces: WordPieces) -> list[float]:
    """log p of each fairseq id; -inf where it is no ordinary piece of the model."""
    scores = [-inf] * len(pieces.dictionary)
    model, unknown = pieces.model, pieces.dictionary.unk()
    for number, piece in enumerate(pieces.table):
        if piece >= 0 and piece != unknown and not model.IsByte(number):
            scores[piece] = model.GetScore(number)
    return scores
