"""A problem as the methods see it: data, head, losses, predictions and additive counters. It knows no method."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..data.augmented.counterparts import CounterpartTexts
from ..data.augmented.views import Views, ViewTools
from ..data.binary.layout import DataBin
from ..data.training.units import UnitDataset
from ..errors import UserError
from ..formats.predictions import write_labels
from ..functional.scores.counters import label_counters
from ..functional.scores.metrics import METRICS
from ..models.heads import TakesTextHead
from . import Facts
from .counting import Counted

_OF_UNITS = ("unit", "unit_language", "raw", "view_words")  # entries of a batch that are not per row


class Problem(Counted):
    """Base of the problems.

    Class attributes, besides those of :class:`Counted`: ``facts``: the problem's entry in the registry, which gives
    ``name``, ``metric`` and ``scoring``. ``averages_streams``: both streams of a method that pairs
    texts have comparable predictions, which are averaged, and every text has the label of its pair; else only gold
    texts are labelled and only the target is predicted. ``trains_without_gold``: texts without gold labels may serve
    for training (the problem checks what replaces them). ``untranslatable``: languages whose translations serve no
    augmentation. ``takes_head``: models that can be given the problem's head.
    """

    facts: ClassVar[Facts]
    name: ClassVar[str]
    head_name: ClassVar[str]
    takes_head: ClassVar[type] = TakesTextHead
    averages_streams: ClassVar[bool] = False
    trains_without_gold: ClassVar[bool] = False
    untranslatable: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "facts" in vars(cls):
            cls.name, cls.metric, cls.head_name = cls.facts.name, cls.facts.metric, cls.facts.head_name
            cls.scoring = METRICS[cls.facts.scores[0]]

    def __init__(self, data: DataBin, cfg: Any) -> None:
        self.data, self.cfg = data, cfg
        problem = data.meta.get("problem", self.name)
        if problem != self.name:
            raise UserError(
                f"{data.root}/meta.json: the data is for problem '{problem}', this task is for '{self.name}'"
            )

    @classmethod
    @abstractmethod
    def check_config(cls, cfg: Any) -> None:
        """Refuse options of the problem that contradict each other."""

    @property
    def labels(self) -> list[str]:
        """Names of the classes; empty where there are none."""
        return self.data.labels

    @property
    def classes(self) -> int:
        """The number of classes, by which a divergence is divided to be a mean over elements."""
        return len(self.labels)

    @classmethod
    def head_options(cls, cfg: Any) -> dict[str, str]:
        """Options that decide what the head reads, and their values in the task's configuration ``cfg``: models whose
        predictions are compared must agree on them."""
        return {}

    def identity(self) -> dict[str, Any]:
        """The meaning of a checkpoint's outputs besides its labels."""
        return {}

    def restore(self, record: Mapping[str, Any]) -> None:
        """Predict as the checkpoint with this record was trained to."""

    @abstractmethod
    def register_head(self, model: Any) -> None:
        """Give ``model`` the head named ``head_name``."""

    # -- data --

    @abstractmethod
    def build_part(self, language: str, index: int, split: str, paired: bool) -> Any:
        """One language of a split, on its own; ``paired``: a method will add source-language texts."""

    @abstractmethod
    def build_dataset(self, parts: Sequence[Any], shuffle: bool) -> UnitDataset:
        """The languages of a split as one data set."""

    @abstractmethod
    def gold_source(self, part: Any, language: str) -> None:
        """Pair a training part with the gold texts of the source language (``part.source``), checking that they fit."""

    @abstractmethod
    def open_texts(self, language: str, split: str, into_source: bool) -> Any:
        """A language's text in the source language with ``into_source``, else its own text."""

    @abstractmethod
    def build_views(self, tools: ViewTools) -> Views:
        """The maker of the views of training examples."""

    def translation_part(self, language: str, index: int, labels: str) -> Any:
        """Training text of a language as translation of the source's; ``labels``: what to do with its own labels."""
        return self.build_part(language, index, "train", paired=False)

    def example_name(self, part: Any, row: int) -> str:
        """An example of a part in messages: its row, from 1."""
        return str(row + 1)

    def match_translations(self, source: Any, part: Any) -> np.ndarray:
        """Row in ``part`` of every example of ``source``: (N,), -1 where it is missing."""
        return np.arange(len(source))

    def hide_source_labels(self, sample: dict, gold: Tensor) -> dict:
        """The batch without the source labels of rows whose source text is not ``gold`` (R,)."""
        return sample

    # -- of problems that average both streams --

    def combine(self, output_source: Tensor, output_target: Tensor, average: str) -> Tensor:
        """Probabilities (B, C) from the outputs for both streams."""
        raise NotImplementedError(f"{self.name}: only the target is predicted")

    def divergence(self, output_p: Tensor, output_q: Tensor) -> Tensor:
        """KL(p || q) of the predictions for two texts with the same label: (B,)."""
        raise NotImplementedError(f"{self.name}: both texts have different labels")

    # -- training --

    @abstractmethod
    def loss(self, output: Tensor, sample: Mapping) -> Tensor:
        """Task loss of the target texts in nats, one value per row: (R,)."""

    @abstractmethod
    def source_loss(self, output: Tensor, sample: Mapping) -> Tensor:
        """Task loss of the source texts: (R,)."""

    # -- consistency of two views, and of teacher and student (xTune, ACL 2021) --

    def labelled(self, sample: Mapping) -> Tensor:
        """Rows that have a task loss: (R,) bool."""
        return torch.ones_like(sample["id"], dtype=torch.bool)

    @abstractmethod
    def consistency(
        self, first: Tensor, second: Tensor, sample: Mapping, stop_gradient: bool = True, mask_padding: bool = True
    ) -> Tensor:
        """Symmetric divergence KL_S of the outputs for x and x', in nats: (R,), whose sum is R times the mean over
        what the problem predicts (rows, words, windows). ``mask_padding``: see ``reduced_log_probabilities``."""

    @abstractmethod
    def distillation(self, teacher: Tensor, student: Tensor, sample: Mapping, hard: bool = False) -> Tensor:
        """KL(teacher || student) of the outputs for the rows of ``sample``, in nats: (G,), whose sum is G times the
        mean. ``hard``: cross entropy against the teacher's most probable class instead."""

    def select_rows(self, sample: Mapping, rows: Tensor) -> dict:
        """The batch of the rows (R,) bool, without the padding columns that none of them needs, and without what
        belongs to units rather than rows."""
        chosen = {name: self._select(name, value, rows) for name, value in sample.items() if name not in _OF_UNITS}
        tokens = chosen["net_input"]["src_tokens"]
        return chosen | {"nsentences": len(tokens), "ntokens": int(tokens.ne(self.data.dictionary.pad()).sum())}

    def _select(self, name: str, value: Any, rows: Tensor) -> Any:
        if isinstance(value, Mapping):
            group = {key: self._select(key, item, rows) for key, item in value.items()}
            if "words" in group:  # special tokens belong to no word, so the tokens tell the width
                group["words"] = group["words"][:, : group["src_tokens"].size(1)]
            return group
        if not isinstance(value, Tensor):
            return value
        chosen, pad = value[rows], self.data.dictionary.pad()
        padding = {"src_tokens": pad, "source": pad, "back_translation": pad, "aligned": -1}
        if name not in padding:
            return chosen
        return chosen[:, : int(chosen.ne(padding[name]).sum(dim=1).max())]

    # -- predictions --

    @abstractmethod
    def values(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        """Values to average models on: (K, D) float32 probabilities, and how many rows of it each unit owns: (U,)."""

    @abstractmethod
    def decode(self, dataset: Any, values: np.ndarray, sizes: np.ndarray) -> list:
        """Predictions of all units of a data set of one language, from :meth:`values` in its order."""

    @abstractmethod
    def gold(self, dataset: Any) -> list | None:
        """Gold of all units in the shape of :meth:`decode`, or None without gold."""

    def keys(self, dataset: Any) -> list[str] | None:
        """Ids of all units by which a prediction file names them; None where its line i is of unit i."""
        return None

    # -- scores of test sets, and prediction files --

    def test_metric(self, metric: str) -> str:
        """The metric of a test set, key of :data:`~xl_plugins.functional.scores.metrics.METRICS`, where ``metric`` is
        that of its data set or labels."""
        return metric

    def test_counters(self, language: str, gold: Sequence, predicted: Sequence) -> np.ndarray:
        """Numbers that the metric adds up, a row of each unit: (N, fields)."""
        return label_counters(gold, predicted)

    def scoring_rules(self, gold: Mapping[str, Sequence], inference: str) -> dict[str, Any]:
        """The rules by which a test set is scored, for the record of its result.

        Args:
            gold: of each language.
            inference: how the task came to its predictions, in words.
        """
        return {}

    def prediction_text(self, language: str, predicted: Sequence, keys: Sequence[str] | None) -> str:
        """Content of a prediction file, as XTREME's scorer reads it."""
        return write_labels(predicted)


class Changeable(Problem):
    """A problem whose training texts may be replaced by texts of the same shape, such as SALT's counterparts."""

    @abstractmethod
    def counterparts(self, part: Any, open_field: Callable[[str], Any]) -> CounterpartTexts:
        """Texts of the same shape as those of ``part``, cut and encoded alike; ``open_field("input0")`` opens them."""


def ones(values: Tensor) -> Tensor:
    """Sizes of units that own one row each."""
    return torch.ones(len(values), dtype=torch.int64, device=values.device)
