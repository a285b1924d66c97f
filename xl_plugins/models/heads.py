"""Heads that read every position: tags of words, and the start and end of an answer."""

from torch import Tensor, nn

from ..functional.words import POOLINGS, pool_words

_STD = 0.02  # BERT's initialisation of heads (Devlin et al., NAACL 2019; X-Mixup's released code)


def _linear(width: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(width, outputs)
    nn.init.normal_(layer.weight, std=_STD)
    nn.init.zeros_(layer.bias)
    return layer


class WordHead(nn.Module):
    """Dropout and a linear layer on the vector of each word (X-Mixup, ICLR 2022, section 4.1)."""

    reads_words = True

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

    reads_words = False

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_proj = _linear(width, 2)

    def forward(self, states: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, 2): scores of being the first and the last piece of the answer."""
        return self.out_proj(states)


def apply_head(head: nn.Module, states: Tensor, words: Tensor | None) -> Tensor:
    """Logits of any head of the package; ``words`` (B, T) is read by heads on words alone."""
    if not getattr(head, "reads_words", False):
        return head(states)
    if words is None:
        raise ValueError("a head on words needs the word numbers of the pieces")
    return head(states, words)
