"""Span counts of tag sequences, by the lenient rules of CoNLL-2000's scorer (seqeval's default mode).

Sentences are joined with an ``O`` between them. A tag whose letter is B or S opens a span, E or S closes one, I (or E)
after O opens one, and a change of type closes and opens. So IOB1 and IOB2 are read by the same rules, as are IOE1 and
IOE2, and what is malformed still counts; BILOU is BIOES with L for E and U for S.

XTREME scores PAN-X and UDPOS by the same rules with other letters and types: the letter is a tag's first one, prefix or
not, the type the text after its last ``-``. So neighbouring equal UPOS tags merge into one span, except those that
begin with S (SYM, SCONJ), which are single-word spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .metrics import METRICS
from .tag_schemes import OUTSIDE, TITLES, XTREME, letters_and_types, recognise


class _Spans(NamedTuple):
    """Spans by the position of their last word; ``first`` and ``kind`` mean something where ``ends`` is true."""

    ends: np.ndarray
    first: np.ndarray
    kind: np.ndarray


class SpanScheme:
    """Counts spans in sequences of label indices.

    Args:
        labels: tag names in the order of the indices, such as ``["B-LOC", ..., "O"]`` or UPOS tags.
        rule: one of :data:`~.tag_schemes.SCHEMES`; None recognises it from the labels.
    """

    def __init__(self, labels: Sequence[str], rule: str | None = None) -> None:
        self.labels = list(labels)
        self.rule = rule or recognise(labels)
        names = [*labels, OUTSIDE]  # the last one is the separator
        if self.rule == XTREME:
            parts = [(name[:1], name.rsplit("-", 1)[-1]) for name in names]
        else:
            parts = [(n, "" if n == OUTSIDE else f"-{kind}") for n, kind in letters_and_types(names, self.rule)]
        known = {kind: number for number, kind in enumerate(dict.fromkeys(kind for _, kind in parts))}
        self.types = [kind.removeprefix("-") for kind in known]
        self._kind = np.array([known[kind] for _, kind in parts], dtype=np.int32)
        letters = [letter for letter, _ in parts]
        self._is = {letter: np.array([other == letter for other in letters]) for letter in "BIESO"}
        self._silent = np.array([letter in (OUTSIDE, ".") for letter in letters])

    def describe(self, gold: np.ndarray, sizes: np.ndarray) -> str:
        """The scheme in words. Labels do not tell IOB1 from IOB2 (IOE1 from IOE2), the gold tags (W,) of the sentences
        do; both are counted by the same rules."""
        if self.rule == XTREME:
            return "XTREME's rules"
        title = TITLES[self.rule]
        if self.rule in ("iob", "ioe"):
            title += self._version(np.asarray(gold, dtype=np.int64), np.asarray(sizes, dtype=np.int64))
        if self.rule != "io" and set(self.labels) <= set("BIESLUO"):
            title += ", letters without types"
        return title

    def _version(self, tags: np.ndarray, sizes: np.ndarray) -> str:
        """2 when every span has its mark (B at the start, E at the end), 1 when only those beside their like have,
        else nothing."""
        sentence = np.repeat(np.arange(len(sizes)), sizes)
        flat = self._flat(tags, np.arange(len(tags)) + sentence + 1, len(sizes))
        if self.rule == "ioe":
            flat = flat[::-1]  # the marks of ends are those of starts from behind
        before, here = flat[:-1], flat[1:]
        marked = self._is["B" if self.rule == "iob" else "E"]
        apart = self._kind[before] != self._kind[here]
        unmarked = bool((apart & self._is["I"][here]).any())
        needless = bool((apart & marked[here]).any())
        return "2" if not unmarked else "" if needless else "1"

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

    def find(self, tags: np.ndarray, sizes: np.ndarray) -> list[list[tuple[int, int, str]]]:
        """Spans of every sentence: first word, the word behind the last one, type.

        Args:
            tags: label index of every word (W,), sentence after sentence.
            sizes: words per sentence (N,); they sum to W.
        """
        tags, sizes = np.asarray(tags, dtype=np.int64), np.asarray(sizes, dtype=np.int64)
        sentence = np.repeat(np.arange(len(sizes)), sizes)
        spans = self._spans(tags, np.arange(len(tags)) + sentence + 1, len(sizes))
        found: list[list[tuple[int, int, str]]] = [[] for _ in sizes]
        begins = np.cumsum(sizes) - sizes
        for word in np.flatnonzero(spans.ends).tolist():
            number = int(sentence[word])
            first = int(spans.first[word]) - number - 1 - int(begins[number])
            found[number].append((first, word - int(begins[number]) + 1, self.types[int(spans.kind[word])]))
        return found

    def _flat(self, tags: np.ndarray, places: np.ndarray, sentences: int) -> np.ndarray:
        flat = np.full(len(tags) + sentences + 1, len(self.labels), dtype=np.int64)
        flat[places] = tags
        return flat

    def _spans(self, tags: np.ndarray, places: np.ndarray, sentences: int) -> _Spans:
        """Spans of the flattened tags. ``places``: position of each word when an O stands before, between and after."""
        flat = self._flat(tags, places, sentences)
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
    return float(METRICS["span_f1"].score((true, predicted, hits, 0, 0)))
