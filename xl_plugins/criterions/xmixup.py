"""X-Mixup objective: both streams' task losses and the terms between them (X-Mixup, ICLR 2022, Eq. 7, 8)."""

from dataclasses import dataclass, field
from typing import Any, Optional

import torch
from fairseq.criterions import register_criterion
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from torch import Tensor

from ..errors import UserError
from ..models.xmixup import unwrapped
from .base import XLCriterion

REPRESENTATIONS = ChoiceEnum(["mean", "cls"])


@dataclass
class XMixupCriterionConfig(FairseqDataclass):
    """Weights of the objective; defaults from X-Mixup Eq. 7 and Table 10."""

    mixup_alpha: float = field(
        default=0.4,
        metadata={"help": "weight alpha of the source stream's task loss (X-Mixup Table 10: 0.4 for classification)"},
    )
    mse_weight: float = field(
        default=1.0,
        metadata={
            "help": "weight of the squared distance between both representations (X-Mixup Eq. 7: 1; 0 leaves it out)"
        },
    )
    kl_weight: float = field(
        default=1.0,
        metadata={"help": "weight of KL(p_S || p_T) between both predictions (X-Mixup Eq. 7: 1; 0 leaves it out)"},
    )
    representation: Optional[REPRESENTATIONS] = field(  # type: ignore[valid-type]
        default=None,
        metadata={
            "help": (
                "what the squared distance compares: mean of inner positions (footnote 4) or <s> (default: by --preset)"
            )
        },
    )


@register_criterion("xmixup_criterion", dataclass=XMixupCriterionConfig)
class XMixupCriterion(XLCriterion):
    """alpha L_S + (1 - alpha) L_T + MSE(r_S, r_T) + KL(p_S || p_T), summed over pairs; gradients reach both streams."""

    def __init__(self, cfg: XMixupCriterionConfig, task: Any) -> None:
        super().__init__(task)
        self.cfg = cfg
        if not 0 <= cfg.mixup_alpha <= 1:
            raise UserError(
                f"--mixup-alpha {cfg.mixup_alpha}: expected a weight from 0 to 1 (the paper uses 0.4 for"
                " classification)"
            )
        for option in ("mse_weight", "kl_weight"):
            if not 0 <= getattr(cfg, option) < float("inf"):
                raise UserError(f"--{option.replace('_', '-')} {getattr(cfg, option)}: expected 0 or more")
        if not hasattr(task, "choose_source"):
            raise UserError("--criterion xmixup_criterion needs an X-Mixup task; pass --task xmixup_sentence_pair")
        self.representation = str(cfg.representation or task.preset("representation"))

    def forward(self, model: Any, sample: dict, reduce: bool = True) -> tuple:
        problem, size = self.task.problem, sample["nsentences"]
        if not self.training and self.task.cfg.no_mixup_inference:
            logits, _ = model(**sample["net_input"], classification_head_name=problem.head_name)
            loss = problem.loss(logits, sample)
            return loss.sum(), size, self.logging_output(sample, {"loss": loss}, problem.probabilities(logits))
        sampled: dict[str, Tensor] = {}
        source = sample["source"]
        if self.training:
            source, gold, p_gold = self.task.choose_source(sample)
            sampled = {"gold_share": gold.float(), "gold_probability": torch.full((size,), p_gold)}
        logits, extra = model(**sample["net_input"], source_tokens=source, classification_head_name=problem.head_name)
        losses = self.compute_losses(logits, extra, sample)
        self.check_finite(losses["loss"], "loss", sample)
        probabilities = problem.combine(extra["source_output"], logits, self.task.average)
        logged = losses | sampled | self._gate_statistics(model, extra, size, sample)
        return losses["loss"].sum(), size, self.logging_output(sample, logged, probabilities)

    def compute_losses(self, logits: Tensor, extra: dict, sample: dict) -> dict[str, Tensor]:
        """Per-pair terms (B,) in float32: ``loss`` and its parts."""
        problem, cfg = self.task.problem, self.cfg
        source_logits = extra["source_output"]
        source, target = problem.loss(source_logits, sample), problem.loss(logits, sample)
        terms = {
            "source_loss": source,
            "target_loss": target,
            "task_loss": cfg.mixup_alpha * source + (1 - cfg.mixup_alpha) * target,
        }
        loss = terms["task_loss"]
        if cfg.mse_weight:
            streams = [(extra[f"{name}_states"], extra[f"{name}_padding"]) for name in ("source", "target")]
            terms["mse"] = problem.representation_distance(*streams, self.representation)
            loss = loss + cfg.mse_weight * terms["mse"]
        if cfg.kl_weight:
            terms["kl"] = problem.divergence(source_logits, logits)
            loss = loss + cfg.kl_weight * terms["kl"]
        return {"loss": loss, **terms}

    def _gate_statistics(self, model: Any, extra: dict, size: int, sample: dict) -> dict[str, Tensor]:
        """Per-pair values whose means are logged; the smallest and largest lambda are those of each batch, averaged."""
        ratio = extra["ratio"]
        if ratio is None or extra["entropy"] is None:
            return {}
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
