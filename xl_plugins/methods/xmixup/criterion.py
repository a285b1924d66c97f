"""X-Mixup objective: both streams' task losses and the terms between them (X-Mixup, ICLR 2022, Eq. 7, 8)."""

from dataclasses import dataclass, field
from typing import Any, Optional

import torch
from fairseq.criterions import register_criterion
from fairseq.dataclass import ChoiceEnum
from torch import Tensor

from ...criterions.base import XLCriterion
from ...criterions.consistency import Consistency, ConsistencyOptions
from ...errors import UserError
from ...functional.divergence import inner_mean, inner_sum, representation_mse
from ...models.plain import unwrapped
from ...problems.base import ones
from ...ranges import UNIT, WEIGHT
from .presets import WEIGHTS
from .task import XMixupTask

_WEIGHT = WEIGHT.said("0 or more")
REPRESENTATIONS = ChoiceEnum(["mean", "cls", "sum"])


@dataclass
class XMixupCriterionConfig(ConsistencyOptions):
    """Weights of the objective; defaults from X-Mixup Eq. 7 and Table 10. Those of consistency (xTune) are 0."""

    mixup_alpha: Optional[float] = field(
        default=None,
        metadata={
            "help": "weight alpha of the source stream's task loss (default by X-Mixup Table 10: sentence pairs 0.4,"
            " tagging 0.8, question answering 0.2)",
            "range": UNIT.said("a weight from 0 to 1 (the paper uses 0.4, in tagging 0.8, in question answering 0.2)"),
        },
    )
    mse_weight: float = field(
        default=1.0,
        metadata={
            "help": "weight of the squared distance between both representations (X-Mixup Eq. 7: 1; 0 leaves it out)",
            "range": _WEIGHT,
        },
    )
    kl_weight: Optional[float] = field(
        default=None,
        metadata={
            "help": "weight of KL(p_S || p_T) between both predictions (default by X-Mixup Eq. 7 and section 4.2: 1 for"
            " sentence pairs, 0 for others, where both texts have different labels; 0 leaves it out)",
            "range": _WEIGHT,
        },
    )
    representation: Optional[REPRESENTATIONS] = field(  # type: ignore[valid-type]
        default=None,
        metadata={
            "help": (
                "what the squared distance compares: mean of inner positions (footnote 4), <s>, or the sum of inner"
                " positions over --max-length - 2 (default: by --preset)"
            )
        },
    )


