"""Problems whose units have classes, so that models can label texts for each other: pairs, and words of sentences."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from ..functional.divergence import word_mean
from ..functional.penalty import negative_entropy
from .base import Changeable


class Classification(Changeable):
    """The part of a problem that co-training needs beyond its losses.

    ``classifies_words``: a text has a label per word, else one in all; then the model can classify every token too.
    """

    classifies_words: ClassVar[bool]

    # -- texts whose labels are replaced --

    @abstractmethod
    def pool_part(self, folder: str, index: int) -> Any:
        """The texts of ``folder/input0/train`` (and what the problem has beside it) below the data folder, without
        labels."""

    @abstractmethod
    def relabelled(self, part: Any, rows: np.ndarray, labels: np.ndarray, sizes: np.ndarray) -> Any:
        """The units ``rows`` (N,) of a part with other labels: ``labels`` (sum of ``sizes``,) of all of them, ``sizes``
        (N,) of each."""

    @abstractmethod
    def label_counts(self, part: Any) -> np.ndarray:
        """How many labels each unit of a part has: (N,)."""

    @abstractmethod
    def gold_labels(self, part: Any) -> np.ndarray | None:
        """Labels of all units of a part one after the other, None where its data folder has none."""

    # -- confidence --

    @abstractmethod
    def labelled_units(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        """Logits (K, C) and labels (K,) of everything in the batch that has a label."""

    @abstractmethod
    def unit_penalty(self, output: Tensor, sample: Mapping) -> Tensor:
        """Negative entropy of the labelled units in nats: (R,), whose sum is R times the mean."""

    def penalty(self, output: Tensor, sample: Mapping, token_logits: Tensor | None = None) -> Tensor:
        """Negative entropy of the predictions in nats (XLA, ACL 2021, Eq. 1): (R,), whose sum is R times the mean.

        ``token_logits``: (R, T, C) of every position; then the mean is over all that are not padding instead of over
        the labelled units.
        """
        if token_logits is None:
            return self.unit_penalty(output, sample)
        real = sample["net_input"]["src_tokens"] != self.data.dictionary.pad()
        return word_mean(negative_entropy(token_logits), real)
