"""The common part of all augmentations of words: their form, and the source of their randomness."""

from __future__ import annotations

import random
from typing import Collection, NamedTuple, Protocol, Sequence

from xl_plugins.functional.draws.random import hash_integers
from xl_plugins.ranges import LARGEST_SEED, SEED, UNIT, WEIGHT

Word = tuple[int, ...]  # fairseq piece ids of one word; the first piece begins with U+2581

CHOICES = ("any", "covered")  # code-switch: a word's language is drawn among all, or those that list it

PROBABILITY = UNIT.said("a probability between 0 and 1")
SEEDS = SEED.said(f"a number from 0 to {LARGEST_SEED}")
NOT_NEGATIVE = WEIGHT.said("a finite number, 0 or greater")


class Augmented(NamedTuple):
    """A view of a text: its words, and which of them an augmentation chose.

    ``selected[i]`` holds also where the draw gave the word itself again; such a word is selected but not changed.
    """

    words: list[Word]
    selected: list[bool]


class WordAugmentation(Protocol):
    """A random change of words; returns as many words as it gets and leaves the indices in ``protected`` alone."""

    def __call__(self, words: Sequence[Word], rng: random.Random, protected: Collection[int] = ()) -> Augmented: ...


def generator(seed: int, epoch: int, example: int, view: int) -> random.Random:
    """Source of randomness of one view of one example: a pure function of the four integers, about 6 microseconds."""
    return random.Random(hash_integers(seed, epoch, example, view))


def check_ratio(option: str, value: float) -> float:
    """Return a probability; UserError, naming the option, for anything else."""
    PROBABILITY.check(option, value)
    return value


def check_not_negative(option: str, value: float) -> float:
    """Return a finite number >= 0; UserError, naming the option, for anything else."""
    NOT_NEGATIVE.check(option, value)
    return value
