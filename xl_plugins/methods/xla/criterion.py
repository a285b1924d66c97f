"""Loss of co-training (XLA, ACL 2021): cross entropy of labels and pseudo-labels, in the warm-up with a penalty."""

from dataclasses import dataclass, field
from typing import Any

import torch
from fairseq.criterions import register_criterion
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from torch import Tensor

from ...criterions.base import XLCriterion
from ...criterions.plain import PENALTY
from ...errors import UserError
from ...functional.divergence import cross_entropy
from ...functional.penalty import negative_entropy
from .task import XLATask

POSITIONS = ChoiceEnum(["labelled", "all"])


@dataclass
class XLACriterionConfig(FairseqDataclass):
    """The confidence penalty of the warm-up stages."""

    conf_penalty: float = field(
        default=1.0,
        metadata={
            "help": "beta of CE - beta H in warm-up stages, 0 for none (XLA, Eq. 1; code: 1; adaptation: none)",
            "range": PENALTY,
        },
    )
    conf_penalty_positions: POSITIONS = field(  # type: ignore[valid-type]
        default="labelled",
        metadata={"help": "tagging: entropy of words (XLA, Eq. 1), or of all pieces and <s>, </s> (its code)"},
    )


@register_criterion("xla_criterion", dataclass=XLACriterionConfig)
class XLACriterion(XLCriterion):
    """CE - beta H(p) while members warm up, CE after that, summed over labelled units, pairs or words; ``sample_size``
    counts units, so that the mean does not depend on how an update is cut into micro-batches.

    Needs:
        The stages of ``--task xla_cotrain_task``, which say whether a member warms up.

    Relations:
        Without the stages the same loss is ``xl_criterion --conf-penalty 1``, which trains members one by one.

    Example::

        xl-train DATA --task xla_cotrain_task --problem tagging --xla-target de --xla-warmup-passes 3 ...
    """

    def __init__(self, task: Any, conf_penalty: float, conf_penalty_positions: str) -> None:
        super().__init__(task)
        if not isinstance(task, XLATask):
            raise UserError(
                "--criterion xla_criterion belongs to --task xla_cotrain_task; pass --criterion xl_criterion"
            )
        every = str(conf_penalty_positions) == "all"
        if every and not self.task.problem.classifies_words:
            raise UserError(
                "--conf-penalty-positions all: is for tagging, a pair of texts has one prediction; leave it out"
            )
        self.beta, self.positions = conf_penalty, str(conf_penalty_positions)

    def forward(self, model: Any, sample: dict, reduce: bool = True) -> tuple:
        problem, beta = self.task.problem, self._beta()
        every = bool(beta) and self.positions == "all"
        options = {"token_logits": True} if every else {}
        output, extra = model(**sample["net_input"], classification_head_name=problem.head_name, **options)
        logits, labels = problem.labelled_units(output, sample)
        ce = cross_entropy(logits, labels)
        self._check(ce, sample)
        losses = {"loss": ce}
        if beta:
            if every:
                pad = self.task.data_bin.dictionary.pad()
                entropies = negative_entropy(extra["token_logits"][sample["net_input"]["src_tokens"] != pad])
                penalty = entropies.mean().expand(len(labels))
            else:
                penalty = negative_entropy(logits)
            losses = {"loss": ce + beta * penalty, "ce": ce, "penalty": penalty}
        elif self.beta and self.training and self.task.warms_up:
            # fairseq would go on logging these columns as None
            losses |= {"ce": ce, "penalty": torch.zeros_like(ce)}
        logged = self.logging_output(sample, losses, output) | {"sample_size": len(labels)}
        return losses["loss"].sum(), len(labels), logged

    def _beta(self) -> float:
        """The penalty belongs to the warm-up."""
        return self.beta if self.training and self.task.stages.stage.is_warmup else 0.0

    def _check(self, losses: Tensor, sample: dict) -> None:
        """Name the texts of a batch whose loss is not finite; its units are words perhaps, so that only the batch is
        known."""
        if bool(torch.isfinite(losses).all()):
            return
        dataset = self.task.datasets.get("train" if self.training else "valid")
        member = self.task.stages.stage.member + 1
        raise UserError(
            f"the loss of member {member} is not finite in a batch with rows"
            f" {dataset.describe(sample['unit'][:5].tolist())}; lower --lr or --xla-warmup-lr, or check these rows"
        )
