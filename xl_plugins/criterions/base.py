"""The base of all criterions: sums of losses and counters that fairseq can add over batches and ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

import torch
from fairseq.criterions import FairseqCriterion
from fairseq.logging import metrics
from torch import Tensor

from ..errors import UserError
from ..ranges import check_ranges

_VIEW_WORDS = ("_view_words", "_view_selected", "_view_changed")
_SIZES = ("nsentences", "ntokens", "sample_size")


class XLCriterion(FairseqCriterion):
    """Base: losses of rows are summed and ``sample_size`` counts rows; so accumulation and ranks are exact."""

    reads_all_pieces = False  # whether it has a gradient for every row of the word embeddings, as masked words do

    @classmethod
    def build_criterion(cls, cfg: Any, task: Any) -> Any:
        check_ranges(cfg, getattr(cls, "__dataclass", None))
        return super().build_criterion(cfg, task)

    def logging_output(
        self, sample: Mapping, losses: Mapping[str, Tensor], output: Tensor,
        values: Optional[tuple[Tensor, Tensor]] = None,
    ) -> dict:  # fmt: skip
        """Sums of per-row values (R,) by name, and the problem's counters: in training of the head's ``output``, in
        validation per language, of ``values`` (default: those of the output)."""
        problem = self.task.problem
        out = {name: value.detach().sum() for name, value in losses.items()}
        out |= dict.fromkeys(("nsentences", "sample_size"), sample["nsentences"]) | {"ntokens": sample["ntokens"]}
        if self.training:
            out |= dict(zip(_VIEW_WORDS, sample.get("view_words", ())))
            return out | problem.count_training(output.detach(), sample)
        found, sizes = problem.values(output.detach(), sample) if values is None else values
        return out | problem.counters(found.detach(), sizes, sample, self.task.languages)

    def check_start(self, path: str | None, save_dir: str) -> None:
        """UserError for a run that may not start from the checkpoint ``path`` (None: from random weights), or not be
        saved in ``save_dir``."""

    def validation_losses(self) -> list[str]:
        """Names of the losses that validation logs."""
        return ["loss"]

    def check_finite(self, value: Tensor, name: str, sample: Mapping) -> None:
        """Name the examples whose loss or ratio (B,) is not finite."""
        if bool(torch.isfinite(value).all()):
            return
        ids = sample["id"][~torch.isfinite(value)].tolist()
        dataset = self.task.datasets.get("train" if self.training else "valid")
        where = dataset.describe(ids[:5]) if dataset is not None else str(ids[:5])
        raise UserError(
            f"the {name} of {len(ids)} example(s) is not finite (language:row {where}); lower --lr or check these rows"
        )

    @staticmethod
    def reduce_metrics(logging_outputs: Sequence[Mapping]) -> None:
        """Log every visible sum as a mean per example; the task lets the problem log its metrics."""
        size = sum(float(o["sample_size"]) for o in logging_outputs)
        for name in logging_outputs[0]:
            if name not in _SIZES and not name.startswith("_"):
                total = sum(float(o.get(name, 0)) for o in logging_outputs)
                metrics.log_scalar(name, total / (size or 1.0), size, round=4)
        _log_view_words(logging_outputs)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        return True


def _log_view_words(logging_outputs: Sequence[Mapping]) -> None:
    """Log the shares of words that augmentations selected (``switched``) and really changed (``changed``)."""
    if _VIEW_WORDS[0] not in logging_outputs[0]:
        return
    words, selected, changed = (sum(float(o.get(name, 0)) for o in logging_outputs) for name in _VIEW_WORDS)
    for name, count in (("switched", selected), ("changed", changed)):
        if words:  # noise on embeddings touches none
            metrics.log_scalar(name, count / words, words, round=4)
