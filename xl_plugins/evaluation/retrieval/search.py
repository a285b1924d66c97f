"""Retrieval on the vectors of one language: translations found (Tatoeba) and pairs mined (BUCC), with their scores."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.binary.layout import DataBin
from ...data.sentences import Sentences
from ...errors import UserError
from ...functional.scores.retrieval import Neighbours, best_threshold, mine, neighbours

FAISS_ROWS = 200_000  # sentences of one side from which faiss searches, where it is installed
NEIGHBOURS = 4  # k of margin scores (XTREME)


@dataclass
class Side:
    """One side of a bitext. ``first`` (U,): first row of every different sentence, ``which`` (N,): which of them each
    row is. Equal sentences are encoded once; a hit on one of them is a hit on the first."""

    sentences: Sentences
    first: np.ndarray
    which: np.ndarray

    @classmethod
    def of(cls, sentences: Sentences) -> Side:
        return cls(sentences, *sentences.distinct())

    @property
    def distinct(self) -> Sentences:
        return self.sentences.take(self.first)

    @property
    def repeated(self) -> np.ndarray:
        """Whether each different sentence stands in several rows (U,)."""
        return np.bincount(self.which) > 1


def read_gold(data: DataBin, language: str, split: str, rows: tuple[int, int]) -> np.ndarray | None:
    """Gold pairs (P, 2) of a row of the language and a row of the source language, None when there are none."""
    path = Path(f"{data.prefix(language, 'gold', split)}.npy")
    if not path.is_file() or data.is_unlabelled(language, split):
        return None
    try:
        pairs = np.load(path, allow_pickle=False)
        fits = pairs.ndim == 2 and pairs.shape[1] == 2 and pairs.dtype.kind in "iu"
    except (ValueError, OSError, EOFError):
        fits = False
    if not fits or not len(pairs):
        raise UserError(f"{path}: expected pairs of row numbers, int64 (pairs, 2); prepare the data again")
    if int(pairs.min()) < 0 or (pairs.max(axis=0) >= rows).any():
        raise UserError(f"{path}: names a row beyond the {rows[0]} and {rows[1]} sentences; prepare the data again")
    return pairs


@dataclass
class Translations:
    """Nearest neighbours of one language: rows of the other side for every row, in both directions."""

    to_language: np.ndarray  # for every source-language sentence: what XTREME scores
    to_source: np.ndarray

    def counters(self, gold: np.ndarray) -> np.ndarray:
        """Per gold pair (P, 3): hit towards the source language, hit towards the language, 1."""
        own, source = gold.T
        hits = (self.to_source[own] == source, self.to_language[source] == own, np.ones(len(gold), dtype=bool))
        return np.stack(hits, axis=1).astype(np.int64)


def find_translations(own: Side, own_vectors: Tensor, source: Side, source_vectors: Tensor) -> Translations:
    """Nearest sentence by cosine. Vectors are those of the different sentences (U, d), of length 1."""
    forward, backward = search(own_vectors, source_vectors, 1)
    to_source = source.first[forward.rows[:, 0].cpu().numpy()]
    to_language = own.first[backward.rows[:, 0].cpu().numpy()]
    return Translations(to_language[source.which], to_source[own.which])


@dataclass
class Mined:
    """Candidate pairs (P, 2) of rows, and their scores (P,)."""

    pairs: np.ndarray
    scores: np.ndarray

    def correct(self, gold: np.ndarray) -> np.ndarray:
        """Whether each candidate is a gold pair (P,)."""
        known = set(map(tuple, gold.tolist()))
        return np.array([tuple(pair) in known for pair in self.pairs.tolist()], dtype=bool)

    def threshold(self, gold: np.ndarray) -> float:
        return best_threshold(self.scores, self.correct(gold), len(gold))

    def counters(self, gold: np.ndarray, threshold: float) -> np.ndarray:
        """Per gold pair, then per candidate from ``threshold`` on that is none: in gold, found, both (P, 3)."""
        chosen = self.scores >= threshold
        found = set(map(tuple, self.pairs[chosen].tolist()))
        hits = np.array([tuple(pair) in found for pair in gold.tolist()], dtype=np.int64)
        wrong = int((chosen & ~self.correct(gold)).sum())
        return np.concatenate([np.stack([np.ones_like(hits), hits, hits], 1), np.tile([[0, 1, 0]], (wrong, 1))])


def mine_pairs(
    own: Side, own_vectors: Tensor, source: Side, source_vectors: Tensor, margin: str = "ratio", how: str = "max"
) -> Mined:
    """Candidates among the different sentences; those that stand in several rows are left out afterwards, since it is
    not known which row they are (both as XTREME does)."""
    found = search(own_vectors, source_vectors, NEIGHBOURS)
    pairs, scores = mine(*found, margin=margin, how=how)
    sure = ~(own.repeated[pairs[:, 0]] | source.repeated[pairs[:, 1]])
    pairs, scores = pairs[sure], scores[sure]
    return Mined(np.stack([own.first[pairs[:, 0]], source.first[pairs[:, 1]]], axis=1), scores)


def search(x: Tensor, y: Tensor, k: int) -> tuple[Neighbours, Neighbours]:
    """Exact nearest neighbours in both directions: by blocks, or on the CPU above 200,000 sentences by faiss."""
    if x.device.type == "cpu" and max(len(x), len(y)) > FAISS_ROWS:
        faiss = _faiss()
        if faiss is not None:
            return _search_faiss(faiss, x, y, k), _search_faiss(faiss, y, x, k)
        print(
            f"xl-evaluate: note: {max(len(x), len(y))} sentences are searched without faiss; pip install"
            " 'xl-plugins[faiss]' may be faster",
            file=sys.stderr,
        )
    return neighbours(x, y, k)


def _faiss() -> Any:
    try:
        return importlib.import_module("faiss")
    except ImportError:
        return None


def _search_faiss(faiss: Any, x: Tensor, y: Tensor, k: int) -> Neighbours:
    index = faiss.IndexFlatIP(y.size(1))
    index.add(np.ascontiguousarray(y.numpy()))
    scores, rows = index.search(np.ascontiguousarray(x.numpy()), min(k, len(y)))
    return Neighbours(torch.from_numpy(scores), torch.from_numpy(rows))
