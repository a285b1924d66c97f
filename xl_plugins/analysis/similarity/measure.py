"""One pass of an encoder over parallel texts: sums for CKA and centroids of every layer, and the vectors of a sample.

Blocks of rows are encoded in all languages, in batches of like length, and added to the sums; so memory does not grow
with the texts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ...data.sentences import Sentences
from ...errors import UserError
from ...evaluation.retrieval.encode import SentenceEncoder
from ...functional.analysis.similarity import ParallelMoments
from ...functional.scores.retrieval import neighbours, normalise
from .texts import ParallelTexts

BLOCK = 2048  # rows of a block times its layers
_LEAST = 256  # rows of a block, so that batches of like length are found in it


@dataclass
class Measured:
    """The results of a pass: sums by layer, the sample's vectors by layer (L, S, d) float32, the seconds of encoding
    and of the sums."""

    languages: list[str]
    layers: list[int]
    moments: dict[int, ParallelMoments]
    sample: dict[int, Tensor]
    seconds: dict[str, float] = field(default_factory=dict)

    def cka(self, layer: int) -> dict[str, float]:
        """CKA of every other language with the source language."""
        return {lang: self.moments[layer].cka(0, place) for place, lang in enumerate(self.languages) if place}

    def matrix(self, layer: int) -> np.ndarray:
        """CKA of every pair of languages: (L, L)."""
        places = range(len(self.languages))
        return np.array([[self.moments[layer].cka(i, j) for j in places] for i in places])

    def retrieval(self, layer: int) -> dict[str, tuple[float, float]]:
        """Share in percent of the sample's sentences whose nearest neighbour by cosine is their translation: into the
        source language, and from it."""
        found: dict[str, tuple[float, float]] = {}
        vectors = [normalise(one) for one in self.sample[layer]]
        right = torch.arange(len(vectors[0]), device=vectors[0].device)
        for place, language in enumerate(self.languages[1:], 1):
            sides = neighbours(vectors[place], vectors[0])
            into, back = (100 * float(side.rows[:, 0].eq(right).double().mean()) for side in sides)
            found[language] = (into, back)
        return found


def parse_layers(text: str | None, main: int, depth: int) -> list[int]:
    """Layers of ``--layers``: ``all``, or numbers, of which ``main`` is always one; ascending."""
    if text is None:
        return [main]
    if text == "all":
        return list(range(depth + 1))
    try:
        found = {int(part) for part in text.split(",")}
    except ValueError:
        raise UserError(f"--layers {text}: expected all, or numbers such as 0,4,8") from None
    wrong = [layer for layer in sorted(found) if not 0 <= layer <= depth]
    if wrong:
        raise UserError(
            f"--layers {text}: no layer {wrong[0]}; the encoder has layers 1 to {depth}, 0 is the embeddings"
        )
    return sorted(found | {main})


def measure(
    encoder: SentenceEncoder, texts: ParallelTexts, layers: Sequence[int], main: int, matrix: bool, sample: int,
    batch_size: int | None, max_tokens: int | None, progress: Callable[[int], object],
) -> Measured:  # fmt: skip
    """Encode all texts once.

    Args:
        layers: to be measured; ``main`` is one of them.
        matrix: sum the cross moments of all pairs of languages at ``main``; else those with the source language.
        sample: most rows, equally spaced, whose vectors are kept.
        progress: told how many sentences are done.
    """
    count, total = len(texts.languages), len(texts)
    with_source = [(0, place) for place in range(1, count)]
    every = [(i, j) for i in range(count) for j in range(i + 1, count)]
    moments = {
        layer: ParallelMoments(count, encoder.width, every if matrix and layer == main else with_source, encoder.device)
        for layer in layers
    }
    kept = np.unique(np.linspace(0, total - 1, min(sample, total)).astype(np.int64))
    parts: list[Tensor] = []
    seconds = {"encoding": 0.0, "sums": 0.0}
    size = max(_LEAST, BLOCK // len(layers))
    for start in range(0, total, size):
        rows = np.arange(start, min(start + size, total))
        begin = _now(encoder)
        block = torch.stack([
            encode_layers(encoder, texts.sentences[lang].take(rows), layers, batch_size, max_tokens, progress)
            for lang in texts.languages
        ])  # fmt: skip
        between = _now(encoder)
        if not bool(torch.isfinite(block).all()):
            raise UserError("sentence vectors are not finite; run without --fp16, or check the checkpoint")
        for place, layer in enumerate(layers):
            moments[layer].add(block[:, place])
        inside = kept[(kept >= start) & (kept < start + size)] - start
        parts.append(block[:, :, torch.from_numpy(inside).to(block.device)].cpu())
        end = _now(encoder)
        seconds["encoding"] += between - begin
        seconds["sums"] += end - between
    vectors = torch.cat(parts, dim=2)
    return Measured(
        texts.languages, list(layers), moments, {layer: vectors[:, place] for place, layer in enumerate(layers)},
        seconds,
    )  # fmt: skip


def encode_layers(
    encoder: SentenceEncoder, sentences: Sentences, layers: Sequence[int], batch_size: int | None,
    max_tokens: int | None, progress: Callable[[int], object],
) -> Tensor:  # fmt: skip
    """Vectors of several layers (len(layers), N, d) float32 in the order of the sentences."""
    made = torch.empty(len(layers), len(sentences), encoder.width, dtype=torch.float32, device=encoder.device)
    with torch.inference_mode():
        for rows, tokens in encoder.batches(sentences, batch_size, max_tokens):
            made[:, torch.from_numpy(rows).to(made.device)] = encoder.layer_vectors(tokens.to(made.device), layers)
            progress(len(rows))
    return made


def _now(encoder: SentenceEncoder) -> float:
    if encoder.device.type == "cuda":
        torch.cuda.synchronize(encoder.device)
    return time.perf_counter()
