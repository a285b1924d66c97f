"""Counters of a problem: sums over batches and ranks, and the scores that follow from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from fairseq.logging import metrics
from torch import Tensor

from ..functional.scores.metrics import METRICS, Metric, macro_mean

_TRAINING = METRICS["accuracy"]


class Counted(ABC):
    """Adds up counters in training and validation.

    Class attributes: ``metric`` is the score by which checkpoints are selected, as ``<metric>_select``;
    ``scoring`` the metric of test sets whose counters are summed in validation too, per language; ``figures`` what is
    logged of it, name in the log -> figure of the metric.
    """

    metric: ClassVar[str]
    scoring: ClassVar[Metric]
    figures: ClassVar[Mapping[str, str]]

    @property
    def select_metric(self) -> str:
        return f"{self.metric}_select"

    @property
    def counter_names(self) -> tuple[str, ...]:
        """The sums per language that scores come from."""
        return self.scoring.fields

    @abstractmethod
    def training_counters(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        """Correct and all predictions of a training batch."""

    @abstractmethod
    def unit_counters(self, values: Tensor, sizes: Tensor, sample: Mapping, languages: Sequence[str]) -> np.ndarray:
        """``counter_names`` of each unit: (U, counters) float64."""

    def scores(self, totals: Mapping[str, float]) -> dict[str, float]:
        """Scores in percent from summed counters; nan without any example."""
        return {score: self.scoring.value(totals, figure) for score, figure in self.figures.items()}

    def counters(self, values: Tensor, sizes: Tensor, sample: Mapping, languages: Sequence[str]) -> dict:
        """Sums per language; every key in every batch, since ranks are reduced by the keys of the first."""
        table = np.zeros((len(languages), len(self.counter_names)))
        np.add.at(table, sample["unit_language"].cpu().numpy(), self.unit_counters(values, sizes, sample, languages))
        rows = zip(self.counter_names, table.T.tolist())
        return {f"_{name}_{lang}": v for name, row in rows for lang, v in zip(languages, row)}

    def count_training(self, output: Tensor, sample: Mapping) -> dict:
        return {f"_{name}": v for name, v in zip(_TRAINING.fields, self.training_counters(output, sample))}

    def reduce_metrics(
        self, logging_outputs: Sequence[Mapping], languages: Sequence[str], selected: Sequence[str]
    ) -> None:
        """Log training accuracy ``acc`` in percent; in validation each score per language (``f1_de``), its macro mean
        (``f1``) and ``<metric>_select``, the mean over the languages of the selection protocol."""
        first = logging_outputs[0]
        if f"_{_TRAINING.count}" in first:
            _log_sums(logging_outputs, _TRAINING)
            metrics.log_derived("acc", lambda m: _TRAINING.value(_sums(m, _TRAINING)))
            return
        present = [lang for lang in languages if f"_{self.scoring.count}_{lang}" in first]
        for lang in present:
            _log_sums(logging_outputs, self.scoring, f"_{lang}")
        for score in self.figures:
            for lang in present:
                metrics.log_derived(f"{score}_{lang}", lambda m, s=score, lang=lang: self._score(m, lang, s))
            metrics.log_derived(score, lambda m, s=score: self._mean(m, present, s))
        chosen = [lang for lang in present if lang in selected]
        metrics.log_derived(self.select_metric, lambda m: self._mean(m, chosen, self.metric))

    def _score(self, meters: Mapping, language: str, score: str) -> float:
        return self.scoring.value(_sums(meters, self.scoring, f"_{language}"), self.figures[score])

    def _mean(self, meters: Mapping, languages: Sequence[str], score: str) -> float:
        found = {lang: self._score(meters, lang, score) for lang in languages}
        return macro_mean({lang: value for lang, value in found.items() if value == value})  # not nan


def _log_sums(outputs: Sequence[Mapping], metric: Metric, suffix: str = "") -> None:
    """Log the counters of a metric, summed over ranks and batches, under names that fairseq does not print."""
    for key in (f"_{field}{suffix}" for field in metric.fields):
        metrics.log_scalar_sum(key, float(sum(float(output.get(key, 0)) for output in outputs)))


def _sums(meters: Mapping, metric: Metric, suffix: str = "") -> dict[str, float]:
    """The counters of a metric as they were logged."""
    return {field: meters[f"_{field}{suffix}"].sum for field in metric.fields}
