"""Which words of a sentence are replaced (XLA: Bari et al., "UXLA: A Robust Unsupervised Data Augmentation Framework
for Zero-Resource Cross-Lingual NLP", ACL 2021, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from ...functional.draws.random import stream
from ...functional.selection import keep_count

_DRAW = stream(0)  # seeded anew before every use, since a new one takes more than ten times as long


def site_count(words: int, percent: str | Decimal) -> int:
    """How many words of a sentence are replaced: max(1, floor(``words`` P / 100)), in exact arithmetic."""
    return max(1, keep_count(words, percent))


def draw_sites(eligible: np.ndarray, count: int, samples: int, seed: Sequence[int]) -> list[np.ndarray]:
    """Choose words for every virtual sentence of one sentence.

    The choices share one random permutation of the eligible words, so that they are disjoint while it lasts; used up,
    it is drawn anew. No choice holds a word twice, and a set of words that was chosen before is left out.

    Args:
        eligible: (E,) numbers of the words that may be replaced.
        count: words of a choice; fewer where E is less.
        samples: number of choices, delta.
        seed: of a generator of its own, whose choices depend on nothing else.

    Returns:
        at most ``samples`` arrays of word numbers, each in the order of replacement.
    """
    count = min(count, len(eligible))
    if not count:
        return []
    _DRAW.seed(list(seed))
    left: list[int] = []
    found: dict[frozenset[int], list[int]] = {}
    for _ in range(samples):
        chosen, left = left[:count], left[count:]
        if len(chosen) < count:
            again: list[int] = _DRAW.permutation(eligible).tolist()
            more = [word for word in again if word not in chosen][: count - len(chosen)]
            left = [word for word in again if word not in more]
            chosen += more
        found.setdefault(frozenset(chosen), chosen)
    return [np.array(words, dtype=np.int64) for words in found.values()]
