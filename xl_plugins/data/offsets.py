"""Pieces of a running text with the characters each covers, so that an answer is cut from the raw text.

SentencePiece normalises first (NFKC, white space), which changes lengths: a ligature becomes two letters, a full-width
digit one of ASCII. Its map from normalised to raw characters gives the raw span of every piece; counts are code points.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any

import numpy as np

from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.data.wordpiece import WordPieceModel, split_wordpieces
from xl_plugins.errors import UserError

_SHOWN, _INVISIBLE, _SPACE = 0, 1, 2
_LAST = 0xFEFF  # behind it no character is white space, and invisible ones do not stand in running text


@cache
def _kinds() -> np.ndarray:
    """int8: kind of every character up to the last one that is not shown."""
    characters = map(chr, range(_LAST + 1))
    return np.array(
        [
            _SPACE if c.isspace() else _INVISIBLE if unicodedata.category(c) in ("Cc", "Cf") else _SHOWN
            for c in characters
        ],
        dtype=np.int8,
    )


def code_points(text: str) -> np.ndarray:
    """uint32 (characters)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def visible(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the characters that are shown, and behind each the end of the invisible ones that follow, int64.

    Invisible are control and format characters (zero-width space, direction marks) other than white space.
    """
    codes = code_points(text)
    kinds = np.zeros(len(codes) + 1, dtype=np.int8)
    low = codes <= _LAST
    kinds[:-1][low] = _kinds()[codes[low]]
    shown = np.flatnonzero(kinds[:-1] == _SHOWN)
    stops = np.flatnonzero(kinds != _INVISIBLE)
    return shown, stops[np.searchsorted(stops, shown + 1)]


def raw_spans(text: str, lengths: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Characters ``text[start:end]`` of each piece without white space at the ends, int32 (pieces, 2).

    ``lengths`` (pieces): normalised characters; ``offsets`` (normalised characters + 1): raw position of each. A piece
    that ends inside the expansion of one raw character covers that character; a piece of white space only is empty.
    Invisible characters belong to the shown one before them.
    """
    ends = np.cumsum(lengths)
    start, end = offsets[ends - lengths], offsets[ends]
    inside = offsets[ends - 1] == end  # the last normalised character and the next one come from one raw character
    return without_blanks(text, start, end + (inside & (lengths > 0) & (end < len(text))))


def without_blanks(text: str, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Characters ``text[start:end]`` of each piece, (pieces,) both, as :func:`raw_spans` gives them."""
    shown, tails = visible(text)
    first = np.searchsorted(shown, start)
    last = np.searchsorted(shown, end) - 1
    begin = np.where(first <= last, np.append(shown, len(text))[first], end)
    stop = np.where(first <= last, np.append(tails, len(text))[np.maximum(last, 0)], end)
    return np.stack([begin, stop], axis=1).astype(np.int32)


def cover(spans: np.ndarray, start: int, end: int) -> tuple[int, int]:
    """First and last piece of the smallest run of pieces that covers characters ``start:end``."""
    first = int(np.searchsorted(spans[:, 1], start, side="right"))
    last = int(np.searchsorted(spans[:, 0], end, side="left")) - 1
    return first, last


class ContextEncoder:
    """Encode running texts with spans; ``characters`` makes a piece of every single (normalised) character."""

    def __init__(self, encoder: PieceEncoder, characters: bool = False) -> None:
        self.encoder, self.characters = encoder, characters
        self._ids = encoder.dictionary.indices

    def encode(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Ids with </s> flat, ids per text, and the spans of each text's pieces without that of </s>."""
        find, unknown, eos = self._ids.get, self.encoder.dictionary.unk(), self.encoder.dictionary.eos()
        model = self.encoder.model
        made = self._wordpieces(model, texts) if isinstance(model, WordPieceModel) else self._pieces(model, texts)
        ids: list[list[int]] = []
        spans: list[np.ndarray] = []
        for pieces, places in made:
            ids.append([find(piece, unknown) for piece in pieces] + [eos])
            spans.append(places)
        sizes = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
        return np.fromiter(chain.from_iterable(ids), dtype=np.int64, count=int(sizes.sum())), sizes, spans

    def _wordpieces(self, model: WordPieceModel, texts: list[str]) -> Iterator[tuple[list[str], np.ndarray]]:
        for text, (pieces, places) in zip(texts, model.spans(texts)):
            if self.characters:
                pieces, places = split_wordpieces(pieces, places)
            yield pieces, without_blanks(text, places[:, 0], places[:, 1])

    def _pieces(self, model: Any, texts: list[str]) -> Iterator[tuple[list[str], np.ndarray]]:
        """SentencePiece's pieces of each text, and their spans."""
        rows = [[]] * len(texts) if self.characters else model.encode(texts, out_type=str, num_threads=1)
        for text, pieces in zip(texts, rows):
            normalised, offsets = model.Normalize(text, with_offsets=True)
            if self.characters:
                pieces = self._split(normalised)
            if "".join(pieces) != normalised:
                raise UserError(
                    "--spm: this tokenizer's pieces are not parts of the text (byte fallback?), so answers cannot be "
                    "placed; use the sentencepiece.bpe.model of XLM-R or one trained without byte fallback"
                )
            lengths = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
            yield pieces, raw_spans(text, lengths, np.array(offsets, dtype=np.int64))

    def _split(self, normalised: str) -> list[str]:
        """Characters; the mark of a word's beginning stays with the first where the dictionary has both as one."""
        pieces: list[str] = []
        for character in normalised:
            if pieces and pieces[-1] == "\u2581" and "\u2581" + character in self._ids:
                pieces[-1] += character
            else:
                pieces.append(character)
        return pieces
