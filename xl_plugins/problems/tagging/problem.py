"""Tagging of words: parts of speech (UDPOS) and named entities (PAN-X)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.augmented.views import ViewTools
from ...data.augmented.views_tagging import TagViews
from ...data.training.tagged_texts import SPECIALS, PlainTexts, TaggedTexts
from ...data.training.tagging import NO_LABEL, TagDataset, TagPart
from ...errors import UserError
from ...formats.languages import NO_BLANKS
from ...functional.consistency import hard_cross_entropy, symmetric_kl, teacher_kl
from ...functional.divergence import cross_entropy, soft_cross_entropy, word_mean
from ...functional.penalty import negative_entropy
from ...functional.precision import at_least_float32
from ...models.heads import TakesWordHead
from .. import TAGGING
from .options import effective_pooling
from .scores import TagScores

_ACTIVE = 0.5  # sum from which a soft label counts (X-Mixup, released code)


class Tagging(TagScores):
    """One label per word; the head is a linear layer on word vectors. Scored by micro F1 of spans."""

    facts = TAGGING
    takes_head = TakesWordHead
    classifies_words = True
    trains_without_gold = True
    untranslatable = NO_BLANKS

    @classmethod
    def check_config(cls, cfg: Any) -> None:
        if cfg.max_length <= SPECIALS:
            raise UserError(f"--max-length {cfg.max_length}: expected at least {SPECIALS + 1}, one piece and <s>, </s>")

    @property
    def pooling(self) -> str:
        return self.head_options(self.cfg)["--word-pooling"]

    @classmethod
    def head_options(cls, cfg: Any) -> dict[str, str]:
        return {"--word-pooling": effective_pooling(cfg.get("word_pooling"), cfg.get("preset"))}

    @property
    def uses_soft(self) -> bool:
        return str(self.cfg.target_labels) == "soft"

    def register_head(self, model: Any) -> None:
        model.register_word_head(self.head_name, len(self.labels), self.pooling)

    # -- data --

    def build_part(self, language: str, index: int, split: str, paired: bool) -> TagPart:
        training = split == "train"
        soft = training and self.uses_soft
        replaced = soft and language != self.data.source_language  # the source's labels are gold
        target = TaggedTexts(
            self.data, language, split, self.cfg.max_length, truncate=training and paired, soft=replaced
        )
        if training and (target.soft if replaced else target.labels) is None:
            self._missing_labels(language, replaced)
        if split == "valid" and target.labels is None:
            raise UserError(
                f"{self.data.prefix(language, 'label', split)}.idx: the dev text of language '{language}' has no tags;"
                " prepare labelled data or leave the language out of --valid-languages"
            )
        if split == "valid":
            _ = self.scheme  # labels that cannot be scored show before the first update
        return TagPart(language, index, target, len(self.labels), soft)

    def _missing_labels(self, language: str, soft: bool) -> None:
        if soft:
            raise UserError(
                f"{self.data.prefix(language, 'soft', 'train')}.npy: no soft labels of language '{language}'; make them"
                " (xl-augment soft-labels), or pass --target-labels gold if its tags are known"
            )
        hint = "pass --target-labels soft (and make them with xl-augment soft-labels), or leave the language out"
        if language == self.data.source_language:
            hint = "the source language needs gold tags, prepare labelled data or choose another --source-language"
        raise UserError(
            f"{self.data.prefix(language, 'label', 'train')}.idx: the training text of language '{language}' has no"
            f" tags; {hint}"
        )

    def build_dataset(self, parts: Sequence[TagPart], shuffle: bool) -> TagDataset:
        return TagDataset(parts, self.data.dictionary, shuffle)

    def open_texts(self, language: str, split: str, into_source: bool) -> PlainTexts:
        return PlainTexts(self.data, language, split, self.cfg.max_length, into_source=into_source)

    def counterparts(self, part: TagPart, open_field: Callable[[str], Any]) -> TaggedTexts:
        return part.target.with_pieces(open_field("input0"))

    def build_views(self, tools: ViewTools) -> TagViews:
        return TagViews(tools, self.cfg.max_length - SPECIALS, self.uses_soft, self.cfg.mt_labels == "use")

    def translation_part(self, language: str, index: int, labels: str) -> TagPart:
        target = TaggedTexts(self.data, language, "train", self.cfg.max_length)
        if labels == "absent" and target.labels is not None:
            raise UserError(
                f"{self.data.prefix(language, 'label', 'train')}.idx: translations are trained on without labels, but"
                " these have some; pass --mt-labels ignore, or use to train on them, or remove the file"
            )
        if labels == "use" and target.labels is None:
            self._missing_labels(language, soft=False)
        return TagPart(language, index, target, len(self.labels), soft=self.uses_soft and labels == "use")

    def match_translations(self, source: TagPart, part: TagPart) -> np.ndarray:
        if len(part) != len(source):
            raise UserError(
                f"{part.target.path}.idx has {len(part)} rows, but {source.target.path}.idx has {len(source)}; row i of"
                " both must be the same sentence"
            )
        return np.arange(len(source))

    def gold_source(self, part: TagPart, language: str) -> None:
        part.source = TaggedTexts(self.data, language, "train", self.cfg.max_length, truncate=True)
        if part.source.labels is None:
            self._missing_labels(language, soft=False)
        part.check_rows()

    def hide_source_labels(self, sample: dict, gold: Tensor) -> dict:
        if not bool(gold.any()):  # nothing to classify
            return {name: value for name, value in sample.items() if name not in ("source_words", "source_target")}
        words = sample["source_words"] * gold[:, None]
        target = sample["source_target"].masked_fill(~gold[:, None], NO_LABEL)
        # a hidden text may have been the longest one: no columns that no gold text needs
        width = int(words.ne(0).any(dim=0).nonzero().max()) + 1
        return {**sample, "source_words": words[:, :width], "source_target": target[:, : int(words.max())]}

    # -- training --

    def loss(self, output: Tensor, sample: Mapping) -> Tensor:
        """Cross entropy against hard or soft labels; the sum is the word mean times the rows: (R, W, C) -> (R,)."""
        if "soft" not in sample:
            return self._hard_loss(output, sample["target"])
        soft = sample["soft"]
        return word_mean(soft_cross_entropy(output, soft), soft.sum(dim=-1) > _ACTIVE)

    def source_loss(self, output: Tensor, sample: Mapping) -> Tensor:
        return self._hard_loss(output, sample["source_target"])

    @staticmethod
    def _hard_loss(output: Tensor, labels: Tensor) -> Tensor:
        active = labels != NO_LABEL
        losses = cross_entropy(output.flatten(0, 1), labels.flatten()).view_as(labels)
        return word_mean(losses, active)

    def training_counters(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        labels = sample["target"]
        if "soft" in sample:
            labels = sample["soft"].argmax(dim=-1).masked_fill(sample["soft"].sum(dim=-1) <= _ACTIVE, NO_LABEL)
        return output.argmax(dim=-1).eq(labels).sum(), labels.ne(NO_LABEL).sum()

    def labelled_units(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        """The divergence of words; soft labels are for methods that pair texts."""
        active = sample["target"] != NO_LABEL
        return output[active], sample["target"][active]

    def unit_penalty(self, output: Tensor, sample: Mapping) -> Tensor:
        if "soft" in sample:
            return word_mean(negative_entropy(output), sample["soft"].sum(dim=-1) > _ACTIVE)
        return word_mean(negative_entropy(output), sample["target"] != NO_LABEL)

    # -- consistency --

    def labelled(self, sample: Mapping) -> Tensor:
        """Rows with a labelled word; translations have none."""
        if "soft" in sample:
            return (sample["soft"].sum(dim=-1) > _ACTIVE).any(dim=1)
        return (sample["target"] != NO_LABEL).any(dim=1)

    def consistency(
        self, first: Tensor, second: Tensor, sample: Mapping, stop_gradient: bool = True, mask_padding: bool = True
    ) -> Tensor:
        """All words count, labelled or not; word k of x corresponds to word k of x'."""
        return word_mean(symmetric_kl(first, second, stop_gradient), _real_words(first, sample))

    def distillation(self, teacher: Tensor, student: Tensor, sample: Mapping, hard: bool = False) -> Tensor:
        student = student[:, : teacher.size(1)]
        losses = (hard_cross_entropy if hard else teacher_kl)(teacher, student)
        return word_mean(losses, _real_words(teacher, sample))

    def select_rows(self, sample: Mapping, rows: Tensor) -> dict:
        chosen = super().select_rows(sample, rows)
        width = int(chosen["net_input"]["words"].max())
        return chosen | {name: chosen[name][:, :width] for name in ("target", "soft") if name in chosen}

    # -- predictions --

    def values(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        """Probabilities of every word of every sentence: (words, C), words per sentence."""
        words = sample["net_input"]["words"].max(dim=1).values  # (R,)
        real = _real_words(output, sample)
        unit = torch.searchsorted(sample["unit"].sort().values, sample["id"])
        order = sample["unit"].argsort()
        sizes = torch.zeros(len(order), dtype=torch.int64, device=output.device)
        sizes.index_add_(0, order[unit], words)
        return torch.softmax(at_least_float32(output[real]), dim=-1), sizes

    def decode(self, dataset: TagDataset, values: np.ndarray, sizes: np.ndarray) -> list[list[str]]:
        names = np.array(self.labels, dtype=object)[values.argmax(axis=1)]
        return [part.tolist() for part in np.split(names, np.cumsum(sizes)[:-1])]

    def gold(self, dataset: TagDataset) -> list[list[str]] | None:
        target = dataset.parts[0].target
        if target.labels is None or self.data.is_unlabelled(dataset.parts[0].language, target.split):
            return None
        return [[self.labels[index] for index in target.hard(row)] for row in range(len(target))]


PROBLEM = Tagging


def _real_words(output: Tensor, sample: Mapping) -> Tensor:
    """Which words of the outputs (R, W, C) the rows have: (R, W)."""
    words = sample["net_input"]["words"].max(dim=1).values
    return torch.arange(output.size(1), device=output.device)[None, :] < words[:, None]
