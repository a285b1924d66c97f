"""Extractive question answering: XQuAD, MLQA, TyDiQA-GoldP and anything in SQuAD's format."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.augmented.views import ViewTools
from ...data.augmented.views_qa import QAViews
from ...data.binary.layout import DataBin
from ...data.training.qa import QADataset, QAPart
from ...data.training.questions import (
    Questions,
    Windowing,
    find,
)
from ...errors import UserError
from ...functional.consistency import (
    hard_cross_entropy,
    reduced_log_probabilities,
    symmetric_kl_of_logs,
    teacher_kl,
)
from ...functional.divergence import span_cross_entropy
from ...models.heads import TakesSpanHead
from .. import QA
from .answers import AnswerScores

_SPECIALS = 4  # around question and context, at most


class ExtractiveQA(AnswerScores):
    """Start and end of the answer in the context; the head is a linear layer on every position."""

    facts = QA
    takes_head = TakesSpanHead

    @classmethod
    def check_config(cls, cfg: Any) -> None:
        if cfg.max_length <= cfg.max_question_length + _SPECIALS:
            raise UserError(
                f"--max-length {cfg.max_length}: no room for the context beside --max-question-length"
                f" {cfg.max_question_length} and {_SPECIALS} special tokens"
            )

    def __init__(self, data: DataBin, cfg: Any) -> None:
        super().__init__(data, cfg)
        self.windowing = Windowing(cfg.max_length, cfg.doc_stride, cfg.max_question_length)

    @property
    def labels(self) -> list[str]:
        return []

    @property
    def classes(self) -> int:
        return 1  # the released code of xTune takes a mean over windows here, not over elements

    def register_head(self, model: Any) -> None:
        model.register_span_head(self.head_name)

    # -- data --

    def build_part(self, language: str, index: int, split: str, paired: bool) -> QAPart:
        training = split == "train"
        target = self.open_texts(language, split, into_source=False)
        window = str(self.cfg.qa_source_window)
        return QAPart(language, index, target, windows=training, raw=not training, source_window=window)

    def build_dataset(self, parts: Sequence[QAPart], shuffle: bool) -> QADataset:
        return QADataset(parts, self.data.dictionary, shuffle)

    def open_texts(self, language: str, split: str, into_source: bool) -> Questions:
        return Questions(self.data, language, split, self.windowing, into_source=into_source)

    def build_views(self, tools: ViewTools) -> QAViews:
        return QAViews(tools, self.cfg.max_length)

    def example_name(self, part: QAPart, row: int) -> str:
        return part.target.record(row)["id"]

    def match_translations(self, source: QAPart, part: QAPart) -> np.ndarray:
        return find(source.target, part.target)

    def gold_source(self, part: QAPart, language: str) -> None:
        part.source = self.open_texts(language, "train", into_source=False)
        part.check_rows()

    def hide_source_labels(self, sample: dict, gold: Tensor) -> dict:
        return {**sample, "source_target": sample["source_target"] * gold[:, None]}

    # -- training --

    def loss(self, output: Tensor, sample: Mapping) -> Tensor:
        """Mean cross entropy of start and end over real positions: (R, T, 2) -> (R,)."""
        padding = sample["net_input"]["src_tokens"].eq(self.data.dictionary.pad())
        return span_cross_entropy(output[:, : padding.size(1)], padding, sample["target"])

    def source_loss(self, output: Tensor, sample: Mapping) -> Tensor:
        padding = sample["source"].eq(self.data.dictionary.pad())
        return span_cross_entropy(output[:, : padding.size(1)], padding, sample["source_target"])

    def training_counters(self, output: Tensor, sample: Mapping) -> tuple[Tensor, Tensor]:
        """Windows whose start and end are both right."""
        width = sample["net_input"]["src_tokens"].size(1)
        padding = sample["net_input"]["src_tokens"].eq(self.data.dictionary.pad())
        scores = output[:, :width].masked_fill(padding[..., None], float("-inf"))
        correct = scores.argmax(dim=1).eq(sample["target"]).all(dim=1)
        return correct.sum(), torch.tensor(correct.numel())

    # -- consistency --

    def consistency(
        self, first: Tensor, second: Tensor, sample: Mapping, stop_gradient: bool = True, mask_padding: bool = True
    ) -> Tensor:
        """Mean of KL_S of start and end over the positions that both views share, and the rest."""

        def reduced(output: Tensor, tokens: Tensor, aligned: Tensor) -> Tensor:
            padding = tokens.eq(self.data.dictionary.pad()) if mask_padding else None
            return reduced_log_probabilities(output[:, : tokens.size(1)], padding, aligned)

        log_p = reduced(first, sample["net_input"]["src_tokens"], sample["aligned"])
        log_q = reduced(second, sample["second"]["src_tokens"], sample["second"]["aligned"])
        return symmetric_kl_of_logs(log_p, log_q, stop_gradient, dim=1).mean(dim=-1)

    def distillation(self, teacher: Tensor, student: Tensor, sample: Mapping, hard: bool = False) -> Tensor:
        """Mean over start and end, over all real positions; the ends' labels are the teacher's ends."""
        padding = sample["net_input"]["src_tokens"].eq(self.data.dictionary.pad())[..., None]
        teacher, student = (x[:, : padding.size(1)].masked_fill(padding, float("-inf")) for x in (teacher, student))
        return (hard_cross_entropy if hard else teacher_kl)(teacher, student, dim=1).mean(dim=-1)


PROBLEM = ExtractiveQA
