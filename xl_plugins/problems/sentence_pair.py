"""Classification of sentence pairs: entailment (XNLI) and paraphrase (PAWS-X)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from fairseq.logging import metrics
from torch import Tensor

from ..data.layout import DataBin
from ..data.pairs import PairDataset, PairPart, PairTexts
from ..errors import UserError
from ..functional.divergence import cross_entropy, inner_mean, kl_divergence, representation_mse
from ..functional.metrics import macro_mean
from ..functional.precision import at_least_float32

HEAD = "sentence_classification_head"


class SentencePair:
    """One label per pair of texts; the head is fairseq's RoBERTa classification head on ``<s>``."""

    name = "sentence_pair"
    head_name = HEAD
    metric = "acc"

    def __init__(self, data: DataBin) -> None:
        self.data = data
        problem = data.meta.get("problem", self.name)
        if problem != self.name:
            raise UserError(
                f"{data.root}/meta.json: the data is for problem '{problem}', this task is for '{self.name}'"
            )

    @property
    def labels(self) -> list[str]:
        return self.data.labels

    def register_head(self, model: Any) -> None:
        model.register_classification_head(self.head_name, num_classes=len(self.labels))

    # -- data --

    def build_part(self, language: str, index: int, split: str, max_length: int) -> PairPart:
        """One language of a split, without views."""
        target = PairTexts(self.data, language, split, max_length)
        return PairPart(language, index, target, self.data.open_labels(language, split))

    def build_dataset(self, parts: Sequence[PairPart], shuffle: bool) -> PairDataset:
        return PairDataset(parts, self.data.dictionary, shuffle)

    # -- losses, one value per pair --

    def loss(self, logits: Tensor, sample: Mapping) -> Tensor:
        """Cross entropy of each pair in nats: (B, C) -> (B,)."""
        return cross_entropy(logits, sample["target"])

    def divergence(self, logits_p: Tensor, logits_q: Tensor) -> Tensor:
        """KL(p || q) of the predictions for two views of each pair: (B,)."""
        return kl_divergence(logits_p, logits_q)

    def representation_distance(
        self, source: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor], kind: str
    ) -> Tensor:
        """Squared distance of two (states, padding) in the chosen representation, averaged over features: (B,)."""
        pool = {"mean": inner_mean, "cls": lambda states, _: states[:, 0]}[kind]
        return representation_mse(pool(*source), pool(*target))

    # -- predictions --

    def probabilities(self, logits: Tensor) -> Tensor:
        return torch.softmax(at_least_float32(logits), dim=-1)

    def combine(self, logits_source: Tensor, logits_target: Tensor, average: str) -> Tensor:
        """Probabilities from both streams (B, C): mean of probabilities (X-Mixup 4.3) or softmax of the mean logits."""
        if average == "prob":
            return (self.probabilities(logits_source) + self.probabilities(logits_target)) / 2
        return self.probabilities((at_least_float32(logits_source) + at_least_float32(logits_target)) / 2)

    # -- counters: sums over batches and ranks --

    def counters(self, probabilities: Tensor, sample: Mapping, languages: Sequence[str] | None) -> dict:
        """Correct and all examples, in total (training) or per language; every key in every batch."""
        correct = probabilities.argmax(dim=-1).eq(sample["target"])
        if languages is None:
            return {"_correct": correct.sum(), "_count": correct.numel()}
        size = len(languages)
        hits = torch.bincount(sample["language"], weights=correct.to(torch.float32), minlength=size)
        count = torch.bincount(sample["language"], minlength=size)
        totals = torch.stack([hits.to(torch.float64), count.to(torch.float64)]).tolist()
        return {
            f"_{kind}_{lang}": v for kind, row in zip(("correct", "count"), totals) for lang, v in zip(languages, row)
        }

    def reduce_metrics(
        self, logging_outputs: Sequence[Mapping], languages: Sequence[str], selected: Sequence[str]
    ) -> None:
        """Log ``acc`` in percent; in validation ``acc_<language>``, their macro mean ``acc`` and ``acc_select``, the
        mean over the languages of the selection protocol."""
        first = logging_outputs[0]
        if "_count" in first:
            for key in ("_correct", "_count"):
                metrics.log_scalar_sum(key, _total(logging_outputs, key))
            metrics.log_derived("acc", lambda m: _percent(m, "_correct", "_count"))
            return
        present = [lang for lang in languages if f"_count_{lang}" in first]
        for lang in present:
            for key in (f"_correct_{lang}", f"_count_{lang}"):
                metrics.log_scalar_sum(key, _total(logging_outputs, key))
            metrics.log_derived(f"acc_{lang}", lambda m, lang=lang: _percent(m, f"_correct_{lang}", f"_count_{lang}"))
        metrics.log_derived("acc", lambda m: _mean_percent(m, present))
        metrics.log_derived("acc_select", lambda m: _mean_percent(m, [lang for lang in present if lang in selected]))


def _total(outputs: Sequence[Mapping], key: str) -> float:
    return float(sum(float(output.get(key, 0)) for output in outputs))


def _percent(meters: Mapping, correct: str, count: str) -> float:
    total = meters[count].sum
    return 100.0 * meters[correct].sum / total if total else float("nan")


def _mean_percent(meters: Mapping, languages: Sequence[str]) -> float:
    scores = {
        lang: _percent(meters, f"_correct_{lang}", f"_count_{lang}")
        for lang in languages
        if meters[f"_count_{lang}"].sum
    }
    return macro_mean(scores)
