"""GEN-LM in batches: virtual sentences whose words a masked language model replaces one at a time.

XLA (Bari et al., ACL 2021, section 3.2, "successive max"): mask a word, take the most probable piece, write it back,
mask the next one in the changed sentence. Sentences do not interact, so that many are at different words at once; the
result of each is that of doing it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from fairseq.data import Dictionary

from ...data.sentences import length_batches
from ..primitives.piece_classes import PieceClasses
from ..primitives.words import BOUNDARY, Word, WordPieces
from .options import MAX_TOKENS
from .texts import Slots

WINDOW = 2048  # sentences that are worked on at once: batches are cut from their like lengths
WHOLE, GLUED, EMPTY, OVERLONG = range(4)  # what became of a sample
REASONS = {GLUED: "glued", EMPTY: "empty", OVERLONG: "overlong"}


class Filler(Protocol):
    def fill(self, tokens: np.ndarray, places: np.ndarray, starts: np.ndarray) -> np.ndarray: ...


@dataclass
class Masked:
    """A batch with one ``<mask>`` per row: ids and slot numbers (B, T) without ``<s>``, lengths (B,), column of the
    mask (B,)."""

    ids: np.ndarray
    slots: np.ndarray
    lengths: np.ndarray
    places: np.ndarray


def mask_slots(ids: np.ndarray, slots: np.ndarray, sites: np.ndarray, mask: int, pad: int) -> Masked:
    """Put one ``<mask>`` in the place of all pieces of a slot.

    Args:
        ids, slots: (B, T) pieces and which slot each belongs to, -1 for padding.
        sites: (B,) slot of each row that is masked.
    """
    hit = slots == sites[:, None]
    places = hit.argmax(axis=1)
    kept = (slots >= 0) & (~hit | (np.arange(ids.shape[1]) == places[:, None]))
    lengths = kept.sum(axis=1)
    inside = np.arange(int(lengths.max())) < lengths[:, None]
    out, numbers = np.full(inside.shape, pad, dtype=ids.dtype), np.full(inside.shape, -1, dtype=slots.dtype)
    out[inside], numbers[inside] = ids[kept], slots[kept]
    out[np.arange(len(out)), places] = mask  # what stands before the mask has not moved
    return Masked(out, numbers, lengths, places)


def write_back(masked: Masked, words: Sequence[Word], pad: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put the pieces of a word in the place of every mask: ids and slot numbers (B, T), lengths (B,)."""
    sizes = np.array([len(word) for word in words])
    inside = masked.slots >= 0
    starts = np.cumsum(masked.lengths) - masked.lengths
    repeats = np.ones(int(masked.lengths.sum()), dtype=np.int64)
    repeats[starts + masked.places] = sizes
    flat = np.repeat(masked.ids[inside], repeats)
    numbers = np.repeat(masked.slots[inside], repeats)
    lengths = masked.lengths - 1 + sizes
    first = np.cumsum(lengths) - lengths + masked.places
    flat[np.repeat(first - (np.cumsum(sizes) - sizes), sizes) + np.arange(int(sizes.sum()))] = np.concatenate(words)
    inside = np.arange(int(lengths.max())) < lengths[:, None]
    out, slots = np.full(inside.shape, pad, dtype=flat.dtype), np.full(inside.shape, -1, dtype=numbers.dtype)
    out[inside], slots[inside] = flat, numbers
    return out, slots, lengths


