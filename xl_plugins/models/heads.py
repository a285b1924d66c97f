"""Heads that read every position: tags of words, and the start and end of an answer; what models with heads can do."""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from ..functional.words import POOLINGS, pool_words

_STD = 0.02  # BERT's initialisation of heads (Devlin et al., NAACL 2019; X-Mixup's released code)


@runtime_checkable
class TakesTextHead(Protocol):
    """A model that can classify whole texts."""

    def register_classification_head(self, name: str, num_classes: int) -> Any: ...


@runtime_checkable
class TakesWordHead(Protocol):
    """A model that can classify words."""

    def register_word_head(self, name: str, num_classes: int, pooling: str) -> Any: ...


@runtime_checkable
class TakesSpanHead(Protocol):
    """A model that can score positions as start and end of an answer."""

    def register_span_head(self, name: str) -> Any: ...


def _linear(width: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(width, outputs)
    nn.init.normal_(layer.weight, std=_STD)
    nn.init.zeros_(layer.bias)
    return layer


class WordHead(nn.Module):
    """Dropout and a linear layer on the vector of each word (X-Mixup, ICLR 2022, section 4.1)."""

    def __init__(self, width: int, classes: int, dropout: float, pooling: str) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}")
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)
        self.out_proj = _linear(width, classes)

    def forward(self, states: Tensor, words: Tensor) -> Tensor:
        """(B, T, C) states and (B, T) word numbers -> (B, W, classes) logits."""
        return self.out_proj(self.dropout(pool_words(states, words, self.pooling)))


class SpanHead(nn.Module):
    """A linear layer to two scores per position, without dropout (X-Mixup, released code)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_proj = _linear(width, 2)

    def forward(self, states: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, 2): scores of being the first and the last piece of the answer."""
        return self.out_proj(states)


def apply_head(head: nn.Module, states: Tensor, words: Tensor | None) -> Tensor:
    """Logits of any head of the package; ``words`` (B, T) is read by heads on words alone."""
    if not isinstance(head, WordHead):
        return head(states)
    if words is None:
        raise ValueError("a head on words needs the word numbers of the pieces")
    return head(states, words)
