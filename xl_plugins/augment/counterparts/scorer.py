"""The best candidate of every language at every eligible position, from one forward pass of unmasked text (SALT, Wang
et al., Findings of ACL 2023, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...functional.substitution import NOTHING, best_candidates, blockwise_logits
from ..primitives.piece_classes import CASELESS, PieceClasses
from ..primitives.vocabulary import LanguageVocabulary
from .options import CounterpartOptions

_ROWS = 512  # positions that are scored at once
_CHUNK = {"cpu": 1 << 24, "cuda": 1 << 28}  # bytes of logits that are held at once: those of the CPU stay in its cache


class _Candidates:
    """Columns of one language: piece ids (K,), where these are among all languages' ids, penalties by the source word's
    case (4, K) or None, and for every piece of the dictionary the columns it must not take (V, M) or None."""

    def __init__(
        self, vocabulary: LanguageVocabulary, every: np.ndarray, classes: PieceClasses, options: CounterpartOptions,
        device: Any,
    ) -> None:  # fmt: skip
        ids = vocabulary.ids
        self.ids = torch.from_numpy(ids).to(device)
        self.columns = torch.from_numpy(np.searchsorted(every, ids)).to(device)
        case = classes.case[ids]
        wrong = (case[None] != np.arange(4)[:, None]) & (case[None] != CASELESS)
        wrong[CASELESS] = False
        wanted = options.case == "match" and wrong.any()
        self.penalty = torch.where(torch.from_numpy(wrong), NOTHING, 0.0).to(device) if wanted else None
        groups = classes.fold if vocabulary.language == options.source else np.arange(len(classes))
        excludes = vocabulary.language == options.source or options.exclude_identity
        self.banned = torch.from_numpy(_members(groups, ids)).to(device) if excludes else None


def _members(groups: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """For every piece the columns of ``ids`` (K,) in its group, filled up with K: (V, M) int64."""
    order = np.argsort(groups[ids], kind="stable")
    mine = groups[ids][order]
    rank = np.arange(len(ids)) - np.searchsorted(mine, mine)  # place within the group
    table = np.full((int(groups.max()) + 1, int(rank.max()) + 1), len(ids), dtype=np.int64)
    table[mine, rank] = order
    return table[groups]


class CounterpartScorer:
    """Scores positions with a pre-trained model in eval mode, on the model's device and in its precision; the
    normaliser is computed in float32.

    Args:
        model: fairseq's RoBERTa with its pre-trained language-model head.
        rows: positions that are scored at once.
        chunk_bytes: limit of their float32 logits that are held at once, by which the vocabulary is chunked.
    """

    def __init__(
        self, model: Any, classes: PieceClasses, vocabularies: Sequence[LanguageVocabulary],
        options: CounterpartOptions, rows: int = _ROWS, chunk_bytes: int | None = None,
    ) -> None:  # fmt: skip
        self.encoder, self.head, self.options = model.encoder, model.encoder.lm_head, options
        self.device = self.head.weight.device
        self.rows, self.chunk_bytes = rows, chunk_bytes or _CHUNK.get(self.device.type, _CHUNK["cuda"])
        self.case = torch.from_numpy(classes.case.astype(np.int64)).to(self.device)
        every = np.unique(np.concatenate([vocabulary.ids for vocabulary in vocabularies]))
        self.ids = torch.from_numpy(every).to(self.device)
        self.candidates = [_Candidates(one, every, classes, options, self.device) for one in vocabularies]

    @torch.inference_mode()
    def score(self, tokens: Tensor, rows: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Best candidates of P positions of a batch.

        Args:
            tokens: (B, T) ``<s> a </s>`` padded.
            rows, places: (P,) row and column of every eligible position.

        Returns:
            ids (P, L) int64 and natural log-probabilities (P, L) float32, -inf where a language has no candidate; on
            the CPU.
        """
        tokens, rows, places = (x.to(self.device) for x in (tokens, rows, places))
        features, _ = self.encoder.extract_features(tokens)
        sources = tokens[rows, places]
        states = self._transform(features[rows, places])
        found = [self._best(*part) for part in zip(states.split(self.rows), sources.split(self.rows))]
        if not found:
            empty = torch.zeros(0, len(self.candidates))
            return empty.long(), empty
        ids, scores = (torch.cat(parts).cpu() for parts in zip(*found))
        return ids, scores

    def _transform(self, states: Tensor) -> Tensor:
        """The head up to its output projection: (P, C)."""
        return self.head.layer_norm(self.head.activation_fn(self.head.dense(states)))

    def _best(self, states: Tensor, sources: Tensor) -> tuple[Tensor, Tensor]:
        """(P, C), (P,) -> ids and log-probabilities (P, L)."""
        width = max(1, self.chunk_bytes // (4 * max(1, len(states))))
        logits, normaliser = blockwise_logits(states, self.head.weight, self.head.bias, self.ids, width)
        normaliser = torch.where(normaliser.isinf(), torch.nan, normaliser)  # overflow shall not look like p = 0
        ids, scores = [], []
        for language in self.candidates:
            penalty = None if language.penalty is None else language.penalty[self.case[sources]]
            banned = None if language.banned is None else language.banned[sources]
            candidates = logits.index_select(1, language.columns)
            whole = None if self.options.renormalize else normaliser
            column, score = best_candidates(candidates, whole, penalty, banned)
            ids.append(language.ids[column])
            scores.append(score)
        return torch.stack(ids, dim=1), torch.stack(scores, dim=1)