class Vicinity:
    """Replaces slots of sentences.

    Args:
        filler: the model.
        pieces: tokenizer, by which a replaced word is encoded.
        whole_words: a slot is a word; else a single piece.
        max_length: positions that the model takes, ``<s>`` and ``</s>`` among them.
        max_tokens: positions of a batch. Batches follow from the sentences, this number and ``window`` alone.
    """

    def __init__(
        self, filler: Filler, pieces: WordPieces, classes: PieceClasses, whole_words: bool, max_length: int,
        max_tokens: int = MAX_TOKENS, window: int = WINDOW,
    ) -> None:  # fmt: skip
        self.filler, self.pieces, self.classes, self.whole_words = filler, pieces, classes, whole_words
        self.dictionary: Dictionary = pieces.dictionary
        self.max_pieces, self.max_tokens, self.window = max_length - 2, max_tokens, window
        self.mask = self.dictionary.index("<mask>")
        self._spelt: dict[int, Word] = {}

    def replace(
        self, slots: Slots, sentences: np.ndarray, sites: Sequence[np.ndarray],
        progress: Callable[[int], object] | None = None,
    ) -> Samples:  # fmt: skip
        """Make samples.

        Args:
            slots: sentences; those used have at most ``max_length - 2`` pieces.
            sentences: (I,) of which sentence each sample is made.
            sites: its slots in the order of replacement, one or more.
            progress: told how many samples have been finished.
        """
        samples = Samples.start(slots, sentences, sites, self.dictionary.pad())
        order = np.argsort(-samples.todo, kind="stable")  # who needs most steps begins, so that all end together
        active, rest = order[: self.window], order[self.window :]
        while len(active):
            for batch in length_batches(samples.lengths[active] + 2, self.max_tokens):
                self._step(samples, active[batch])
            going = (samples.done[active] < samples.todo[active]) & (samples.state[active] == WHOLE)
            if progress is not None:
                progress(int((~going).sum()))
            active = active[going]
            room = self.window - len(active)
            active, rest = np.concatenate([active, rest[:room]]), rest[room:]
        return samples

    def _step(self, samples: Samples, rows: np.ndarray) -> None:
        """One word of some samples."""
        width = int(samples.lengths[rows].max())
        ids, numbers = samples.ids[rows, :width], samples.slots[rows, :width]
        sites = samples.sites[rows, samples.done[rows]]
        masked = mask_slots(ids, numbers, sites, self.mask, self.dictionary.pad())
        heads = ids[np.arange(len(rows)), masked.places]
        starts = np.ones(len(rows), dtype=bool) if self.whole_words else self.classes.starts[heads]
        found = self.filler.fill(self._enclosed(masked), masked.places + 1, starts)
        words, state = self._words(found, starts, masked.places == 0)
        lengths = masked.lengths - 1 + np.array([len(word) for word in words])
        state[(state == WHOLE) & (lengths > self.max_pieces)] = OVERLONG
        samples.state[rows] = state
        samples.changed[rows] += ~_same(words, ids, numbers == sites[:, None], masked.places)
        samples.done[rows] += 1
        good = np.flatnonzero(state == WHOLE)
        if len(good):
            kept = Masked(masked.ids[good], masked.slots[good], masked.lengths[good], masked.places[good])
            samples.put(rows[good], *write_back(kept, [words[row] for row in good.tolist()], self.dictionary.pad()))

    def _enclosed(self, masked: Masked) -> np.ndarray:
        """``<s> a </s>`` padded."""
        tokens = np.full((len(masked.ids), masked.ids.shape[1] + 2), self.dictionary.pad(), dtype=np.int64)
        tokens[:, 0] = self.dictionary.bos()
        tokens[:, 1:-1] = masked.ids
        tokens[np.arange(len(tokens)), masked.lengths + 1] = self.dictionary.eos()
        return tokens

    def _words(self, found: np.ndarray, starts: np.ndarray, first: np.ndarray) -> tuple[list[Word], np.ndarray]:
        """The ids written back for predicted pieces, and the fate of the samples. A piece that would change the
        number of words spoils its sample; nothing stands before the first word that it could glue to."""
        other = self.classes.starts[found] != starts
        spelt = np.ones(len(found), dtype=bool) if self.whole_words else other & first
        words = [self._spell(piece) if spell else self._single(piece) for piece, spell in zip(found.tolist(), spelt)]
        state = np.where([len(word) == 0 for word in words], EMPTY, WHOLE)
        state[other & ~first] = GLUED
        return words, state

    def _spell(self, piece: int) -> Word:
        """Pieces of the word that a predicted piece spells; none if it spells none of its own."""
        word = self._spelt.get(piece)
        if word is None:
            word = self.pieces.encode(self.dictionary.symbols[piece].replace(BOUNDARY, " ").strip())
            heads = [bool(self.classes.starts[one]) for one in word]
            if self.dictionary.unk() in word:  # the dictionary lacks a piece that the tokenizer prefers
                word = (piece,)
            elif heads.count(True) != 1 or not heads[0]:
                word = ()
            self._spelt[piece] = word
        return word

    def _single(self, piece: int) -> Word:
        return () if self.classes.bare[piece] else (piece,)


