"""How a method changes word embeddings: a callable that the model asks instead of its own lookup."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

Lookup = Callable[[Tensor], Tensor]


class EmbeddingEdit(Protocol):
    """Makes the word embeddings of a forward pass."""

    def __call__(self, lookup: Lookup, tokens: Tensor) -> Tensor:
        """Word embeddings (B, T, C) for ids (B, T), before positions, layer norm and dropout.

        Args:
            lookup: the model's own, from (N, T) to (N, T, C). Each call makes a gradient as large as the table that is
                trained, so one that looks up all ids at once is best.
        """
