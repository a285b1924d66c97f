"""Invented tagging data of sentences as long as real ones, for the measurements of XLA."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from fairseq.data import Dictionary
from step_speed import empty_data

from xl_plugins.data.binary.writer import IndexedWriter

TAGS = ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O")
_SHAPE = 4.0  # of the gamma distribution of words per sentence: half of the mean is its standard deviation
_COUNTS = 1000  # stored as 16 bits
_SHORTEST, _LONGEST = 3, 120  # words of a sentence


def tagging_data(root: Path, types: int, texts: Mapping[str, int], words: float, pieces: float) -> Path:
    """A data folder of random sentences.

    Args:
        types: of the dictionary, special tokens included.
        texts: sentences of every file, by ``<language>/<split>``; those of training have tags in English only.
        words: mean of a sentence, gamma distributed.
        pieces: mean of a word, from one.
    """
    empty_data(root, types)
    (root / "label" / "dict.txt").write_text("".join(f"{tag} 1\n" for tag in TAGS))
    special = Dictionary().nspecial
    for number, (name, count) in enumerate(texts.items()):
        language, split = name.split("/")
        draw = np.random.default_rng([1, number])
        lengths = np.clip(draw.gamma(_SHAPE, words / _SHAPE, count).round(), _SHORTEST, _LONGEST).astype(np.int64)
        per_word = 1 + draw.poisson(pieces - 1, lengths.sum())
        sizes = np.add.reduceat(per_word, np.cumsum(lengths) - lengths)
        tokens = draw.integers(special, types - 1, sizes.sum())
        _write(root / language / "input0" / split, *_ended(tokens, sizes), types)
        _write(root / language / "words" / split, per_word, lengths, _COUNTS)
        if split != "train" or language == "en":
            tags = draw.integers(special, special + len(TAGS), lengths.sum())
            _write(root / language / "label" / split, *_ended(tags, lengths), special + len(TAGS))
    return root


def _ended(values: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows with ``</s>`` at their ends."""
    return np.insert(values, np.cumsum(sizes), Dictionary().eos()), sizes + 1


def _write(prefix: Path, values: np.ndarray, sizes: np.ndarray, vocabulary: int) -> None:
    prefix.parent.mkdir(parents=True, exist_ok=True)
    writer = IndexedWriter(str(prefix), vocabulary)
    writer.append(values, sizes)
    writer.close()
