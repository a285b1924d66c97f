"""X-Mixup written a second time, slowly and from the formulas alone: one pair, one head at a time, no padding.

Parameters are read from a state dict of fairseq's names; nothing of fairseq or of the package runs. Everything is
torch in float64, so that automatic differentiation gives the gradients.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

PAD = 1


class PairResult(NamedTuple):
    """One pair: states after every layer [embedding, 1, ..., N], (T, d) each, logits, lambda and the two entropies."""

    target: list[Tensor]
    source: list[Tensor]
    target_logits: Tensor
    source_logits: Tensor
    ratio: Tensor | None
    entropy: Tensor | None
    reverse_entropy: Tensor | None


class Reference:
    """The forward pass over single pairs.

    Args:
        state: parameters by fairseq's names, float64; used as they are, so that gradients reach them.
        heads: attention heads.
        mixup_layer: m from 1, or None for no mixup.
        lambda0: largest ratio.
        constant: lambda is lambda0.
        detach_ratio: the bug that the real code must not have.
    """

    def __init__(
        self, state: Mapping[str, Tensor], heads: int, mixup_layer: int | None, lambda0: float = 0.5,
        constant: bool = False, detach_ratio: bool = False, second_norm_layer: int | None = None,
    ) -> None:  # fmt: skip
        self.state, self.heads, self.mixup_layer, self.lambda0 = state, heads, mixup_layer, lambda0
        self.constant, self.detach_ratio, self.second_norm_layer = constant, detach_ratio, second_norm_layer
        self.layers = 1 + max(int(n.split(".")[3]) for n in state if n.startswith("encoder.sentence_encoder.layers."))

    # -- parts --

    def weight(self, name: str) -> Tensor:
        return self.state["encoder.sentence_encoder." + name]

    def linear(self, x: Tensor, name: str) -> Tensor:
        return x @ self.weight(f"{name}.weight").T + self.weight(f"{name}.bias")

    def norm(self, x: Tensor, name: str) -> Tensor:
        centred = x - x.sum(dim=1, keepdim=True) / x.size(1)
        variance = (centred * centred).sum(dim=1, keepdim=True) / x.size(1)
        return centred / torch.sqrt(variance + 1e-5) * self.weight(f"{name}.weight") + self.weight(f"{name}.bias")

    def embed(self, tokens: list[int]) -> Tensor:
        positions = range(PAD + 1, PAD + 1 + len(tokens))  # restart in every text, after the padding index
        rows = [
            self.weight("embed_tokens.weight")[t] + self.weight("embed_positions.weight")[p]
            for t, p in zip(tokens, positions)
        ]
        return self.norm(torch.stack(rows), "layernorm_embedding")

    def scores(self, layer: int, query: Tensor, key: Tensor) -> list[Tensor]:
        """Per head (I, J): scaled products of projected states."""
        name = f"layers.{layer - 1}.self_attn"
        q, k = self.linear(query, f"{name}.q_proj"), self.linear(key, f"{name}.k_proj")
        width = q.size(1) // self.heads
        out = []
        for head in range(self.heads):
            part = slice(head * width, (head + 1) * width)
            out.append(q[:, part] @ k[:, part].T / math.sqrt(width))
        return out

    def attend(self, layer: int, query: Tensor, key: Tensor) -> Tensor:
        """Multi-head attention with output projection, (I, d)."""
        name = f"layers.{layer - 1}.self_attn"
        values = self.linear(key, f"{name}.v_proj")
        width = values.size(1) // self.heads
        parts = []
        for head, score in enumerate(self.scores(layer, query, key)):
            value = values[:, head * width : (head + 1) * width]
            parts.append(torch.stack([softmax(row) @ value for row in score]))
        return self.linear(torch.cat(parts, dim=1), f"{name}.out_proj")

    def attention_sublayer(self, layer: int, x: Tensor) -> Tensor:
        a = self.norm(x + self.attend(layer, x, x), f"layers.{layer - 1}.self_attn_layer_norm")
        if layer == self.second_norm_layer:
            a = self.norm(a, f"layers.{layer - 1}.self_attn_layer_norm")
        return a

    def feed_forward(self, layer: int, x: Tensor) -> Tensor:
        name = f"layers.{layer - 1}"
        hidden = self.linear(x, f"{name}.fc1")
        hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
        return self.norm(x + self.linear(hidden, f"{name}.fc2"), f"{name}.final_layer_norm")

    def entropies(self, layer: int, target: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """H(A) and H(A^T): per head, mean over heads and query positions."""
        forward, backward = [], []
        for score in self.scores(layer, target, source):
            forward += [entropy(row) for row in score]
            backward += [entropy(row) for row in score.T]
        return sum(forward) / len(forward), sum(backward) / len(backward)

    def head(self, states: Tensor) -> Tensor:
        name = "classification_heads.sentence_classification_head"
        hidden = torch.tanh(self.state[f"{name}.dense.weight"] @ states[0] + self.state[f"{name}.dense.bias"])
        return self.state[f"{name}.out_proj.weight"] @ hidden + self.state[f"{name}.out_proj.bias"]

    # -- whole --

    def plain(self, tokens: list[int]) -> list[Tensor]:
        """States of one text after every layer of the plain encoder."""
        states = [self.embed(tokens)]
        for layer in range(1, self.layers + 1):
            states.append(self.feed_forward(layer, self.attention_sublayer(layer, states[-1])))
        return states

    def pair(self, target_tokens: list[int], source_tokens: list[int]) -> PairResult:
        source = self.plain(source_tokens)
        target = [self.embed(target_tokens)]
        ratio = forward = backward = None
        for layer in range(1, self.layers + 1):
            a_target = self.attention_sublayer(layer, target[-1])
            if layer == self.mixup_layer:
                a_source = self.attention_sublayer(layer, source[layer - 1])
                cross = self.attend(layer, a_target, a_source)
                if self.constant:
                    ratio = torch.tensor(self.lambda0, dtype=torch.float64)
                else:
                    forward, backward = self.entropies(layer, a_target, a_source)
                    gate = (forward + backward) * self.state["mixup_gate.weight"][0] + self.state["mixup_gate.bias"][0]
                    ratio = self.lambda0 / (1 + torch.exp(-gate))
                    if self.detach_ratio:
                        ratio = ratio.detach()
                mixed = ratio * cross + (1 - ratio) * a_target
                a_target = self.norm(mixed, f"layers.{layer - 1}.self_attn_layer_norm")
            target.append(self.feed_forward(layer, a_target))
        return PairResult(target, source, self.head(target[-1]), self.head(source[-1]), ratio, forward, backward)

    def loss(
        self, pair: PairResult, label: int, alpha: float, mse: float = 1, kl: float = 1, representation: str = "mean"
    ) -> Tensor:
        """L of one pair: alpha L_S + (1 - alpha) L_T + MSE + KL(p_S || p_T)."""
        p_source, p_target = softmax(pair.source_logits), softmax(pair.target_logits)
        total = -alpha * torch.log(p_source[label]) - (1 - alpha) * torch.log(p_target[label])
        pooled = []
        for states in (pair.source[-1], pair.target[-1]):
            inner = states[1:-1]
            pooled.append(states[0] if representation == "cls" else sum(inner) / len(inner))
        total = total + mse * ((pooled[0] - pooled[1]) ** 2).sum() / len(pooled[0])
        return total + kl * sum(p * torch.log(p / q) for p, q in zip(p_source, p_target))


def softmax(row: Tensor) -> Tensor:
    powers = torch.exp(row - row.detach().max())
    return powers / powers.sum()


def entropy(row: Tensor) -> Tensor:
    """Entropy in nats of the softmax of a row of scores."""
    p = softmax(row)
    return -(p * torch.log(p)).sum()


def parameters_of(model: torch.nn.Module) -> dict[str, Tensor]:
    """Copies of a model's parameters in float64 that collect gradients, under the model's own names."""
    return {name: p.detach().double().clone().requires_grad_() for name, p in model.named_parameters()}


def real_tokens(row: Tensor) -> list[int]:
    """Ids of a padded row without the padding."""
    return [int(t) for t in row if int(t) != PAD]
