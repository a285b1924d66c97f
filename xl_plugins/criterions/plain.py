"""The problem's own loss: plain fine-tuning, and with the confidence penalty of models that label text (XLA)."""

from dataclasses import dataclass, field
from typing import Any, Optional

from fairseq.criterions import register_criterion
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from torch import Tensor

from ..errors import UserError, flag
from ..problems.classification import Classification
from ..ranges import WEIGHT
from .base import XLCriterion

PENALTY = WEIGHT.said("0 or more (XLA: 1); below 0 it would reward certainty")
PENALTY_POSITIONS = ChoiceEnum(["labelled", "all"])


@dataclass
class PlainCriterionConfig(FairseqDataclass):
    """Weight of the confidence penalty; without it plain fine-tuning has no options."""

    conf_penalty: float = field(
        default=0.0,
        metadata={
            "help": "weight beta of the negative entropy -H(p) that is added to the cross entropy of training (XLA, ACL"
            " 2021, Eq. 1: 1 where models for co-training are warmed up; 0 leaves it out)",
            "range": PENALTY,
        },
    )
    conf_penalty_positions: PENALTY_POSITIONS = field(  # type: ignore[valid-type]
        default="labelled",
        metadata={
            "help": "the entropy is a mean over what has a label (XLA, Eq. 1), or in tagging over all tokens with <s>"
            " and </s> (XLA's code)"
        },
    )


@register_criterion("xl_criterion", dataclass=PlainCriterionConfig)
class PlainCriterion(XLCriterion):
    """Sum of the problem's per-example losses: R (CE + beta sum_c p_c ln p_c) for a batch of R rows.

    Validation has no penalty.
    """

    reads_views = False  # second views, and noise on embeddings

    def __init__(self, task: Any, conf_penalty: float = 0.0, conf_penalty_positions: Any = "labelled") -> None:
        super().__init__(task)
        self.conf_penalty, self.all_positions = conf_penalty, str(conf_penalty_positions) == "all"
        for option, values in (("augment", ("gn",)), ("second_view", ("ss", "cs", "gn", "mt"))):
            if not self.reads_views and str(getattr(task.cfg, option)) in values:
                raise UserError(
                    f"{flag(option)} {getattr(task.cfg, option)}: xl_criterion does not read it; pass"
                    " --criterion xtune_criterion"
                )
        if conf_penalty and not isinstance(task.problem, Classification):
            raise UserError(
                f"--conf-penalty {conf_penalty}: '{task.problem.name}' has no classes whose entropy it could keep;"
                " leave it out"
            )

    @property
    def penalty_weight(self) -> float:
        """beta of this update."""
        return self.conf_penalty if self.training else 0.0

    def forward(self, model: Any, sample: dict, reduce: bool = True) -> tuple:
        problem, weight = self.task.problem, self.penalty_weight
        wanted = {"token_logits": True} if weight and self.all_positions else {}
        output, extra = model(**sample["net_input"], classification_head_name=problem.head_name, **wanted)
        losses = {"loss": problem.loss(output, sample)}
        if weight:
            penalty = problem.penalty(output, sample, self._of_tokens(extra) if wanted else None)
            losses |= {"loss": losses["loss"] + weight * penalty, "ce": losses["loss"], "penalty": penalty}
        self.check_finite(losses["loss"], "loss", sample)
        return losses["loss"].sum(), sample["nsentences"], self.logging_output(sample, losses, output)

    def _of_tokens(self, extra: Optional[dict]) -> Tensor:
        """Logits of every token: (R, T, C)."""
        if not extra or "token_logits" not in extra:
            raise UserError("--conf-penalty-positions all: only plain tagging classifies every token; pass labelled")
        return extra["token_logits"]
