"""The X-Mixup forward pass through a fairseq transformer encoder (X-Mixup, ICLR 2022, section 3 and Appendix A.1).

Both streams run as one batch of 2B rows through every layer; only layer m splits them for the cross attention. The
source stream is never mixed: its states equal those of the plain encoder. Sub-modules of layer m are called directly
because the host's attention module, built with ``self_attention=True``, has a path that silently ignores key and
value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import UserError
from ...functional.mixup import attention_entropies, cross_scores, mix

Gate = Callable[[Tensor], Tensor]  # sum of both entropies (B,) -> lambda (B,)


@dataclass
class PairStates:
    """The encoder's result for B pairs.

    states: (2B, W, C) final states, targets first, W the common padded width, or the targets' alone, (B, I, C);
    padding: (2B, W) True at padding, or (B, I);
    ratio: lambda (B,); entropy, reverse_entropy: H(A), H(A^T) (B,) or None when the ratio is constant.
    """

    states: Tensor
    padding: Tensor
    ratio: Tensor | None = None
    entropy: Tensor | None = None
    reverse_entropy: Tensor | None = None


def join_streams(target: Tensor, source: Tensor, pad: int) -> Tensor:
    """Stack two padded id matrices (B, I), (B, J) into (2B, max(I, J)), targets first."""
    if target.size(0) != source.size(0):
        raise UserError(
            f"{target.size(0)} target rows but {source.size(0)} source rows in a batch; both streams need the same"
            " pairs"
        )
    width = max(target.size(1), source.size(1))
    return torch.cat([F.pad(x, (0, width - x.size(1)), value=pad) for x in (target, source)])


def encode_pairs(
    encoder: Any, tokens: Tensor, mixup_layer: int, gate: Gate | float | None, target_width: int | None = None,
    embeddings: Tensor | None = None,
) -> PairStates:  # fmt: skip
    """Encode B pairs whose ids were joined by :func:`join_streams`.

    Args:
        encoder: fairseq ``TransformerEncoder`` (post-norm).
        tokens: (2B, W) ids, targets first.
        mixup_layer: m, counted from 1.
        gate: maps entropies to lambda; a number is a constant lambda; None runs both streams plainly.
        target_width: I, when nothing is read of the source stream: it ends at the mixup layer, and the targets go on
            without the padding that only the source needed.
        embeddings: (2B, W, C) word embeddings of the tokens; None takes the encoder's.
    """
    padding = tokens.eq(encoder.padding_idx)
    if bool(padding.all(dim=1).any()):
        raise UserError("a row of the batch has no tokens at all; empty texts cannot be encoded")
    mask = padding if bool(padding.any()) else None  # without padding attention takes its fastest path
    x, _ = encoder.forward_embedding(tokens, embeddings)
    if mask is not None:
        x = x * (~padding).unsqueeze(-1).type_as(x)
    x = x.transpose(0, 1)  # W x 2B x C
    result = PairStates(x, padding)
    for number, layer in enumerate(encoder.layers, start=1):
        if number == mixup_layer and gate is not None:
            x = _mixup_layer(layer, x, padding, mask, gate, result, target_width)
            if target_width is not None:
                result.padding = padding = padding.chunk(2, dim=0)[0][:, :target_width]
                mask = padding if bool(padding.any()) else None
        else:
            x = layer(x, encoder_padding_mask=mask)
    result.states = x.transpose(0, 1)
    return result


def _mixup_layer(
    layer: Any, x: Tensor, padding: Tensor, mask: Tensor | None, gate: Gate | float, out: PairStates,
    target_width: int | None = None,
) -> Tensor:  # fmt: skip
    """Layer m on the joined streams: (W, 2B, C) -> (W, 2B, C), or of the targets alone (I, B, C); fills the entropies
    and ratio of ``out``."""
    attended, _ = layer.self_attn(query=x, key=x, value=x, key_padding_mask=mask, need_weights=False)
    a = layer.self_attn_layer_norm(x + layer.dropout_module(attended))
    target, source = a.chunk(2, dim=1)
    target_padding, source_padding = padding.chunk(2, dim=0)
    if target_width is not None:
        target, target_padding = target[:target_width], target_padding[:, :target_width]
    if callable(gate):
        cross, out.entropy, out.reverse_entropy = _cross_attention(
            layer.self_attn, target, source, target_padding, source_padding
        )
        out.ratio = gate(out.entropy + out.reverse_entropy)
    else:
        cross = _fused_cross_attention(layer.self_attn, target, source, source_padding)
        out.ratio = torch.full((target.size(1),), gate, dtype=torch.float32, device=x.device)
    # no residual and no norm on c; then the same norm once more (R: layer_mixup.py)
    z = layer.self_attn_layer_norm(mix(target, layer.dropout_module(cross), out.ratio))
    return _feed_forward(layer, z if target_width is not None else torch.cat([z, source], dim=1))


def _feed_forward(layer: Any, x: Tensor) -> Tensor:
    hidden = layer.activation_dropout_module(layer.activation_fn(layer.fc1(x)))
    return layer.final_layer_norm(x + layer.dropout_module(layer.fc2(hidden)))


def _split_heads(x: Tensor, heads: int) -> Tensor:
    """(T, B, C) -> (B, h, T, C / h)"""
    length, batch, width = x.shape
    return x.view(length, batch, heads, width // heads).permute(1, 2, 0, 3)


def _merge_heads(x: Tensor) -> Tensor:
    """(B, h, T, d_h) -> (T, B, C)"""
    return x.permute(2, 0, 1, 3).flatten(2)


def _project(attn: Any, target: Tensor, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    heads = attn.num_heads
    return (
        _split_heads(attn.q_proj(target), heads),
        _split_heads(attn.k_proj(source), heads),
        _split_heads(attn.v_proj(source), heads),
    )


def _cross_attention(
    attn: Any, target: Tensor, source: Tensor, target_padding: Tensor, source_padding: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """c before residual dropout (I, B, C) with H(A), H(A^T), both (B,): queries from the target, keys and values from
    the source."""
    query, key, value = _project(attn, target, source)
    weights, entropy, reverse = attention_entropies(cross_scores(query, key), target_padding, source_padding)
    weights = attn.dropout_module(weights).type_as(value)
    return attn.out_proj(_merge_heads(torch.matmul(weights, value))), entropy, reverse


def _fused_cross_attention(attn: Any, target: Tensor, source: Tensor, source_padding: Tensor) -> Tensor:
    """c when no scores are needed: the fused attention kernel."""
    query, key, value = _project(attn, target, source)
    dropout = attn.dropout_module.p if attn.training else 0.0
    keep = ~source_padding[:, None, None, :]
    context = F.scaled_dot_product_attention(query, key, value, attn_mask=keep, dropout_p=dropout)
    return attn.out_proj(_merge_heads(context))
