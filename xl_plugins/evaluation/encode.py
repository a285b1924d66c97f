"""Sentence vectors: mean-pooled states of any layer of a pre-trained or fine-tuned encoder."""

from __future__ import annotations

import math
import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fairseq import checkpoint_utils
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import MMapIndexedDataset
from omegaconf import OmegaConf
from torch import Tensor

from ..errors import UserError
from ..models.plain import XLMRModel
from .checkpoint import PRECISIONS, find_device

POOLINGS = ("mean", "inner", "first")
XTREME_LAYERS = {12: 8, 24: 14}  # XTREME's scripts: states 7 of 0..11 and 13 of 0..23, counted after the embeddings
_PREFIX = "encoder.sentence_encoder."
_SHAPE = ("encoder_attention_heads", "encoder_normalize_before", "activation_fn", "layernorm_embedding",
          "no_scale_embedding", "no_token_positional_embeddings", "encoder_learned_pos")  # fmt: skip


def default_layer(layers: int) -> int:
    """Layer that XTREME compares sentences at: 8 of 12, 14 of 24; two thirds up in encoders of other depths."""
    return XTREME_LAYERS.get(layers, math.ceil(2 * layers / 3))


@dataclass
class Sentences:
    """Encoded sentences: piece ids of all of them (each ended by ``</s>``), where each starts, and its length.

    ``owner``: what keeps the mapped file open; fairseq's data set unmaps it when it goes.
    """

    ids: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    owner: Any = None

    @classmethod
    def of(cls, texts: MMapIndexedDataset) -> Sentences:
        """A binarised file, mapped into memory."""
        index = texts._index
        ids = np.frombuffer(texts._bin_buffer, dtype=index.dtype)
        return cls(ids, index._pointers // index.dtype().itemsize, np.array(texts.sizes, dtype=np.int64), texts)

    def __len__(self) -> int:
        return len(self.sizes)

    def take(self, rows: np.ndarray) -> Sentences:
        return Sentences(self.ids, self.starts[rows], self.sizes[rows], self.owner)

    def distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """First row of every different sentence (U,), and which of these each row is (N,)."""
        seen: dict[bytes, int] = {}
        first: list[int] = []
        which = np.empty(len(self), dtype=np.int64)
        for row, (start, size) in enumerate(zip(self.starts.tolist(), self.sizes.tolist())):
            number = seen.setdefault(self.ids[start : start + size].tobytes(), len(first))
            if number == len(first):
                first.append(row)
            which[row] = number
        return np.array(first, dtype=np.int64), which


class SentenceEncoder:
    """The first ``layer`` layers of an encoder in eval mode, and how their states become one vector.

    ``pooling``: ``mean`` over all positions of the sentence, ``<s>`` and ``</s>`` among them; ``inner`` without these
    two; ``first`` takes the state of ``<s>``. Padding never counts.
    """

    def __init__(self, encoder: Any, layer: int, pooling: str, max_length: int) -> None:
        self.encoder, self.layer, self.pooling, self.max_length = encoder, layer, pooling, max_length
        if layer < len(encoder.layers):  # the others are never run, and a norm at the end belongs to the last one
            encoder.layers = torch.nn.ModuleList(list(encoder.layers)[:layer])
            encoder.layer_norm = None
        self.device = encoder.embed_tokens.weight.device
        self.width = int(encoder.embed_tokens.embedding_dim)

    def describe(self) -> str:
        what = {"mean": "mean with <s> and </s>", "inner": "mean without <s> and </s>", "first": "<s>"}[self.pooling]
        return f"layer {self.layer}, {what}"

    def encode(
        self, sentences: Sentences, batch_size: int | None = None, max_tokens: int | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> Tensor:  # fmt: skip
        """Vectors (N, d) float32 in the order of the sentences; batches hold sentences of like length."""
        vectors = torch.empty(len(sentences), self.width, dtype=torch.float32, device=self.device)
        for rows, tokens in self.batches(sentences, batch_size, max_tokens):
            with torch.inference_mode():
                vectors[torch.from_numpy(rows).to(self.device)] = self.vectors(tokens.to(self.device))
            if progress is not None:
                progress(len(rows))
        if not bool(torch.isfinite(vectors).all()):
            raise UserError("sentence vectors are not finite; run without --fp16, or check the checkpoint")
        return vectors

    def batches(
        self, sentences: Sentences, batch_size: int | None, max_tokens: int | None
    ) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Row numbers (B,) and ids (B, T) int64, the longest first."""
        lengths = np.minimum(sentences.sizes + 1, self.max_length)
        order = np.argsort(-lengths, kind="stable")
        if max_tokens is not None and len(order) and max_tokens < lengths[order[0]]:
            raise UserError(
                f"--max-tokens {max_tokens}: a sentence has {lengths[order[0]]} positions; pass at least that many"
            )
        start = 0
        while start < len(order):
            width = int(lengths[order[start]])
            count = min(batch_size or len(order), (max_tokens or width * len(order)) // width)
            rows = order[start : start + count]
            yield rows, self._tokens(sentences.take(rows), lengths[rows])
            start += count

    def _tokens(self, sentences: Sentences, lengths: np.ndarray) -> Tensor:
        """``<s> a </s>`` padded (B, T); a sentence that is too long loses pieces at its end."""
        dictionary: Dictionary = self.encoder.dictionary
        places = np.arange(int(lengths.max()) - 1)
        inside = places[None] < lengths[:, None] - 1
        flat = np.where(inside, sentences.starts[:, None] + places[None], sentences.starts[:, None])
        tokens = np.full((len(lengths), len(places) + 1), dictionary.pad(), dtype=np.int64)
        tokens[:, 0] = dictionary.bos()
        tokens[:, 1:] = np.where(inside, sentences.ids[flat], dictionary.pad())
        tokens[np.arange(len(lengths)), lengths - 1] = dictionary.eos()
        return torch.from_numpy(tokens)

    def vectors(self, tokens: Tensor) -> Tensor:
        """Ids (B, T) to vectors (B, d) float32."""
        padding = tokens.eq(self.encoder.padding_idx)
        mask = padding if bool(padding.any()) else None  # without padding attention takes its fastest path
        x, _ = self.encoder.forward_embedding(tokens)
        if mask is not None:
            x = x * (~padding).unsqueeze(-1).type_as(x)
        x = x.transpose(0, 1)  # T x B x C
        for layer in self.encoder.layers:
            x = layer(x, encoder_padding_mask=mask)
        if self.encoder.layer_norm is not None:
            x = self.encoder.layer_norm(x)
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
    device: str | None = None, precision: str = "fp32",
) -> SentenceEncoder:  # fmt: skip
    """The encoder of any RoBERTa or XLM-R checkpoint of fairseq: a published archive, a pre-training run, a fine-tuned
    model of this package (X-Mixup's as plain encoder).

    Args:
        dictionary: of the data, with ``<mask>``; its size must be the checkpoint's.
        layer: 0 (embeddings) to the number of layers; None for :func:`default_layer`.
        max_length: positions of a sentence with ``<s>`` and ``</s>`` (XTREME: 512), at most the position table's.

    Raises:
        UserError: no such file or layer, no such encoder in it, or another vocabulary.
    """
    target = find_device(device, precision)
    if not os.path.isfile(path):
        raise UserError(f"--path {path}: no such file; give model.pt of a pre-trained model or a checkpoint")
    state = checkpoint_utils.load_checkpoint_to_cpu(path)
    weights = {k: v for k, v in state["model"].items() if k.startswith(("encoder.", "decoder."))}
    positions = _table_length(path, weights)
    model = XLMRModel.build_model(_options(path, state, weights, positions), Namespace(source_dictionary=dictionary))
    try:
        missing = model.load_state_dict(weights, strict=False).missing_keys
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    lost = [key for key in missing if key.startswith(_PREFIX)]
    if lost:
        raise UserError(f"{path}: no {lost[0]} in it; give a whole RoBERTa or XLM-R checkpoint of fairseq")
    encoder = model.encoder.sentence_encoder
    depth = len(encoder.layers)
    if layer is not None and not 0 <= layer <= depth:
        raise UserError(f"--layer {layer}: {path} has layers 1 to {depth}; 0 is the embeddings")
    encoder.to(device=target, dtype=PRECISIONS[precision]).eval()
    layer = default_layer(depth) if layer is None else layer
    return SentenceEncoder(encoder, layer, pooling, min(max_length, positions))


def _table_length(path: str, weights: dict[str, Tensor]) -> int:
    """Longest text of the position table, whose first two rows are not used."""
    for name in ("encoder.", "decoder."):
        table = weights.get(f"{name}sentence_encoder.embed_positions.weight")
        if table is not None:
            return len(table) - 2
    raise UserError(
        f"{path}: holds no RoBERTa or XLM-R encoder; give model.pt of a pre-trained model or a checkpoint made from one"
    )


def _options(path: str, state: dict, weights: dict[str, Tensor], positions: int) -> Namespace:
    """Shape of the encoder: sizes as the weights have them, the rest as the checkpoint's own options say."""
    given = state.get("args") or state["cfg"].get("model")
    known = OmegaConf.to_container(given) if OmegaConf.is_config(given) else vars(given)
    if not isinstance(known, dict) or "encoder_attention_heads" not in known:
        raise UserError(f"{path}: its options do not say the number of attention heads; give a checkpoint of fairseq")
    layers = {key.split(".")[3] for key in weights if ".sentence_encoder.layers." in key}
    first = next(weights[key] for key in weights if key.endswith("sentence_encoder.layers.0.fc1.weight"))
    return Namespace(
        **{name: known[name] for name in _SHAPE if name in known},
        encoder_layers=len(layers), encoder_ffn_embed_dim=first.size(0), encoder_embed_dim=first.size(1),
        max_positions=positions, tokens_per_sample=positions,
    )  # fmt: skip