@register_criterion("xmixup_criterion", dataclass=XMixupCriterionConfig)
class XMixupCriterion(XLCriterion):
    """alpha L_S + (1 - alpha) L_T + MSE(r_S, r_T) [+ KL(p_S || p_T)], summed over pairs; nothing is detached.

    With weights of xTune's terms, R1 compares the mixed target stream with that of x' mixed with the same source text,
    and R2 with the teacher's plain one; x' has no other loss.

    Needs:
        ``source`` in the batch, the text that each target text is paired with: a task ``xmixup_*``.

    Relations:
        With alpha, MSE and KL at 0 and ``--no-mixup`` it is ``xl_criterion`` on the target texts; KL is for problems
        whose pairs have one label (``averages_streams``).

    Example::

        xl-train DATA --task xmixup_text --arch xmixup_xlmr --train-languages all ...
    """

    def __init__(self, cfg: XMixupCriterionConfig, task: Any) -> None:
        super().__init__(task)
        self.cfg = cfg
        if not isinstance(task, XMixupTask):
            raise UserError("--criterion xmixup_criterion needs an X-Mixup task; pass --task xmixup_sentence_pair")
        both = task.problem.averages_streams
        usual = WEIGHTS[task.problem.facts.published]["mixup_alpha"]
        self.alpha = usual if cfg.mixup_alpha is None else cfg.mixup_alpha
        self.kl_weight = float(both) if cfg.kl_weight is None else cfg.kl_weight
        self.representation = str(
            cfg.representation or task.preset("representation" if both else "position_representation")
        )
        self.check_config()
        self.consistency = Consistency(cfg, task)

    def check_start(self, path: Optional[str], save_dir: str) -> None:
        self.consistency.check_start(path, save_dir)

    def check_config(self) -> None:
        if self.kl_weight and not self.task.problem.averages_streams:
            raise UserError(
                f"--kl-weight {self.kl_weight}: both texts of a pair have the same label in sentence pairs only; set it"
                " to 0 (X-Mixup 4.2)"
            )

    def validation_losses(self) -> list[str]:
        if self.task.cfg.no_mixup_inference or not self.task.problem.averages_streams:
            return ["loss"]
        weighted = [name for name, weight in (("mse", self.cfg.mse_weight), ("kl", self.kl_weight)) if weight]
        return ["loss", "source_loss", "target_loss", "task_loss", *weighted]

    def forward(self, model: Any, sample: dict, reduce: bool = True) -> tuple:
        if self.training:
            return self._train(model, sample)
        problem, task = self.task.problem, self.task
        if not task.cfg.no_mixup_inference and problem.averages_streams:
            output, extra = self._run(model, sample)
            losses = self.compute_losses(output, extra, sample)
            probabilities = problem.combine(extra["source_output"], output, task.average)
            losses |= self._gate_statistics(model, extra, sample)
            return self._finish(sample, losses, output, (probabilities, ones(probabilities)))
        if task.cfg.no_mixup_inference:
            output, extra = model(**sample["net_input"], classification_head_name=problem.head_name)
        else:
            output, extra = self._run(model, sample, target_only=True)
        losses = {"loss": problem.loss(output, sample), **self._gate_statistics(model, extra, sample)}
        return self._finish(sample, losses, output)

    def _train(self, model: Any, sample: dict) -> tuple:
        problem, choice = self.task.problem, self.task.choose_source(sample)
        labelled = None if problem.averages_streams else choice.gold
        # nothing is read of an unlabelled source beyond the mixup layer unless representations are compared
        target_only = labelled is not None and not self.cfg.mse_weight and not bool(labelled.any())
        consistency, chosen, rows = self.consistency, choice.sample, len(choice.gold)
        output, extra = self._run(model, consistency.join(model, chosen), target_only)
        output, second = consistency.split(output, chosen)
        extra = {name: value if value is None else value[:rows] for name, value in extra.items()}
        losses = self.compute_losses(output, extra, chosen, labelled)
        terms = consistency.terms(model, output, second, chosen)
        losses |= terms | {"loss": consistency.add(losses["loss"], terms)}
        losses["gold_share"] = choice.gold.float()
        losses["gold_probability"] = torch.full((rows,), choice.probability)
        losses |= self._gate_statistics(model, extra, sample)
        both = problem.averages_streams
        predicted = problem.combine(extra["source_output"], output, self.task.average) if both else output
        return self._finish(chosen, losses, predicted)

    def _run(self, model: Any, sample: dict, target_only: bool = False) -> tuple[Tensor, dict]:
        return model(
            **sample["net_input"], source_tokens=sample["source"], source_words=sample.get("source_words"),
            classification_head_name=self.task.problem.head_name, target_only=target_only,
        )  # fmt: skip

    def _finish(
        self, sample: dict, losses: dict[str, Tensor], output: Tensor, values: Optional[tuple[Tensor, Tensor]] = None
    ) -> tuple:
        self.check_finite(losses["loss"], "loss", sample)
        return losses["loss"].sum(), sample["nsentences"], self.logging_output(sample, losses, output, values)

    def compute_losses(
        self, output: Tensor, extra: dict, sample: dict, labelled: Optional[Tensor] = None
    ) -> dict[str, Tensor]:
        """Per-row terms (R,) in float32: ``loss`` and its parts.

        ``labelled`` (R,): rows whose source text has labels (None: all). The others train on the target alone, with
        weight 1 (released code), for there is no source loss.
        """
        problem, alpha, source_output = self.task.problem, self.alpha, extra.get("source_output")
        target = problem.loss(output, sample)
        source = torch.zeros_like(target) if source_output is None else problem.source_loss(source_output, sample)
        terms = {"source_loss": source, "target_loss": target}
        if labelled is None:
            terms["task_loss"] = alpha * source + (1 - alpha) * target
        else:
            terms["source_loss"] = source = source.masked_fill(~labelled, 0.0)
            terms["task_loss"] = torch.where(labelled, alpha * source + (1 - alpha) * target, target)
        loss = terms["task_loss"]
        if self.cfg.mse_weight:
            streams = [(extra[f"{name}_states"], extra[f"{name}_padding"]) for name in ("source", "target")]
            terms["mse"] = representation_mse(*(self._represent(*stream) for stream in streams))
            loss = loss + self.cfg.mse_weight * terms["mse"]
        if self.kl_weight:
            terms["kl"] = problem.divergence(source_output, output)
            loss = loss + self.kl_weight * terms["kl"]
        return {"loss": loss, **terms}

    def _represent(self, states: Tensor, padding: Tensor) -> Tensor:
        """(R, T, C) -> (R, C)"""
        if self.representation == "cls":
            return states[:, 0]
        if self.representation == "sum":
            return inner_sum(states, padding, self.task.cfg.max_length)
        return inner_mean(states, padding)

    def _gate_statistics(self, model: Any, extra: dict, sample: dict) -> dict[str, Tensor]:
        """Per-pair values whose means are logged; the smallest and largest lambda are those of each batch, averaged."""
        ratio = extra.get("ratio")
        if ratio is None or extra["entropy"] is None:
            return {}
        size = len(ratio)
        self.check_finite(ratio, "mixup ratio", sample)
        gate = unwrapped(model).mixup_gate
        stats = {
            "ratio": ratio,
            "ratio_min": ratio.min().expand(size),
            "ratio_max": ratio.max().expand(size),
            "entropy": extra["entropy"],
            "reverse_entropy": extra["reverse_entropy"],
        }
        return stats | {f"gate_{name}": getattr(gate, name).float().expand(size) for name in ("weight", "bias")}
