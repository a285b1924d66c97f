"""Sentence vectors: mean-pooled states of any layer of a pre-trained or fine-tuned encoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary
from torch import Tensor

from ...data.sentences import Sentences
from ...errors import UserError
from ...models.pretrained import build_pretrained, read_pretrained
from ...processes import ALONE, Team
from ..checkpoint import PRECISIONS, find_device

XTREME_LAYERS = {12: 8, 24: 14}  # XTREME's scripts: states 7 of 0..11 and 13 of 0..23, counted after the embeddings


def default_layer(layers: int) -> int:
    """Layer that XTREME compares sentences at: 8 of 12, 14 of 24; two thirds up in encoders of other depths."""
    return XTREME_LAYERS.get(layers, math.ceil(2 * layers / 3))


class SentenceEncoder:
    """The first ``layer`` layers of an encoder in eval mode, and how their states become one vector.

    ``pooling``: ``mean`` over all positions of the sentence, ``<s>`` and ``</s>`` among them; ``inner`` without these
    two; ``first`` takes the state of ``<s>``. Padding never counts. ``whole``: the layers above are kept as well.
    """

    def __init__(self, encoder: Any, layer: int, pooling: str, max_length: int, whole: bool = False) -> None:
        self.encoder, self.layer, self.pooling, self.max_length = encoder, layer, pooling, max_length
        self.depth = len(encoder.layers)  # of the whole encoder
        if layer < self.depth and not whole:  # the others are never run, and a norm at the end belongs to the last one
            encoder.layers = torch.nn.ModuleList(list(encoder.layers)[:layer])
            encoder.layer_norm = None
        self.device = encoder.embed_tokens.weight.device
        self.width = int(encoder.embed_tokens.embedding_dim)

    def describe(self) -> str:
        what = {"mean": "mean with <s> and </s>", "inner": "mean without <s> and </s>", "first": "<s>"}[self.pooling]
        return f"layer {self.layer}, {what}"

    def encode(
        self, sentences: Sentences, batch_size: int | None = None, max_tokens: int | None = None,
        progress: Callable[[int], object] | None = None, team: Team = ALONE,
    ) -> Tensor:  # fmt: skip
        """Vectors (N, d) float32 in the order of the sentences; batches hold sentences of like length, and ``team``
        shares them."""
        vectors = torch.empty(len(sentences), self.width, dtype=torch.float32, device=self.device)
        own = [np.zeros(0, np.int64)]
        for rows, tokens in self.batches(sentences, batch_size, max_tokens, team):
            own.append(rows)
            with torch.inference_mode():
                vectors[torch.from_numpy(rows).to(self.device)] = self.vectors(tokens.to(self.device))
            if progress is not None:
                progress(len(rows))
        if team.size > 1:
            mine = np.concatenate(own)
            for rows, found in team.gather([mine, vectors.cpu().numpy()[mine]]):
                vectors[torch.from_numpy(rows)] = torch.from_numpy(found).to(self.device)
        if not bool(torch.isfinite(vectors).all()):
            raise UserError("sentence vectors are not finite; run without --fp16, or check the checkpoint")
        return vectors

    def batches(
        self, sentences: Sentences, batch_size: int | None, max_tokens: int | None, team: Team = ALONE
    ) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Row numbers (B,) and ids (B, T) int64 of this process's batches, the longest first."""
        for rows in team.share(self._plan(sentences, batch_size, max_tokens)):
            yield rows, sentences.take(rows).tokens(self.encoder.dictionary, self.max_length)

    def _plan(self, sentences: Sentences, batch_size: int | None, max_tokens: int | None) -> list[np.ndarray]:
        """Row numbers of every batch."""
        lengths = np.minimum(sentences.sizes + 1, self.max_length)
        order = np.argsort(-lengths, kind="stable")
        if max_tokens is not None and len(order) and max_tokens < lengths[order[0]]:
            raise UserError(
                f"--max-tokens {max_tokens}: a sentence has {lengths[order[0]]} positions; pass at least that many"
            )
        start, found = 0, list[np.ndarray]()
        while start < len(order):
            width = int(lengths[order[start]])
            count = min(batch_size or len(order), (max_tokens or width * len(order)) // width)
            found.append(order[start : start + count])
            start += count
        return found

    def vectors(self, tokens: Tensor) -> Tensor:
        """Ids (B, T) to vectors (B, d) float32."""
        return self.layer_vectors(tokens, [self.layer])[0]

    def layer_vectors(self, tokens: Tensor, layers: Sequence[int]) -> Tensor:
        """Ids (B, T) to vectors of several layers, all from one pass: (len(layers), B, d) float32."""
        padding = tokens.eq(self.encoder.padding_idx)
        mask = padding if bool(padding.any()) else None  # without padding attention takes its fastest path
        x, _ = self.encoder.forward_embedding(tokens)
        if mask is not None:
            x = x * (~padding).unsqueeze(-1).type_as(x)
        x = x.transpose(0, 1)  # T x B x C
        found: dict[int, Tensor] = {}
        for number in range(max(layers) + 1):
            if number:
                x = self.encoder.layers[number - 1](x, encoder_padding_mask=mask)
            if number in layers:
                last = number == len(self.encoder.layers) and self.encoder.layer_norm is not None
                found[number] = self._pool(self.encoder.layer_norm(x) if last else x, tokens, padding)
        return torch.stack([found[number] for number in layers])

    def _pool(self, x: Tensor, tokens: Tensor, padding: Tensor) -> Tensor:
        """States (T, B, d) of a layer to vectors (B, d) float32."""
        if self.pooling == "first":
            return x[0].float()
        weights = (~padding).T.to(torch.float32)
        if self.pooling == "inner":
            weights = weights * tokens.T.ne(self.encoder.dictionary.eos())
            weights[0] = 0
        total = torch.einsum("tb,tbc->bc", weights, x.float())
        return total / weights.sum(dim=0).clamp(min=1)[:, None]


def load_sentence_encoder(
    path: str, dictionary: Dictionary, layer: int | None = None, pooling: str = "mean", max_length: int = 512,
    device: str | None = None, precision: str = "fp32", whole: bool = False,
) -> SentenceEncoder:  # fmt: skip
    """The encoder of any RoBERTa or XLM-R checkpoint of fairseq (see ``models.pretrained.build_pretrained``).

    Args:
        dictionary: of the data, with ``<mask>``; its size must be the checkpoint's.
        layer: 0 (embeddings) to the number of layers; None for :func:`default_layer`.
        max_length: positions of a sentence with ``<s>`` and ``</s>`` (XTREME: 512), at most the position table's.
        whole: keep the layers above, too, for :meth:`SentenceEncoder.layer_vectors`.

    Raises:
        UserError: no such file or layer, no such encoder in it, or another vocabulary.
    """
    target = find_device(device, precision)
    model = build_pretrained(path, read_pretrained(path), dictionary)
    encoder = model.encoder.sentence_encoder
    depth = len(encoder.layers)
    if layer is not None and not 0 <= layer <= depth:
        raise UserError(f"--layer {layer}: {path} has layers 1 to {depth}; 0 is the embeddings")
    encoder.to(device=target, dtype=PRECISIONS[precision]).eval()
    layer = default_layer(depth) if layer is None else layer
    return SentenceEncoder(encoder, layer, pooling, min(max_length, model.args.max_positions), whole)
