"""Noise on word embeddings (xTune, ACL 2021, section 3.2; R3F, Aghajanyan et al., ICLR 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.embeddings import Lookup


@dataclass(frozen=True)
class NoisyEmbeddings:
    """Adds noise to the word embeddings of a model (an :class:`~xl_plugins.models.embeddings.EmbeddingEdit`).

    Rows and positions behind those given have no noise: they are the source stream and its padding.

    noise: (R, T, C), cast to the embeddings' type; what stands at padding has no effect. detach: (R,) True for rows
    through which no gradient reaches the word embeddings (R3F); None for none.
    """

    noise: Tensor
    detach: Optional[Tensor] = None

    def __call__(self, lookup: Lookup, tokens: Tensor) -> Tensor:
        embeddings, noise, detach = lookup(tokens), self.noise, self.detach
        rows, width = tokens.size(0) - noise.size(0), tokens.size(1) - noise.size(1)
        if rows or width:
            noise = F.pad(noise, (0, 0, 0, width, 0, rows))
        if detach is not None:
            detach = F.pad(detach, (0, rows))
            embeddings = torch.where(detach[:, None, None], embeddings.detach(), embeddings)
        return embeddings + noise.to(embeddings)
