"""xTune objective: task loss, consistency of two views, consistency with a teacher (Zheng et al., ACL 2021)."""

from dataclasses import dataclass, field
from typing import Any, Optional

from fairseq.criterions import register_criterion

from ...criterions.consistency import Consistency, ConsistencyOptions
from ...criterions.plain import PlainCriterion


@dataclass
class XTuneCriterionConfig(ConsistencyOptions):
    """Weights of the objective; with both at 0 it is plain training on the augmented data."""

    r1_weight: float = field(
        default=5.0,
        metadata={
            "help": "weight lambda_1 of the example consistency R1 between x and --second-view (xTune, Table 7: 5)"
        },
    )


@register_criterion("xtune_criterion", dataclass=XTuneCriterionConfig)
class XTuneCriterion(PlainCriterion):
    """R (CE + lambda_1 R1 + lambda_2 R2) for a batch of R rows; x' has no task loss. Validates as plain fine-tuning.

    Needs:
        ``second`` in the batch (``--second-view``), and for R2 a teacher and augmented copies (``--augment``).

    Relations:
        With both weights 0 it is ``xl_criterion`` on the augmented data; ``xmixup_criterion`` adds the same two terms
        to X-Mixup.

    Example::

        xl-train DATA --task xl_tagging --criterion xtune_criterion --second-view ss --r1-weight 5 ...
    """

    reads_views = True

    def __init__(self, cfg: XTuneCriterionConfig, task: Any) -> None:
        super().__init__(task)
        self.cfg = cfg
        self.consistency = Consistency(cfg, task)

    def check_start(self, path: Optional[str], save_dir: str) -> None:
        self.consistency.check_start(path, save_dir)

    def forward(self, model: Any, sample: dict, reduce: bool = True) -> tuple:
        if not self.training:
            return super().forward(model, sample, reduce)
        problem, consistency = self.task.problem, self.consistency
        joined = consistency.join(model, sample)
        output, _ = model(**joined["net_input"], classification_head_name=problem.head_name)
        output, second = consistency.split(output, sample)
        loss = problem.loss(output, sample)
        labelled = problem.labelled(sample)
        terms = {"ce_loss": loss * (len(labelled) / labelled.sum().clamp(min=1).to(loss.dtype))}
        terms |= consistency.terms(model, output, second, sample)
        for name, value in terms.items():
            self.check_finite(value, name, sample)
        loss = consistency.add(terms["ce_loss"], {name: terms[name] for name in ("r1", "r2") if name in terms})
        return loss.sum(), sample["nsentences"], self.logging_output(sample, {"loss": loss, **terms}, output)
