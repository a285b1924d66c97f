"""The pieces that augmentations of words may bring into a run: an upper bound, found before it begins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from fairseq.data import Dictionary

from .base import WordAugmentation
from .code_switch import CodeSwitch
from .subword import SubwordSampling
from .words import BOUNDARY

_LONGEST = 4  # characters of the n-grams that a longer piece must consist of


class Spellings:
    """Collects spellings, and tells which pieces may lie in them.

    A piece lies in one only if all of its n-grams of 4 characters do, or itself if it is shorter; the bound is close,
    and its time does not grow with the length of a text without spaces as that of all substrings does.
    """

    def __init__(self) -> None:
        self._grams: set[str] = set()

    def add(self, spelling: str) -> None:
        add = self._grams.add
        for begin in range(len(spelling)):
            for length in range(1, _LONGEST + 1):
                add(spelling[begin : begin + length])

    def pieces(self, dictionary: Dictionary, begin_words: bool = False) -> Iterator[int]:
        """Ids of the pieces that may be substrings of a spelling; ``begin_words``: what lies within a word may begin
        one, too."""
        for number, symbol in enumerate(dictionary.symbols):
            bare = symbol.removeprefix(BOUNDARY) if begin_words else symbol
            if self._holds(symbol) or self._holds(bare) or (begin_words and not bare):
                yield number

    def _holds(self, symbol: str) -> bool:
        last = max(len(symbol) - _LONGEST, 0)
        return all(symbol[begin : begin + _LONGEST] in self._grams for begin in range(last + 1))


def needs_words(augmentations: Collection[WordAugmentation]) -> bool:
    """Whether :func:`reachable` depends on the words of the texts."""
    return any(isinstance(one, SubwordSampling) or getattr(one, "lower", False) for one in augmentations)


def reachable(augmentations: Collection[WordAugmentation], words: Iterable[list[int]]) -> set[int]:
    """Ids of all pieces that these augmentations, one after the other, may put in the place of words.

    Args:
        words: every different word of the texts, read where :func:`needs_words`.
    """
    switches = [one for one in augmentations if isinstance(one, CodeSwitch)]
    samplings = [one for one in augmentations if isinstance(one, SubwordSampling)]
    drawn = [word for switch in switches for word in switch.outcomes()]
    found = {piece for word in drawn for piece in word}
    if not needs_words(augmentations):
        return found
    lowering = [switch for switch in switches if switch.lower]
    pieces = (samplings or lowering)[0].pieces
    spelt = Spellings()
    for ids in words:
        word = tuple(ids)
        spelt.add(pieces.join(word))
        text = pieces.text(word) if lowering else None
        if text is not None:
            spelt.add("".join(pieces.model.EncodeAsPieces(text.lower())))
    for word in drawn:
        spelt.add(pieces.join(word))
    found.update(spelt.pieces(pieces.dictionary, begin_words=bool(lowering)))
    return found
