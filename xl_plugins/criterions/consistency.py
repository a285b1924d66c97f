"""Consistency of two views (R1) and of a frozen teacher and the student (R2), for any criterion that trains a model of
the package (xTune, Zheng et al., ACL 2021, section 3.1)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

import torch
import torch.nn.functional as F
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from torch import Tensor

from ..errors import UserError
from ..functional.draws.noise import counter_noise
from ..models.plain import unwrapped
from ..ranges import WEIGHT
from .noise import NoisyEmbeddings
from .teacher import load_teacher, placed_like, refuse_as_start

logger = logging.getLogger(__name__)
KL_NORMS = ChoiceEnum(["elements", "rows"])
R2_SCOPES = ChoiceEnum(["augmented", "all"])
_LAMBDA = WEIGHT.said("a finite number, 0 or more (xTune, Table 7: 0.3 to 5)")


@dataclass
class ConsistencyOptions(FairseqDataclass):
    """Weights and readings of R1 and R2; defaults from xTune's Table 7 and its released code."""

    r1_weight: float = field(
        default=0.0,
        metadata={
            "help": "weight lambda_1 of the example consistency R1 between x and --second-view (xTune, Table 7: 5)",
            "range": _LAMBDA,
        },
    )
    r2_weight: float = field(
        default=0.0,
        metadata={
            "help": "weight lambda_2 of the model consistency R2 between --teacher and the student (xTune, Table 7: 0.3"
            " to 5 by data set; 0 in stage 1)",
            "range": _LAMBDA,
        },
    )
    kl_norm: Optional[KL_NORMS] = field(  # type: ignore[valid-type]
        default=None,
        metadata={
            "help": "divergences of sentence pairs and tagging are means over elements, thus divided by the number of"
            " classes (xTune's code, for which the published weights were tuned), or means over rows (article)"
            " (default: elements, with --xtune-compat paper rows)"
        },
    )
    r2_scope: Optional[R2_SCOPES] = field(  # type: ignore[valid-type]
        default=None,
        metadata={
            "help": "R2 compares augmented copies alone (xTune's code) or all rows (article) (default: augmented, with"
            " --xtune-compat paper all)"
        },
    )
    r2_hard_labels: bool = field(
        default=False,
        metadata={
            "help": "R2 is the cross entropy against the teacher's most probable classes (xTune's code for named"
            " entities)"
        },
    )
    no_stop_gradient: bool = field(
        default=False,
        metadata={"help": "R1 with gradients into both sides of each divergence (xTune, Table 2, last row)"},
    )
    teacher: str = field(
        default="",
        metadata={"help": "checkpoint theta* of stage 1 that R2 learns from (xTune, section 3.1: the best one)"},
    )
    start_from_teacher: bool = field(
        default=False,
        metadata={
            "help": "allow a run to start from the teacher's weights (xTune starts both stages from the pre-trained"
            " model)"
        },
    )


