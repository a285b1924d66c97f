"""Which pieces of a model are words of a language: V_L of SALT (Wang et al., Findings of ACL 2023), section 2.3.

A word of the list counts if the model writes it as one piece; longer words give nothing, as in the paper (footnote 3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from typing import Sequence

import numpy as np

from xl_plugins.augment.primitives.word_lists import WordList
from xl_plugins.augment.primitives.words import BOUNDARY, WordPieces
from xl_plugins.data.wordpiece import WordPieceModel
from xl_plugins.errors import UserError

LOW_COVERAGE = 0.05
UNSPACED = ("zh", "ja", "ko", "th")  # footnote 3 rules out zh, ja and ko; th is written without blanks too


@dataclass(frozen=True, eq=False)
class LanguageVocabulary:
    """The pieces that are words of one language.

    Attributes:
        language: code such as ``fr``.
        ids: fairseq ids, int64, ascending, none twice.
        surfaces: their texts without U+2581, as long as ``ids``.
        found: words of the list of which a variant is in ``ids``.
        words: words of the list.
        list: where they come from.
    """

    language: str
    ids: np.ndarray
    surfaces: Sequence[str]
    found: int
    words: int
    list: WordList

    @property
    def coverage(self) -> float:
        """Share of the list's words that are single pieces, 0 to 1."""
        return self.found / self.words

    def __len__(self) -> int:
        return len(self.ids)


def build_vocabulary(
    language: str, word_list: WordList, pieces: WordPieces, option: str = "--word-lists"
) -> LanguageVocabulary:
    """V_L: words of a list that are one piece, as they are written, in lower case and with a first capital.

    A piece counts if it is U+2581 and the word, letter by letter, and in the dictionary; of WordPiece, whatever its
    normaliser did with case and accents. ``option``: what a message calls the list.
    """
    variants = [case_variants(word) for word in word_list.words]
    texts = list(dict.fromkeys(text for group in variants for text in group))
    known = dict.fromkeys(texts, -1)
    model, find = pieces.model, pieces.dictionary.indices.get
    for text, encoded in zip(texts, model.encode(texts, out_type=int, num_threads=1)):
        piece = model.IdToPiece(encoded[0]) if len(encoded) == 1 else ""
        # never a special symbol: none begins with U+2581
        if piece == BOUNDARY + text or (isinstance(model, WordPieceModel) and piece.startswith(BOUNDARY)):
            known[text] = find(piece, -1)
    symbols = pieces.dictionary.symbols
    entries = [(number, symbols[number].removeprefix(BOUNDARY)) for number in sorted({*known.values()} - {-1})]
    found = sum(any(known[text] >= 0 for text in group) for group in variants)
    if not entries:
        raise UserError(
            f"{option}: none of the {len(variants)} words of {word_list.path} is a single piece of {pieces.spm_path} "
            f"(coverage 0.0 %); give a list of words in {language}, or leave the language out"
        )
    ids = np.array([number for number, _ in entries], dtype=np.int64)
    return LanguageVocabulary(language, ids, [text for _, text in entries], found, len(variants), word_list)


def case_variants(word: str) -> tuple[str, ...]:
    """A word as it is, in lower case, and with its first letter alone as a capital; none twice."""
    lower = word.lower()
    first = next((place for place, letter in enumerate(lower) if letter.isalpha()), 0)
    title = lower[:first] + lower[first : first + 1].title() + lower[first + 1 :]  # str.title: also after apostrophes
    return tuple(dict.fromkeys((word, lower, title)))


def ranking(vocabularies: Sequence[LanguageVocabulary]) -> list[str]:
    """Languages by descending coverage, the paper's way of choosing target languages (footnote 3)."""
    return [vocabulary.language for vocabulary in sorted(vocabularies, key=lambda x: -x.coverage)]


def overlaps(vocabularies: Sequence[LanguageVocabulary]) -> dict[tuple[str, str], int]:
    """Number of pieces that two languages share, for each pair in the order given."""
    return {
        (one.language, other.language): len(np.intersect1d(one.ids, other.ids, assume_unique=True))
        for one, other in combinations(vocabularies, 2)
    }


def warnings(vocabularies: Sequence[LanguageVocabulary]) -> list[str]:
    """Warnings about lists that hardly fit the model."""
    lines = []
    for one in vocabularies:
        if one.coverage < LOW_COVERAGE:
            lines.append(
                f"{one.language}: {one.found} of {one.words} words of {one.list.path} are single pieces "
                f"({one.coverage:.1%}, less than {LOW_COVERAGE:.0%}); few positions will have a substitute"
            )
        if re.split(r"[-_]", one.language.lower())[0] in UNSPACED:
            lines.append(
                f"{one.language}: most words are written without blanks or break into characters, so few pieces "
                f"are whole words (SALT leaves out zh, ja and ko); {len(one)} pieces remain"
            )
    return lines


def describe(vocabularies: Sequence[LanguageVocabulary]) -> list[str]:
    """Report: size and coverage by language, pairwise overlaps, ranking by coverage; lines of aligned text."""
    shared = overlaps(vocabularies)
    both = {**shared, **{(other, one): count for (one, other), count in shared.items()}}
    names = [vocabulary.language for vocabulary in vocabularies]
    rows = [["language", "pieces", "words", "single pieces", "coverage", *(f"in {name}" for name in names)]]
    for one in vocabularies:
        cells = [str(both.get((one.language, name), "-")) for name in names]
        rows.append([one.language, str(len(one)), str(one.words), str(one.found), f"{one.coverage:.1%}", *cells])
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    return [*lines, f"by coverage: {', '.join(ranking(vocabularies))}"]
