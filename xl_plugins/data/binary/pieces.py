"""The pieces and words that binarised texts hold, found in passes of numpy over the memory-mapped ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from fairseq.data import Dictionary, data_utils

from . import mapped

_STRETCH = 1 << 22  # ids looked at together
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd: powers of it tell the places in a word apart


def occurring(texts: Iterable[str], dictionary: Dictionary) -> np.ndarray:
    """Which ids of the dictionary stand in the texts: (V,) bool.

    Args:
        texts: paths without suffix.
    """
    found = np.zeros(len(dictionary), dtype=bool)
    for prefix in texts:
        for ids in _stretches(prefix, dictionary):
            found[ids] = True
    return found


def distinct_words(texts: Iterable[str], dictionary: Dictionary, starts: np.ndarray) -> Iterator[list[int]]:
    """The ids of every different word of the texts.

    A word begins at a piece of ``starts`` (V,) or behind a special symbol, and ends before the next one or at one.
    """
    special = np.zeros(len(dictionary), dtype=bool)
    special[: dictionary.nspecial] = True
    mixed = np.random.default_rng(0).integers(1, 1 << 63, len(dictionary), dtype=np.uint64)
    seen = np.zeros(0, dtype=np.uint64)
    for prefix in texts:
        for ids in _stretches(prefix, dictionary):
            apart = special[ids]
            first = starts[ids] | apart
            first[0] = True
            first[1:] |= apart[:-1]
            begins = np.flatnonzero(first)
            ends = np.append(begins[1:], len(ids))
            hashes, which = np.unique(_hashes(mixed[ids], begins, ends), return_index=True)
            new = ~np.isin(hashes, seen, assume_unique=True)
            seen = np.concatenate([seen, hashes[new]])
            for word in which[new]:
                if not apart[begins[word]]:
                    yield ids[begins[word] : ends[word]].tolist()


def _stretches(prefix: str, dictionary: Dictionary) -> Iterator[np.ndarray]:
    """All ids of a text in turn, cut behind the ends of rows, where that is possible."""
    dataset = data_utils.load_indexed_dataset(prefix, dictionary, "mmap")
    count, start = int(np.sum(dataset.sizes, dtype=np.int64)), 0
    while start < count:
        ids = mapped.elements(dataset, start, min(_STRETCH, count - start))
        if start + len(ids) < count:
            ends = np.flatnonzero(ids == dictionary.eos())
            ids = ids[: ends[-1] + 1] if len(ends) else ids
        yield ids
        start += len(ids)


def _hashes(numbers: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """A hash of each word (W,) of its pieces' random numbers in their order."""
    places = np.arange(len(numbers)) - np.repeat(begins, ends - begins)
    powers = np.cumprod(np.full(int(places.max()) + 1, _FACTOR))
    return np.add.reduceat(numbers * powers[places], begins)