class Consistency:
    """R1 and R2 of a batch. A criterion asks for the :meth:`join` of both views, runs its model on it, parts the
    output by :meth:`split`, and adds the :meth:`terms`.

    This is no module, so that the teacher is neither trained nor saved with the run.
    """

    def __init__(self, cfg: Any, task: Any) -> None:
        self.cfg, self.task = cfg, task
        paper = str(task.cfg.xtune_compat) == "paper"
        self.norm = str(cfg.kl_norm or ("rows" if paper else "elements"))
        self.scope = str(cfg.r2_scope or ("all" if paper else "augmented"))
        self.mask_padding = str(task.cfg.xtune_compat) != "official"
        check_weights(cfg, task, self.scope)
        self.divisor = task.problem.classes if self.norm == "elements" else 1
        self._teacher = [load_teacher(cfg.teacher, task)] if cfg.r2_weight else []
        self._report()

    def check_start(self, path: str | None, save_dir: str) -> None:
        """See :meth:`XLCriterion.check_start`."""
        if self.cfg.r2_weight:
            refuse_as_start(self.cfg.teacher, path, save_dir, self.cfg.start_from_teacher)

    def _report(self) -> None:
        cfg = self.cfg
        if cfg.teacher and not cfg.r2_weight:
            logger.warning("--teacher %s is not used, because --r2-weight is 0", cfg.teacher)
        if not cfg.r1_weight and str(self.task.cfg.second_view) != "none":
            logger.warning("--second-view %s is made but not used, because --r1-weight is 0", self.task.cfg.second_view)
        if cfg.r1_weight or cfg.r2_weight:
            logger.info(
                "weights of mean divergences: lambda_1 %g / %d = %g, lambda_2 %g / %d = %g (--kl-norm %s, --r2-scope"
                " %s)", cfg.r1_weight, self.divisor, cfg.r1_weight / self.divisor, cfg.r2_weight, self.r2_divisor,
                cfg.r2_weight / self.r2_divisor, self.norm, self.scope,
            )  # fmt: skip

    @property
    def r2_divisor(self) -> int:
        """A cross entropy against hard labels is never divided by the number of classes."""
        return 1 if self.cfg.r2_hard_labels else self.divisor

    # -- both views through one model --

    def join(self, model: Any, sample: dict) -> dict:
        """The batch that the model runs on: x with its noise, and with R1 x' after it (2R rows), every x' with the
        same source text as its x; ``sample`` itself when there is nothing to add."""
        both = [sample["net_input"]] + ([sample["second"]] if self.cfg.r1_weight else [])
        tokens = [view["src_tokens"] for view in both]
        net_input: dict[str, Any] = {"src_tokens": _stack(tokens, self.task.source_dictionary.pad())}
        if "words" in sample["net_input"]:
            net_input["words"] = _stack([view["words"] for view in both], 0)
        flags = [part.get("noise") for part in ([sample, sample["second"]] if len(both) > 1 else [sample])]
        if any(flag is not None for flag in flags):
            net_input["edit_embeddings"] = self._noise(model, sample, flags, [view.size(1) for view in tokens])
        elif len(both) == 1:
            return sample
        sources = {name: torch.cat([sample[name]] * len(both)) for name in ("source", "source_words") if name in sample}
        return {**sample, "net_input": net_input, **sources}

    def split(self, output: Tensor, sample: dict) -> tuple[Tensor, Optional[Tensor]]:
        """The outputs for x and x' (None without R1) of those for the joined batch."""
        rows = len(sample["id"])
        return (output[:rows], output[rows:]) if self.cfg.r1_weight else (output, None)

    def _noise(
        self, model: Any, sample: dict, flags: Sequence[Optional[Tensor]], widths: Sequence[int]
    ) -> NoisyEmbeddings:
        """Noise of the joined rows, and rows whose embeddings get no gradient (R3F): those of noised second views,
        since x has the task loss."""
        noise = [self.draw_noise(model, sample, flag, width, view) for view, (flag, width) in
                 enumerate(zip(flags, widths))]  # fmt: skip
        detach = None
        if self.task.cfg.noise_detach and len(flags) > 1 and flags[1] is not None:
            detach = torch.cat([torch.zeros_like(flags[1]), flags[1]])
        return NoisyEmbeddings(_stack(noise, 0.0), detach)

    def draw_noise(self, model: Any, sample: Mapping, flag: Optional[Tensor], width: int, view: int) -> Tensor:
        """Noise for the word embeddings of ``model``, zero in rows without ``flag`` (R,): (R, width, C)."""
        cfg, ids = self.task.cfg, sample["id"]
        channels = unwrapped(model).encoder.sentence_encoder.embed_tokens.embedding_dim
        if flag is None:
            return torch.zeros((len(ids), width, channels), device=ids.device)
        # rows of one example (chunks of a long sentence) get noise of their own
        nth = ids[:, None].eq(ids[None, :]).tril(-1).sum(dim=1)
        noise = counter_noise(
            cfg.seed, self.task.update_num, ids + (nth << 40), width, channels, cfg.noise_eps, str(cfg.noise_type), view
        )
        return noise * flag[:, None, None]

    # -- terms --

    def terms(self, model: Any, first: Tensor, second: Optional[Tensor], sample: dict) -> dict[str, Tensor]:
        """``r1`` and ``r2``, as far as their weights are not 0: (R,) whose sums are R times the unweighted terms."""
        found = {}
        if second is not None:
            problem, stop = self.task.problem, not self.cfg.no_stop_gradient
            found["r1"] = problem.consistency(first, second, sample, stop, self.mask_padding) / self.divisor
        if self.cfg.r2_weight:
            found["r2"] = self._distil(model, first, sample) / self.r2_divisor
        return found

    def add(self, loss: Tensor, terms: Mapping[str, Tensor]) -> Tensor:
        """Loss plus weighted terms, all (R,)."""
        for name, value in terms.items():
            loss = loss + getattr(self.cfg, f"{name}_weight") * value
        return loss

    def _distil(self, model: Any, output: Tensor, sample: dict) -> Tensor:
        problem, scale = self.task.problem, 1.0
        rows = torch.ones_like(sample["augmented"]) if self.scope == "all" else sample["augmented"]
        count = int(rows.sum())
        if not count:
            return output.new_zeros(len(rows), dtype=torch.float32)
        scale = len(rows) / count
        some = sample if count == len(rows) else problem.select_rows(sample, rows)
        values = problem.distillation(
            self.teach(model, some), output if count == len(rows) else output[rows], some, self.cfg.r2_hard_labels
        )
        return values.new_zeros(len(rows)).masked_scatter(rows, values * scale)

    @torch.no_grad()
    def teach(self, model: Any, sample: dict) -> Tensor:
        """The teacher's output for x of these rows, with the noise that the student's x has."""
        teacher, net_input = placed_like(self._teacher[0], unwrapped(model)), dict(sample["net_input"])
        if "noise" in sample:
            width = net_input["src_tokens"].size(1)
            noise = self.draw_noise(teacher, sample, sample["noise"], width, 0)
            net_input["edit_embeddings"] = NoisyEmbeddings(noise)
        return teacher(**net_input, classification_head_name=self.task.problem.head_name)[0]


