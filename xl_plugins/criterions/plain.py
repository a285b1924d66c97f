"""The problem's own loss: plain fine-tuning."""

from dataclasses import dataclass
from typing import Any

from fairseq.criterions import register_criterion
from fairseq.dataclass import FairseqDataclass

from ..errors import UserError
from .base import XLCriterion


@dataclass
class PlainCriterionConfig(FairseqDataclass):
    """Plain fine-tuning has no options."""


@register_criterion("xl_criterion", dataclass=PlainCriterionConfig)
class PlainCriterion(XLCriterion):
    """Sum of the problem's per-example losses."""

    reads_views = False  # second views, and noise on embeddings

    def __init__(self, task: Any) -> None:
        super().__init__(task)
        for option, values in (("augment", ("gn",)), ("second_view", ("ss", "cs", "gn", "mt"))):
            if not self.reads_views and str(getattr(task.cfg, option)) in values:
                raise UserError(
                    f"--{option.replace('_', '-')} {getattr(task.cfg, option)}: xl_criterion does not read it; pass"
                    " --criterion xtune_criterion"
                )

    def forward(self, model: Any, sample: dict, reduce: bool = True) -> tuple:
        problem = self.task.problem
        output, _ = model(**sample["net_input"], classification_head_name=problem.head_name)
        loss = problem.loss(output, sample)
        self.check_finite(loss, "loss", sample)
        return loss.sum(), sample["nsentences"], self.logging_output(sample, {"loss": loss}, output)