def _same(words: Sequence[Word], ids: np.ndarray, hit: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Whether a word is what it takes the place of: (B,) bool."""
    sizes = np.array([len(word) for word in words])
    heads = np.array([word[0] if word else -1 for word in words])
    same = (hit.sum(axis=1) == sizes) & (ids[np.arange(len(ids)), places] == heads)
    for row in np.flatnonzero(same & (sizes > 1)).tolist():
        same[row] = tuple(ids[row][hit[row]].tolist()) == words[row]
    return same


@dataclass
class Samples:
    """Virtual sentences under way: ids and slot numbers (I, T), lengths (I,), sites (I, M) of which ``done`` of
    ``todo`` are replaced, ``changed`` of them by something else, and ``state`` (I,), WHOLE or why one was dropped."""

    ids: np.ndarray
    slots: np.ndarray
    lengths: np.ndarray
    sites: np.ndarray
    todo: np.ndarray
    done: np.ndarray
    changed: np.ndarray
    state: np.ndarray
    pad: int

    @classmethod
    def start(cls, slots: Slots, sentences: np.ndarray, sites: Sequence[np.ndarray], pad: int) -> Samples:
        """Copies of the originals."""
        lengths = slots.pieces[sentences]
        inside = np.arange(int(lengths.max(initial=0))) < lengths[:, None]
        numbers = np.repeat(np.arange(len(slots.sizes)) - np.repeat(slots.first[:-1], slots.counts), slots.sizes)
        begin = (np.cumsum(slots.pieces) - slots.pieces)[sentences]
        flat = (begin[:, None] + np.arange(inside.shape[1]))[inside]
        ids, places = np.full(inside.shape, pad, dtype=np.int32), np.full(inside.shape, -1, dtype=np.int32)
        ids[inside], places[inside] = slots.ids[flat], numbers[flat]
        todo = np.array([len(one) for one in sites], dtype=np.int64)
        table = np.zeros((len(sites), int(todo.max(initial=0))), dtype=np.int32)
        if len(sites):
            table[np.arange(table.shape[1]) < todo[:, None]] = np.concatenate(sites)
        done, changed, state = np.zeros((3, len(sites)), dtype=np.int64)
        return cls(ids, places, lengths.copy(), table, todo, done, changed, state, pad)

    def put(self, rows: np.ndarray, ids: np.ndarray, slots: np.ndarray, lengths: np.ndarray) -> None:
        """Replace some sentences."""
        more = ids.shape[1] - self.ids.shape[1]
        if more > 0:  # a word may be spelt by more pieces than the one it takes the place of
            self.ids = np.pad(self.ids, ((0, 0), (0, more)), constant_values=self.pad)
            self.slots = np.pad(self.slots, ((0, 0), (0, more)), constant_values=-1)
        self.ids[rows, : ids.shape[1]], self.slots[rows, : ids.shape[1]] = ids, slots
        self.slots[rows, ids.shape[1] :] = -1  # of a longer sentence before
        self.lengths[rows] = lengths

    def sentence(self, number: int) -> np.ndarray:
        """Pieces of a sample."""
        return self.ids[number, : self.lengths[number]]
