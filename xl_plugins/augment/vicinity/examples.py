"""Virtual examples of some rows: what is drawn, what is dropped, and how the two texts of a pair are combined.

XLA (Bari et al., ACL 2021, section 3.2): "successive max" for single sentences; "successive cross" for pairs replaces
words on each side alone and forms all combinations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import product

import numpy as np

from ..generation.files import Examples
from .generator import REASONS, WHOLE, Samples, Vicinity
from .options import VicinityOptions
from .sites import draw_sites, site_count
from .texts import Slots, VicinityTexts, join

Example = tuple[int, ...]  # number of the sample of each text


class ExampleMaker:
    """Makes the examples of some rows; the same for a row whatever the others are."""

    def __init__(self, texts: VicinityTexts, options: VicinityOptions, vicinity: Vicinity) -> None:
        self.texts, self.options, self.vicinity = texts, options, vicinity

    def make(self, rows: np.ndarray, progress: Callable[[int], object] | None = None) -> tuple[Examples, Counter[str]]:
        """Examples of the rows in their order, and counts (see ``vicinity_report``)."""
        slots = join([self.texts.slots(field, rows) for field in range(len(self.texts.fields))])
        counts: Counter[str] = Counter(rows=len(rows), sentences=len(slots))
        owners, sites = self._draw(rows, slots, counts)
        sentences = np.array([sentence for sentence, _ in owners], dtype=np.int64)
        if progress is not None and not sites:
            progress(len(rows))
        samples = self.vicinity.replace(slots, sentences, sites, _in_rows(progress, len(rows), len(sites)))
        counts.update(samples=len(sites), predictions=int(samples.done.sum()), changed=int(samples.changed.sum()))
        for state, reason in REASONS.items():
            counts[reason] += int((samples.state == state).sum())
        kept = self._kept(slots, owners, samples, counts)
        parents, chosen = [], []
        for row in range(len(rows)):
            for example in self._combined(row, len(rows), kept, samples, counts):
                parents.append(int(rows[row]))
                chosen.append(example)
        counts.update(written=len(parents), rows_used=len(set(parents)))
        return self._examples(np.array(parents, dtype=np.int32), chosen, samples), counts

    def _draw(
        self, rows: np.ndarray, slots: Slots, counts: Counter[str]
    ) -> tuple[list[tuple[int, int]], list[np.ndarray]]:
        """Sentence and round of every sample, and its sites."""
        options = self.options
        eligible = self.texts.eligible(slots, options.min_chars)
        enough = np.add.reduceat(np.append(eligible, False).astype(np.int64), slots.first[:-1])
        enough[slots.counts == 0] = 0  # reduceat gives these the next word
        short, long = slots.counts < options.min_words, slots.counts > options.max_words
        overlong = ~short & ~long & (slots.pieces > self.vicinity.max_pieces)
        bare = ~(short | long | overlong) & (enough == 0)
        for name, mask in (("short", short), ("long", long), ("unfit", overlong), ("ineligible", bare)):
            counts[name] += int(mask.sum())
        owners: list[tuple[int, int]] = []
        found: list[np.ndarray] = []
        for sentence in np.flatnonzero(~(short | long | overlong | bare)).tolist():
            field, row = divmod(sentence, len(rows))
            begin, end = slots.first[sentence : sentence + 2]
            words = np.flatnonzero(eligible[begin:end])
            count = site_count(int(end - begin), options.percent)
            for number in range(options.rounds):
                seed = (options.seed, int(rows[row]), field, number)
                drawn = draw_sites(words, count, options.samples[field], seed)
                counts["repeated"] += options.samples[field] - len(drawn)
                owners += [(sentence, number)] * len(drawn)
                found += drawn
        return owners, found

    def _kept(
        self, slots: Slots, owners: list[tuple[int, int]], samples: Samples, counts: Counter[str]
    ) -> dict[tuple[int, int], list[int]]:
        """Samples of every sentence and round that differ from the original and from each other."""
        kept: dict[tuple[int, int], list[int]] = {}
        seen: dict[tuple[int, int], set[bytes]] = {}
        begins = np.cumsum(slots.pieces) - slots.pieces
        for number in np.flatnonzero(samples.state == WHOLE).tolist():
            owner = owners[number]
            if not self.options.keep_duplicates:
                begin = begins[owner[0]]
                original = slots.ids[begin : begin + slots.pieces[owner[0]]].astype(samples.ids.dtype)
                known, text = seen.setdefault(owner, {original.tobytes()}), samples.sentence(number).tobytes()
                if text in known:
                    counts["duplicate"] += 1
                    continue
                known.add(text)
            kept.setdefault(owner, []).append(number)
        return kept

    def _combined(
        self, row: int, rows: int, kept: dict[tuple[int, int], list[int]], samples: Samples, counts: Counter[str]
    ) -> Iterable[Example]:
        """Examples of a row: all combinations of the samples of its texts."""
        seen: set[tuple[bytes, ...]] = set()
        for number in range(self.options.rounds):
            sides = [kept.get((field * rows + row, number), []) for field in range(len(self.texts.fields))]
            counts["one_sided"] += any(sides) and not all(sides)
            for example in product(*sides):
                if self.options.rounds > 1 and not self.options.keep_duplicates:
                    texts = tuple(samples.sentence(one).tobytes() for one in example)
                    if texts in seen:
                        counts["duplicate"] += 1
                        continue
                    seen.add(texts)
                yield example

    def _examples(self, parents: np.ndarray, chosen: list[Example], samples: Samples) -> Examples:
        eos = self.vicinity.dictionary.eos()
        table = np.array(chosen, dtype=np.int64).reshape(len(chosen), len(self.texts.fields))
        texts = []
        for numbers in table.T:
            sizes = samples.lengths[numbers] + 1
            inside = np.arange(int(sizes.max(initial=0))) < sizes[:, None]
            ids = np.full(inside.shape, eos, dtype=np.int32)
            width = min(inside.shape[1], samples.ids.shape[1])
            ids[:, :width] = samples.ids[numbers, :width]
            ids[np.arange(len(ids)), sizes - 1] = eos
            texts.append((ids[inside], sizes))
        return Examples(parents, texts, _word_sizes(samples, table[:, 0]) if self.texts.tagged is not None else None)


def _in_rows(progress: Callable[[int], object] | None, rows: int, samples: int) -> Callable[[int], object] | None:
    """Tell of finished samples in rows, which the whole is counted in."""
    if progress is None:
        return None
    done = [0]

    def tell(count: int) -> None:
        before, done[0] = done[0], done[0] + count
        progress(rows * done[0] // samples - rows * before // samples)

    return tell


def _word_sizes(samples: Samples, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of every word, flat, and words of every sample."""
    slots = samples.slots[numbers]
    words = slots.max(axis=1, initial=-1) + 1
    flat = (slots + (np.cumsum(words) - words)[:, None])[slots >= 0]
    return np.bincount(flat, minlength=int(words.sum())), words
