"""SentencePiece models of a few pieces with chosen scores, so that laws can be computed by hand."""

from __future__ import annotations

import random
import string
import struct
from collections import Counter
from pathlib import Path
from typing import Callable, Mapping, Sequence

import sentencepiece
from fairseq.data import Dictionary

from xl_plugins.augment.primitives.words import WordPieces

BOUNDARY = "\u2581"
SPECIAL = {"<unk>": 2, "<s>": 3, "</s>": 3}  # types of SentencePiece's model format: unknown, control
TOY = {"▁": -3.0, "a": -2.0, "b": -2.0, "c": -2.5, "ab": -3.0, "bc": -1.5, "▁a": -2.5, "▁ab": -1.0, "▁abc": -4.25}


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def model_bytes(scores: Mapping[str, float]) -> bytes:
    """A unigram model without normalisation: pieces, model type 1, a normaliser of the name ``identity``."""
    out = b""
    for piece, score in {**dict.fromkeys(SPECIAL, 0.0), **scores}.items():
        kind = _varint(3 << 3) + _varint(SPECIAL.get(piece, 1))
        out += _field(1, _field(1, piece.encode()) + _varint(2 << 3 | 5) + struct.pack("<f", score) + kind)
    return out + _field(2, _varint(3 << 3) + _varint(1)) + _field(3, _field(1, b"identity"))


def make_pieces(folder: Path, scores: Mapping[str, float], known: Sequence[str] | None = None) -> WordPieces:
    """Write a model and read it against a dictionary of its pieces (or of ``known`` alone)."""
    path = folder / "toy.model"
    path.write_bytes(model_bytes(scores))
    return WordPieces(make_dictionary(scores if known is None else known), str(path))


def make_dictionary(symbols: Sequence[str] | Mapping[str, float]) -> Dictionary:
    dictionary = Dictionary()
    for symbol in symbols:
        dictionary.add_symbol(symbol)
    return dictionary


def spellings(letters: str = string.ascii_letters + ".öçéüÄÖ你好") -> dict[str, float]:
    """A model that spells: one piece per letter, alone and at the beginning of a word."""
    return {BOUNDARY: -9.0, **{piece: -3.0 for letter in letters for piece in (letter, BOUNDARY + letter)}}


def shares(draw: Callable[[random.Random], object], number: int = 20_000, seed: int = 1) -> dict[object, float]:
    """How often each outcome comes in ``number`` draws from one generator."""
    rng = random.Random(seed)
    counts = Counter(draw(rng) for _ in range(number))
    return {outcome: count / number for outcome, count in counts.items()}


def random_words(number: int, seed: int = 1, letters: str = "aaabcdeeeilnorst") -> list[str]:
    """Words of random letters, which a model of few pieces must put together in many ways."""
    draw = random.Random(seed)
    return ["".join(draw.choices(letters, k=draw.randint(1, 9))) for _ in range(number)]


def train_pieces(folder: Path, kind: str = "unigram", size: int = 250) -> WordPieces:
    """Train a model on random words and read it."""
    words = random_words(20_000)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(" ".join(words[i : i + 10]) for i in range(0, len(words), 10)), model_type=kind,
        model_prefix=str(folder / kind), vocab_size=size, hard_vocab_limit=False, num_threads=1, minloglevel=2,
    )  # fmt: skip
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{kind}.model"))
    symbols = [model.IdToPiece(number) for number in range(3, model.GetPieceSize())]
    return WordPieces(make_dictionary(symbols), str(folder / f"{kind}.model"))
