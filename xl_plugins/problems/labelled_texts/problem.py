"""Classification of whole texts: pairs of sentences, or single ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.augmented.views import ViewTools
from ...data.augmented.views_pairs import PairViews
from ...data.training.pairs import PairDataset, PairPart, PairTexts
from ...errors import UserError
from ...functional.consistency import hard_cross_entropy, symmetric_kl, teacher_kl
from ...functional.divergence import cross_entropy, kl_divergence
from ...functional.penalty import negative_entropy
from ...functional.precision import at_least_float32
from ...functional.scores.counters import label_counters
from ..base import ones
from ..classification import Classification

MIN_CONSTANT = 10  # rows from which one label throughout a test file is taken for a placeholder


class LabelledTexts(Classification):
    """One label per pair of texts or single text; the head is fairseq's RoBERTa classification head on ``<s>``."""

    classifies_words = False
    shortest = 6, "two words and four special tokens"  # an example, in positions
    figures = {"acc": "accuracy"}
    averages_streams = True

    @classmethod
    def check_config(cls, cfg: Any) -> None:
        least, what = cls.shortest
        if cfg.max_length < least:
            raise UserError(f"--max-length {cfg.max_length}: expected at least {least}, {what}")

    def register_head(self, model: Any) -> None:
        model.register_classification_head(self.head_name, num_classes=len(self.labels))

    # -- data --

    def build_part(self, language: str, index: int, split: str, paired: bool) -> PairPart:
        target = PairTexts(self.data, language, split, self.cfg.max_length)
        return PairPart(language, index, target, self.data.open_labels(language, split))

    def build_dataset(self, parts: Sequence[PairPart], shuffle: bool) -> PairDataset:
        return PairDataset(parts, self.data.dictionary, shuffle)

    def open_texts(self, language: str, split: str, into_source: bool) -> PairTexts:
        return PairTexts(self.data, language, split, self.cfg.max_length, into_source=into_source)

    def build_views(self, tools: ViewTools) -> PairViews:
        if self.data.single_text and len(self.facts.texts) > 1:
            raise UserError(
                f"--augment, --second-view: for sentence pairs, {self.data.root} holds single texts; leave them out, or"
                " prepare the data by xl-prepare texts"
            )
        return PairViews(tools, self.cfg.max_length)

    def pool_part(self, folder: str, index: int) -> PairPart:
        target = PairTexts(self.data, folder, "train", self.cfg.max_length)
        return PairPart(folder, index, target, np.zeros(len(target), np.int64))

    def relabelled(self, part: PairPart, rows: np.ndarray, labels: np.ndarray, sizes: np.ndarray) -> PairPart:
        in_file = rows if part.rows is None else part.rows[rows]
        return PairPart(part.language, part.language_index, part.target.take(rows), labels, rows=in_file)

    def label_counts(self, part: PairPart) -> np.ndarray:
        return np.ones(len(part), np.int64)

    def gold_labels(self, part: PairPart) -> np.ndarray | None:
        if not self.data.has_labels(part.language, "train"):
            return None
        return self.data.open_labels(part.language, "train")

    def counterparts(self, part: PairPart, open_field: Callable[[str], Any]) -> PairTexts:
        return part.target.with_pieces(*map(open_field, self.facts.texts))

    def match_translations(self, source: PairPart, part: PairPart) -> np.ndarray:
        if len(part) != len(source):
            raise UserError(
                f"{part.target.path}.idx has {len(part)} rows, but {source.target.path}.idx has {len(source)}; row i of"
                " both must be the same example"
            )
        self._check_labels(part, source.labels, source.language)
        return np.arange(len(source))

    def gold_source(self, part: PairPart, language: str) -> None:
        part.source = self.open_texts(language, "train", into_source=False)
        gold = self.data.open_labels(language, "train")
        part.check_rows()
        if len(gold) != len(part.labels):
            raise UserError(
                f"{self.data.prefix(language, 'label', 'train')}.idx has {len(gold)} rows, but the texts have"
                f" {len(part.labels)}; prepare the data again"
            )
        self._check_labels(part, gold, language)

    def _check_labels(self, part: PairPart, gold: np.ndarray, language: str) -> None:
        """The labels of a translation are those of the text in ``language``, row by row."""
        differs = np.flatnonzero(gold != part.labels)
        if len(differs):
            row = int(differs[0])
            raise UserError(
                f"{self.data.prefix(part.language, 'label', 'train')}: row {row + 1} is"
                f" '{self.labels[part.labels[row]]}', but '{self.labels[gold[row]]}' in {language}; the files are not"
                " row-parallel"
            )

    # -- training --

    def loss(self, output: Tensor, sample: Mapping) -> Tensor:
        """Cross entropy of each pair in nats: (B, C) -> (B,)."""
        return cross_entropy(output, sample["target"])

    def source_loss(self, output: Tensor, sample: Mapping) -> Tensor:
        """The pair's label holds for every text: gold, back-translated or translated."""
        return self.loss(output, sample)

    def divergence(self, output_p: Tensor, output_q: Tensor) -> Tensor:
        """KL(p || q) of the predictions for two views of each pair: (B,)."""
        return kl_divergence(output_p, output_q)

    def training_counters(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        correct = output.argmax(dim=-1).eq(sample["target"])
        return correct.sum(), torch.tensor(correct.numel())

    def labelled_units(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        return output, sample["target"]

    def unit_penalty(self, output: Tensor, sample: Mapping) -> Tensor:
        return negative_entropy(output)

    # -- consistency --

    def consistency(
        self, first: Tensor, second: Tensor, sample: Mapping, stop_gradient: bool = True, mask_padding: bool = True
    ) -> Tensor:
        return symmetric_kl(first, second, stop_gradient)

    def distillation(self, teacher: Tensor, student: Tensor, sample: Mapping, hard: bool = False) -> Tensor:
        return (hard_cross_entropy if hard else teacher_kl)(teacher, student)

    # -- predictions --

    def probabilities(self, logits: Tensor) -> Tensor:
        return torch.softmax(at_least_float32(logits), dim=-1)

    def combine(self, output_source: Tensor, output_target: Tensor, average: str) -> Tensor:
        """Probabilities from both streams (B, C): mean of probabilities (X-Mixup 4.3) or softmax of the mean logits."""
        if average == "prob":
            return (self.probabilities(output_source) + self.probabilities(output_target)) / 2
        return self.probabilities((at_least_float32(output_source) + at_least_float32(output_target)) / 2)

    def values(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        probabilities = self.probabilities(output)
        return probabilities, ones(probabilities)

    def unit_counters(self, values: Tensor, sizes: Tensor, sample: Mapping, languages: Sequence[str]) -> np.ndarray:
        return label_counters(sample["target"].tolist(), values.argmax(dim=-1).tolist())

    def decode(self, dataset: PairDataset, values: np.ndarray, sizes: np.ndarray) -> list[str]:
        return [self.labels[index] for index in values.argmax(axis=1)]

    def gold(self, dataset: PairDataset) -> list[str] | None:
        part, split = dataset.parts[0], dataset.parts[0].target.split
        labels = np.asarray(part.labels)
        if self.data.is_unlabelled(part.language, split) or self._constant(labels):
            return None
        return [self.labels[index] for index in labels]

    def _constant(self, labels: np.ndarray) -> bool:
        """In a folder made by hand one label throughout is a placeholder."""
        return not self.data.meta and len(labels) >= MIN_CONSTANT and bool((labels == labels[0]).all())
