"""Windows of questions written a second time, one piece after the other."""

from __future__ import annotations

from functools import partial
from itertools import accumulate

from user_dir_tests.helpers.toys.toy_views import open_training_set
from xl_plugins.augment.primitives.words import WordPieces

LONG = 3000  # positions in which every context fits
N = 8  # questions of the folders
Words = list[tuple[int, ...]]
open_set = partial(open_training_set, "qa")


def context_of(row: list[int]) -> tuple[list[int], list[int]]:
    """Question and context of ``<s> question </s> </s> context </s>``."""
    assert row[0] == 0 and row[-1] == 2
    cut = row.index(2)
    assert row[cut + 1] == 2 and row[1:-1].count(2) == 2
    return row[1:cut], row[cut + 2 : -1]


def expected_window(
    words: Words, other: Words, change: list[bool], start: int, room: int
) -> tuple[list[int], list[int], list[int], list[int]]:
    """Context pieces of x and x', and the places of shared pieces in both."""
    held = [(number, nth) for number, word in enumerate(words) for nth in range(len(word))][start : start + room]
    x = [words[number][nth] for number, nth in held]
    second: list[tuple[int, int | None, int]] = []  # word, piece of x that it is, id
    for number in dict.fromkeys(number for number, _ in held):
        if change[number]:
            second += [(number, None, piece) for piece in other[number]]
        else:
            second += [(number, nth, words[number][nth]) for which, nth in held if which == number]
    second = second[:room]
    shared = [(held.index((number, nth)), place) for place, (number, nth, _) in enumerate(second) if nth is not None]
    return x, [piece for _, _, piece in second], [one for one, _ in shared], [two for _, two in shared]


def words_of(pieces: WordPieces, context: list[int]) -> Words:
    """Words begin at pieces with U+2581."""
    words: Words = []
    for piece in context:
        if pieces.dictionary.symbols[piece].startswith("▁") or not words:
            words.append(())
        words[-1] += (piece,)
    return words


def place(words: Words, piece: int) -> tuple[int, int]:
    """Word, and piece in the word, of a piece of a text."""
    ends = list(accumulate(map(len, words)))
    number = next(i for i, end in enumerate(ends) if piece < end)
    return number, piece - (ends[number] - len(words[number]))
