"""Counters of a problem: sums over batches and ranks, and the scores that follow from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from fairseq.logging import metrics
from torch import Tensor

from ..functional.scores.metrics import macro_mean


class Counted(ABC):
    """Adds up counters in training and validation.

    Class attributes: ``metric`` is the score by which checkpoints are selected, as ``<metric>_select``;
    ``counter_names`` the sums per language it comes from.
    """

    metric: ClassVar[str]
    counter_names: ClassVar[tuple[str, ...]]
    training_counter_names: ClassVar[tuple[str, ...]] = ("correct", "count")

    @property
    def select_metric(self) -> str:
        return f"{self.metric}_select"

    @abstractmethod
    def training_counters(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        """Correct and all predictions of a training batch."""

    @abstractmethod
    def unit_counters(self, values: Tensor, sizes: Tensor, sample: Mapping, languages: Sequence[str]) -> np.ndarray:
        """``counter_names`` of each unit: (U, counters) float64."""

    @abstractmethod
    def scores(self, totals: Mapping[str, float]) -> dict[str, float]:
        """Scores in percent from summed counters; nan without any example."""

    def counters(self, values: Tensor, sizes: Tensor, sample: Mapping, languages: Sequence[str]) -> dict:
        """Sums per language; every key in every batch, since ranks are reduced by the keys of the first."""
        table = np.zeros((len(languages), len(self.counter_names)))
        np.add.at(table, sample["unit_language"].cpu().numpy(), self.unit_counters(values, sizes, sample, languages))
        rows = zip(self.counter_names, table.T.tolist())
        return {f"_{name}_{lang}": v for name, row in rows for lang, v in zip(languages, row)}

    def count_training(self, output: Tensor, sample: Mapping) -> dict:
        return {f"_{name}": v for name, v in zip(self.training_counter_names, self.training_counters(output, sample))}

    def reduce_metrics(
        self, logging_outputs: Sequence[Mapping], languages: Sequence[str], selected: Sequence[str]
    ) -> None:
        """Log training accuracy ``acc`` in percent; in validation each score per language (``f1_de``), its macro mean
        (``f1``) and ``<metric>_select``, the mean over the languages of the selection protocol."""
        first = logging_outputs[0]
        if "_count" in first:
            for key in ("_correct", "_count"):
                metrics.log_scalar_sum(key, _total(logging_outputs, key))
            metrics.log_derived("acc", lambda m: percent(m["_correct"].sum, m["_count"].sum))
            return
        present = [lang for lang in languages if f"_{self.counter_names[0]}_{lang}" in first]
        for lang in present:
            for name in self.counter_names:
                metrics.log_scalar_sum(f"_{name}_{lang}", _total(logging_outputs, f"_{name}_{lang}"))
        for score in self.scores(dict.fromkeys(self.counter_names, 0.0)):
            for lang in present:
                metrics.log_derived(f"{score}_{lang}", lambda m, s=score, lang=lang: self._score(m, lang, s))
            metrics.log_derived(score, lambda m, s=score: self._mean(m, present, s))
        chosen = [lang for lang in present if lang in selected]
        metrics.log_derived(self.select_metric, lambda m: self._mean(m, chosen, self.metric))

    def _score(self, meters: Mapping, language: str, score: str) -> float:
        totals = {name: meters[f"_{name}_{language}"].sum for name in self.counter_names}
        return self.scores(totals)[score]

    def _mean(self, meters: Mapping, languages: Sequence[str], score: str) -> float:
        found = {lang: self._score(meters, lang, score) for lang in languages}
        return macro_mean({lang: value for lang, value in found.items() if value == value})  # not nan


def _total(outputs: Sequence[Mapping], key: str) -> float:
    return float(sum(float(output.get(key, 0)) for output in outputs))


def percent(part: float, whole: float) -> float:
    """``part`` of ``whole`` in percent, nan of nothing."""
    return 100.0 * float(part) / float(whole) if whole else float("nan")