def check_weights(cfg: Any, task: Any, scope: str) -> None:
    """Refuse weights that lack what they need."""
    if not cfg.r1_weight and not cfg.r2_weight:
        return
    problem = task.problem
    if problem.labels and len(problem.labels) < 2:
        raise UserError(f"{task.data_bin.root}/label/dict.txt: {len(problem.labels)} class; expected at least 2")
    if cfg.r1_weight and str(task.cfg.second_view) == "none":
        raise UserError(
            f"--r1-weight {cfg.r1_weight:g} compares two views, but --second-view is none; name an augmentation, or set"
            " --r1-weight 0"
        )
    if not cfg.r2_weight:
        return
    if not cfg.teacher:
        raise UserError(
            f"--r2-weight {cfg.r2_weight:g} needs --teacher, a checkpoint of the first stage; give one, or set"
            " --r2-weight 0"
        )
    if scope == "augmented" and str(task.cfg.augment) == "none":
        raise UserError(
            f"--r2-weight {cfg.r2_weight:g}: --r2-scope augmented compares augmented copies, but --augment is none;"
            " name an augmentation, or pass --r2-scope all"
        )


def _stack(views: Sequence[Tensor], pad: float) -> Tensor:
    """Rows of (R, T, ...), (R, T', ...) one after the other, padded to the common width."""
    width = max(view.size(1) for view in views)
    behind = (0, 0) * (views[0].dim() - 2)
    return torch.cat([F.pad(view, (*behind, 0, width - view.size(1)), value=pad) for view in views])
