"""Scores of tags: F1 of spans, and accuracy over words."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from torch import Tensor

from ...data.training.tagging import NO_LABEL
from ...formats.predictions import write_tags
from ...functional.scores.counters import numbered_tag_counters, tag_counters, tag_numbers
from ...functional.scores.spans import SpanScheme
from .pools import TagPools
from .span_rules import span_rule


class TagScores(TagPools):
    """Counts spans in training, validation and test sets."""

    figures = {"f1": "f1", "acc": "accuracy"}  # of spans, and over words

    @cached_property
    def scheme(self) -> SpanScheme:
        """How spans are counted; refuses labels of mixed schemes."""
        chosen = getattr(self.cfg, "tag_scheme", None)
        return SpanScheme(self.labels, span_rule(self.data.meta.get("dataset", ""), self.labels, chosen))

    def unit_counters(self, values: Tensor, sizes: Tensor, sample: Mapping, languages: Sequence[str]) -> np.ndarray:
        gold = sample["target"][sample["target"] != NO_LABEL].cpu().numpy()
        return numbered_tag_counters(gold, values.argmax(dim=-1).cpu().numpy(), sizes.cpu().numpy(), self.scheme)

    # -- scores of test sets --

    def test_counters(self, language: str, gold: Sequence, predicted: Sequence) -> np.ndarray:
        return tag_counters(gold, predicted, self.scheme)

    def scoring_rules(self, gold: Mapping[str, Sequence], inference: str) -> dict[str, Any]:
        """How spans are counted."""
        if not gold:
            return {}
        return {"tag_scheme": self.scheme.describe(*tag_numbers([*chain(*gold.values())], self.scheme))}

    def prediction_text(self, language: str, predicted: Sequence, keys: Sequence[str] | None) -> str:
        return write_tags(predicted)
