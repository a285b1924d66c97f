"""Encoders of this package as configurations and weights of Hugging Face: the way back of ``encoder.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import UserError
from .encoder import ACTIVATIONS, ENCODER, NAMES, NORMS, PAIR, TYPES

_HEAD = {"dense": "classifier.dense", "out_proj": "classifier.out_proj"}  # of a text, by fairseq's names
_POOLED = {"dense": "bert.pooler.dense", "out_proj": "classifier"}  # BERT's pooler is the same layer under another name


@dataclass(frozen=True)
class Kind:
    """A kind of model with a head.

    architecture: end of transformers' class; pipeline: tag of the hub; layers: fairseq's and their names of the head;
    of_bert: the same for a BERT.
    """

    architecture: str
    pipeline: str
    layers: Mapping[str, str]
    of_bert: Mapping[str, str]


_WORD, _SPAN = {"out_proj": "classifier"}, {"out_proj": "qa_outputs"}
TEXTS = Kind("ForSequenceClassification", "text-classification", _HEAD, _POOLED)
WORDS = Kind("ForTokenClassification", "token-classification", _WORD, _WORD)
SPANS = Kind("ForQuestionAnswering", "question-answering", _SPAN, _SPAN)


def hub_config(options: Any, rows: int, kind: Kind, labels: Sequence[str], bert: bool = False) -> dict[str, Any]:
    """The content of config.json.

    Args:
        options: sizes of the model, as options of fairseq.
        rows: of the embedding table.
        labels: names of the classes in their order; empty where there are none.
        bert: the tokenizer is BERT's, and so is the model.

    Raises:
        UserError: a model that transformers has not.
    """
    norm_first = bool(options.encoder_normalize_before)
    if norm_first == bool(getattr(options, "layernorm_embedding", True)):
        raise UserError(
            "--encoder-normalize-before: transformers has such encoders without norm of the embeddings only"
        )
    if str(options.pooler_activation_fn) != "tanh" and kind is TEXTS:
        raise UserError(f"--pooler-activation-fn {options.pooler_activation_fn}: transformers' heads have tanh")
    activation = next((theirs for theirs, ours in ACTIVATIONS.items() if ours == str(options.activation_fn)), None)
    if activation is None:
        raise UserError(f"--activation-fn {options.activation_fn}: transformers' encoders have none like it")
    if bert and norm_first:
        raise UserError("--encoder-normalize-before: transformers has no BERT whose norms come first")
    prefix, name = ("Bert", "bert") if bert else ("XLMRobertaXL", "xlm-roberta-xl") if norm_first else _XLMR
    named = {"id2label": dict(enumerate(labels)), "label2id": {name: n for n, name in enumerate(labels)}}
    return {
        "architectures": [f"{prefix}{kind.architecture}"],
        "model_type": name,
        "hidden_size": options.encoder_embed_dim,
        "num_hidden_layers": options.encoder_layers,
        "num_attention_heads": options.encoder_attention_heads,
        "intermediate_size": options.encoder_ffn_embed_dim,
        "hidden_act": activation,
        "layer_norm_eps": getattr(options, "layer_norm_eps", 1e-5),
        "max_position_embeddings": options.max_positions + (0 if bert else 2),
        "type_vocab_size": PAIR if bert else 1,
        "vocab_size": rows,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "hidden_dropout_prob": options.dropout,
        "attention_probs_dropout_prob": options.attention_dropout,
        "classifier_dropout": options.pooler_dropout,
        "position_embedding_type": "absolute",
        **(named if labels else {}),
    }


_XLMR = ("XLMRoberta", "xlm-roberta")


def hub_weights(
    model: Mapping[str, Tensor], head: str, kind: Kind, norm_first: bool, bert: bool = False
) -> dict[str, Tensor]:
    """Weights by transformers' names.

    Args:
        model: fairseq's.
        head: where the head's layers are in it, with a dot at the end.
        bert: the names are BERT's.
    """
    found, base, heads = {}, "bert" if bert else "roberta", kind.of_bert if bert else kind.layers
    modules = {f"{ENCODER}embed_tokens": "embeddings.word_embeddings",
               f"{ENCODER}embed_positions": "embeddings.position_embeddings",
               f"{ENCODER}layernorm_embedding": "embeddings.LayerNorm",
               f"{ENCODER}layer_norm": "encoder.LayerNorm"}  # fmt: skip
    layers = {ours: theirs for theirs, ours in {**NAMES, **NORMS[norm_first]}.items()}
    for name, tensor in model.items():
        module, _, last = name.rpartition(".")
        if module in modules:
            found[f"{base}.{modules[module]}.{last}"] = tensor
        elif name.startswith(f"{ENCODER}layers."):
            number, _, rest = module.removeprefix(f"{ENCODER}layers.").partition(".")
            found[f"{base}.encoder.layer.{number}.{layers[rest]}.{last}"] = tensor
        elif name.startswith(head):
            found[f"{heads[module.removeprefix(head)]}.{last}"] = tensor
    positions = found[f"{base}.embeddings.position_embeddings.weight"]
    types = model.get(f"{ENCODER}embed_positions.{TYPES}", torch.zeros(PAIR if bert else 1, positions.size(1)))
    found[f"{base}.embeddings.token_type_embeddings.weight"] = types
    if bert:
        found[f"{base}.embeddings.position_embeddings.weight"] = positions[2:]  # counted from 0 there
    return {name: tensor.detach().float().contiguous() for name, tensor in found.items()}
