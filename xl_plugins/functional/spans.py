"""Span counts of tag sequences, as XTREME scores PAN-X and UDPOS (the lenient scheme of CoNLL-2000's scorer).

Sentences are joined with an ``O`` between them. The type of a tag is the text after its last ``-``. A tag whose first
letter is B or S opens a span, E or S closes one, I (or E) after O opens one, and a change of type closes and opens.
Tags without prefix are scored by the same rules: neighbouring equal UPOS tags merge into one span, except those that
begin with S (SYM, SCONJ), which are single-word spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

OUTSIDE = "O"


class _Spans(NamedTuple):
    """Spans by the position of their last word; ``first`` and ``kind`` mean something where ``ends`` is true."""

    ends: np.ndarray
    first: np.ndarray
    kind: np.ndarray


class SpanScheme:
    """Counts spans in sequences of label indices.

    Args:
        labels: tag names in the order of the indices, such as ``["B-LOC", ..., "O"]`` or UPOS tags.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        names = [*labels, OUTSIDE]  # the last one is the separator
        kinds = [name.rsplit("-", 1)[-1] for name in names]
        known = {kind: number for number, kind in enumerate(dict.fromkeys(kinds))}
        self.labels = list(labels)
        self._kind = np.array([known[kind] for kind in kinds], dtype=np.int32)
        letters = [name[:1] for name in names]
        self._is = {letter: np.array([first == letter for first in letters]) for letter in "BIESO"}
        self._silent = np.array([first in (OUTSIDE, ".") for first in letters])

    def counts(self, gold: np.ndarray, predicted: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """True spans, predicted spans and hits of every sentence: (N, 3) int64.

        Args:
            gold, predicted: label index of every word (W,), sentence after sentence.
            sizes: words per sentence (N,); they sum to W.
        """
        gold, predicted, sizes = (np.asarray(values, dtype=np.int64) for values in (gold, predicted, sizes))
        if not len(gold) == len(predicted) == int(sizes.sum()):
            raise ValueError(f"{len(gold)} gold and {len(predicted)} predicted tags for {int(sizes.sum())} words")
        for values in (gold, predicted):
            if len(values) and (int(values.min()) < 0 or int(values.max()) >= len(self.labels)):
                raise ValueError(f"label index outside 0..{len(self.labels) - 1}")
        sentence = np.repeat(np.arange(len(sizes)), sizes)
        places = np.arange(len(gold)) + sentence + 1
        true, guess = self._spans(gold, places, len(sizes)), self._spans(predicted, places, len(sizes))
        hits = true.ends & guess.ends & (true.first == guess.first) & (true.kind == guess.kind)
        columns = [np.bincount(sentence[mask], minlength=len(sizes)) for mask in (true.ends, guess.ends, hits)]
        return np.stack(columns, axis=1).astype(np.int64)

    def _spans(self, tags: np.ndarray, places: np.ndarray, sentences: int) -> _Spans:
        """Spans of the flattened tags. ``places``: position of each word when an O stands before, between and after."""
        flat = np.full(len(tags) + sentences + 1, len(self.labels), dtype=np.int64)
        flat[places] = tags
        before, here = flat[:-1], flat[1:]  # entry i: the tags around the border between positions i and i + 1
        was, now = ({letter: table[side] for letter, table in self._is.items()} for side in (before, here))
        changed = self._kind[before] != self._kind[here]
        ends = was["E"] | was["S"] | (changed & ~self._silent[before])
        ends |= (was["B"] | was["I"]) & (now["B"] | now["S"] | now["O"])
        starts = now["B"] | now["S"] | (changed & ~self._silent[here])
        starts |= (was["E"] | was["S"] | was["O"]) & (now["E"] | now["I"])
        positions = np.arange(1, len(flat))
        latest = np.maximum.accumulate(np.where(starts, positions, 0)) if len(positions) else positions
        # a word at position p is the last of a span when the border after it ends one
        return _Spans(ends[places], latest[places - 1], self._kind[tags])


def f1(true: float, predicted: float, hits: float) -> float:
    """Harmonic mean of precision and recall in percent; 0 when there are no spans."""
    return 200.0 * hits / (true + predicted) if true + predicted else 0.0
