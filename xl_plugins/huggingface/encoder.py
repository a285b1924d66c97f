"""Weights of Hugging Face's encoders as those of fairseq's RoBERTa: XLM-R, RoBERTa, XLM-R XL, and BERT."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import UserError
from .folder import Folder
from .weights import Weights
from .wordpiece import has_wordpiece

ENCODER, HEAD = "encoder.sentence_encoder.", "encoder.lm_head."
TYPES = "token_types.weight"  # our table of token types, behind embed_positions
PAIR = 2  # token types of a pair's texts
ACTIVATIONS = {
    "gelu": "gelu", "gelu_new": "gelu_accurate", "gelu_pytorch_tanh": "gelu_accurate", "relu": "relu",
}  # fmt: skip
_EPSILON = {"xlm-roberta-xl": 1e-5}  # transformers' defaults, by kind; 1e-12 for others
_PAD = 1  # fairseq's, and XLM-R's
_SPECIAL_POSITIONS = 2  # fairseq counts positions from <pad> + 1
NAMES = {  # of a layer: Hugging Face's, and fairseq's
    "attention.self.query": "self_attn.q_proj", "attention.self.key": "self_attn.k_proj",
    "attention.self.value": "self_attn.v_proj", "attention.output.dense": "self_attn.out_proj",
    "intermediate.dense": "fc1", "output.dense": "fc2",
}  # fmt: skip
NORMS = {
    False: {"attention.output.LayerNorm": "self_attn_layer_norm", "output.LayerNorm": "final_layer_norm"},
    True: {"attention.self_attn_layer_norm": "self_attn_layer_norm", "LayerNorm": "final_layer_norm"},
}  # by whether the norm comes first, as in XLM-R XL
_LM_HEADS = (  # dense layer, layer norm, bias of the output, output: RoBERTa's, BERT's
    ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias", "lm_head.decoder.weight"),
    ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias",
     "cls.predictions.decoder.weight"),
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """Sizes of an encoder, as options of fairseq.

    heads: attention heads; positions: longest text; types: token types; vocabulary: rows of the embedding table; eps:
    epsilon of the layer norms; pairs: the first two token types tell the texts of a pair apart, else the first is part
    of the positions.
    """

    layers: int
    width: int
    inner: int
    heads: int
    positions: int
    types: int
    vocabulary: int
    activation: str
    norm_first: bool
    eps: float
    pairs: bool = False

    def options(self) -> argparse.Namespace:
        """As a checkpoint of fairseq has them."""
        return argparse.Namespace(
            arch="roberta_base", task="masked_lm", criterion="masked_lm", data="", seed=1,
            encoder_layers=self.layers, encoder_embed_dim=self.width, encoder_ffn_embed_dim=self.inner,
            encoder_attention_heads=self.heads, max_positions=self.positions, tokens_per_sample=self.positions,
            activation_fn=self.activation, pooler_activation_fn="tanh", encoder_normalize_before=self.norm_first,
            layernorm_embedding=not self.norm_first, layer_norm_eps=self.eps, dropout=0.1, attention_dropout=0.1,
            activation_dropout=0.0, pooler_dropout=0.0, optimizer="adam", lr_scheduler="polynomial_decay",
            token_types=PAIR if self.pairs else 0,
        )  # fmt: skip


def read_shape(folder: Folder) -> Shape:
    """The sizes in a configuration; a BERT with a WordPiece tokenizer has token types for pairs.

    Raises:
        UserError: one is missing or makes no sense.
    """
    bert = folder.kind == "bert"
    width, heads = folder.whole("hidden_size"), folder.whole("num_attention_heads")
    if width % heads:
        raise folder.wrong("num_attention_heads", f"expected a divisor of hidden_size, {width}")
    activation = folder.config.get("hidden_act", "gelu")
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise folder.wrong("hidden_act", f"known are {', '.join(ACTIVATIONS)}")
    eps = folder.config.get("layer_norm_eps", _EPSILON.get(folder.kind, 1e-12))
    if isinstance(eps, bool) or not isinstance(eps, (int, float)) or not 0 < eps < 1:
        raise folder.wrong("layer_norm_eps", "expected a number between 0 and 1")
    if not bert and folder.config.get("pad_token_id", _PAD) != _PAD:
        raise folder.wrong("pad_token_id", f"expected {_PAD}, from which positions are counted")
    rows = folder.whole("max_position_embeddings", 1 if bert else 1 + _SPECIAL_POSITIONS)
    types = folder.whole("type_vocab_size", 0)
    pairs = bert and types >= PAIR and has_wordpiece(folder)
    return Shape(
        folder.whole("num_hidden_layers"), width, folder.whole("intermediate_size"), heads,
        rows if bert else rows - _SPECIAL_POSITIONS, types, folder.whole("vocab_size"),
        ACTIVATIONS[activation], folder.kind == "xlm-roberta-xl", float(eps), pairs,
    )  # fmt: skip


def convert(weights: Weights, shape: Shape, rows: Sequence[int], bert: bool) -> dict[str, Tensor]:
    """fairseq's weights of an encoder, with its language-model head where the folder has one.

    Args:
        rows: of the folder's embedding table, in the order of fairseq's dictionary.
        bert: positions are counted from 0, not from 2.

    Raises:
        UserError: a weight is missing or has another shape than the configuration says.
    """
    c = shape.width
    model = {f"{ENCODER}version": torch.tensor([3.0])}  # without it fairseq drops the layer norm behind the layers
    if max(rows) >= shape.vocabulary:
        raise UserError(
            f"{weights.folder.path}: the tokenizer has {max(rows) + 1} pieces, config.json's vocab_size is"
            f" {shape.vocabulary}: they do not belong together"
        )
    chosen = torch.tensor(rows)
    table = weights.look("embeddings.word_embeddings.weight", shape.vocabulary, c)
    model[f"{ENCODER}embed_tokens.weight"] = table[chosen]  # a copy
    head = _find_language_model(weights, table)
    del table  # half of mBERT, two thirds of XLM-R base
    model |= _positions(weights, shape, bert)
    norm = "layer_norm" if shape.norm_first else "layernorm_embedding"
    _take(model, f"{ENCODER}{norm}", weights, "encoder.LayerNorm" if shape.norm_first else "embeddings.LayerNorm", c)
    sizes = {"fc1": (shape.inner, c), "fc2": (c, shape.inner)}
    for layer in range(shape.layers):
        theirs, ours = f"encoder.layer.{layer}.", f"{ENCODER}layers.{layer}."
        for name, known in NAMES.items():
            _take(model, ours + known, weights, theirs + name, *sizes.get(known, (c, c)))
        for name, known in NORMS[shape.norm_first].items():
            _take(model, ours + known, weights, theirs + name, c)
    if any(name.startswith(f"encoder.layer.{shape.layers}.") for name in weights):
        raise UserError(f"{weights.folder.path}: has more than the {shape.layers} layers of its config.json")
    if bert or shape.activation == ACTIVATIONS["gelu"]:  # transformers' other heads have gelu in any case
        _language_model(model, weights, shape, chosen, head)
    return model


def _positions(weights: Weights, shape: Shape, bert: bool) -> dict[str, Tensor]:
    """The table of positions with the first token type's vector, which every position has, or with the types beside."""
    name = f"{ENCODER}embed_positions."
    rows = shape.positions + (0 if bert else _SPECIAL_POSITIONS)
    table = weights.take("embeddings.position_embeddings.weight", rows, shape.width)
    if bert:
        table = torch.cat([table.new_zeros(_SPECIAL_POSITIONS, shape.width), table])
    if shape.types:
        types = weights.take("embeddings.token_type_embeddings.weight", shape.types, shape.width)
        if shape.pairs:
            return {f"{name}weight": table, f"{name}{TYPES}": types[:PAIR]}
        table[_SPECIAL_POSITIONS:] += types[0]
    return {f"{name}weight": table}


