"""The most probable piece at a mask, from a pre-trained masked language model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import UserError
from ...functional.filling import blockwise_argmax
from ..primitives.piece_classes import PieceClasses

_CHUNK = {"cpu": 1 << 24, "cuda": 1 << 28}  # bytes of logits that are held at once


class MaskFiller:
    """Fills masks with a model in eval mode, on its device and in its precision. Special symbols are no candidates.

    Args:
        model: fairseq's RoBERTa with its pre-trained language-model head.
        keep_boundaries: only pieces that begin a word (and spell something), or that do not, as what they replace did.
    """

    def __init__(
        self, model: Any, classes: PieceClasses, keep_boundaries: bool = False, chunk_bytes: int | None = None
    ) -> None:
        self.encoder, self.head = model.encoder, model.encoder.lm_head
        self.device = self.head.weight.device
        self.chunk_bytes = chunk_bytes or _CHUNK.get(self.device.type, _CHUNK["cuda"])
        self.keep_boundaries = keep_boundaries
        allowed = [~classes.special]
        if keep_boundaries:
            allowed = [~classes.special & ~classes.starts, ~classes.special & classes.starts & ~classes.bare]
        self.biases = [self._bias(one) for one in allowed]

    def _bias(self, allowed: np.ndarray) -> Tensor:
        bias = self.head.bias.detach()
        return torch.where(torch.from_numpy(allowed).to(self.device), bias, bias.new_tensor(float("-inf")))

    @torch.inference_mode()
    def fill(self, tokens: np.ndarray, places: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Best piece at one mask of every row.

        Args:
            tokens: (B, T) ``<s> a </s>`` padded.
            places: (B,) column of the mask.
            starts: (B,) whether what it replaces begins a word.

        Returns:
            (B,) int64
        """
        features, _ = self.encoder.extract_features(torch.from_numpy(tokens).to(self.device))
        rows = torch.arange(len(tokens), device=self.device)
        masked = features[rows, torch.from_numpy(places).to(self.device)]  # the head sees one position per row
        states = self.head.layer_norm(self.head.activation_fn(self.head.dense(masked)))
        width = max(1, self.chunk_bytes // (states.element_size() * len(tokens)))
        if not self.keep_boundaries:
            return self._best(states, 0, width)
        out = np.empty(len(tokens), dtype=np.int64)
        for kind in (0, 1):
            chosen = starts == bool(kind)
            if chosen.any():
                out[chosen] = self._best(states[torch.from_numpy(chosen).to(self.device)], kind, width)
        return out

    def _best(self, states: Tensor, kind: int, width: int) -> np.ndarray:
        columns, logits = blockwise_argmax(states, self.head.weight, self.biases[kind], width)
        if not bool(logits.isfinite().all()):
            raise UserError(
                "the model's probabilities are not finite; leave --fp16 or --bf16 out, or give a sound checkpoint"
            )
        return columns.cpu().numpy()
