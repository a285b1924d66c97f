"""Word embeddings of a text mixed with those of its counterpart (SALT, Findings of ACL 2023, section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...functional.embedding_mixup import mix_embeddings
from ...models.embeddings import Lookup


@dataclass(frozen=True)
class MixedEmbeddings:
    """Mixes E[s] and E[t] (an :class:`~xl_plugins.models.embeddings.EmbeddingEdit`).

    counterparts: t, (B, T) ids with the special tokens and padding of s; ratio: r, the share of s, broadcast to
    (B, T, C).
    """

    counterparts: Tensor
    ratio: Tensor

    def __call__(self, lookup: Lookup, tokens: Tensor) -> Tensor:
        both = lookup(torch.cat([tokens, self.counterparts]))  # one lookup: its gradient is as large as the vocabulary
        original, counterpart = both.chunk(2)
        return mix_embeddings(original, counterpart, self.ratio)