def _take(model: dict[str, Tensor], ours: str, weights: Weights, theirs: str, *shape: int) -> None:
    """Weight and bias of a module."""
    model[f"{ours}.weight"] = weights.take(f"{theirs}.weight", *shape)
    model[f"{ours}.bias"] = weights.take(f"{theirs}.bias", shape[0])


def _find_language_model(weights: Weights, table: Tensor) -> tuple[str, str, str] | None:
    """Dense layer, layer norm and bias of the head, if there is one and its output is the embedding table, to which
    fairseq ties it."""
    for dense, norm, bias, output in _LM_HEADS:
        if f"{dense}.weight" in weights:
            tied = bias in weights and (output not in weights or torch.equal(weights[output], table))
            return (dense, norm, bias) if tied else None
    return None


def _language_model(
    model: dict[str, Tensor], weights: Weights, shape: Shape, rows: Tensor, head: tuple[str, str, str] | None
) -> None:  # fmt: skip
    if head is not None:
        dense, norm, bias = head
        _take(model, f"{HEAD}dense", weights, dense, shape.width, shape.width)
        _take(model, f"{HEAD}layer_norm", weights, norm, shape.width)
        model[f"{HEAD}bias"] = weights.take(bias, shape.vocabulary)[rows]
        model[f"{HEAD}weight"] = model[f"{ENCODER}embed_tokens.weight"]


def has_language_model(model: dict[str, Any]) -> bool:
    return f"{HEAD}dense.weight" in model
