"""X-Mixup (ICLR 2022): every target text is paired with its source-language text.

This is what the tasks of all problems share. Training pairs x_T with the gold x_S or, by scheduled sampling, with its
back-translation x_B; evaluation pairs it with its translation into the source language (translate-test). The source
language is paired with itself.
"""

from dataclasses import dataclass, field
from typing import Any, Optional

import numpy as np
import torch
import torch.nn.functional as F
from fairseq.dataclass import ChoiceEnum

from xl_plugins.tasks.base import XLTask
from xl_plugins.tasks.base_options import XLTaskConfig

from ...errors import UserError
from ...functional.schedule import draw_gold, gold_probability
from ...models.plain import unwrapped
from ...optim.decay import without_decay
from ...problems.base import ones
from ...ranges import Range
from .model import XMixupModel
from .presets import XMIXUP_PRESETS, mixup_layer

PRESETS = ChoiceEnum(list(XMIXUP_PRESETS))
SAMPLING_UNITS = ChoiceEnum(["update", "instance", "epoch"])
AVERAGES = ChoiceEnum(["prob", "logit"])


@dataclass
class XMixupTaskConfig(XLTaskConfig):
    """Options of X-Mixup that concern data and inference; defaults from sections 4.1, 4.3 and Table 10."""

    train_languages: str = field(
        default="all",
        metadata={"help": "languages to train on: 'all' (the paper's translate-train-all), 'source', or a list"},
    )
    preset: PRESETS = field(  # type: ignore[valid-type]
        default="paper",
        metadata={
            "help": "'paper', or 'official': the released code's choices of --representation and --inference-average"
        },
    )
    no_scheduled_sampling: bool = field(
        default=False, metadata={"help": "always pair with the gold source text in training (X-Mixup Table 5)"}
    )
    sampling_k: float = field(
        default=1000.0,
        metadata={
            "help": "decay constant k of scheduled sampling (X-Mixup Eq. 6; Table 10: 1000, question answering 2000)",
            "range": Range(1, infinite=True, words="at least 1 (the paper uses 1000, for question answering 2000)"),
        },
    )
    sampling_unit: SAMPLING_UNITS = field(  # type: ignore[valid-type]
        default="update",
        metadata={
            "help": "one draw per update, per pair ('instance'), or per epoch (what the released code does in effect)"
        },
    )
    no_mixup_inference: bool = field(
        default=False,
        metadata={
            "help": "evaluate the target text alone through the plain encoder (X-Mixup Table 5); needs no translations"
        },
    )
    inference_average: Optional[AVERAGES] = field(  # type: ignore[valid-type]
        default=None,
        metadata={"help": "average both streams' probabilities (X-Mixup 4.3) or logits (default: by --preset)"},
    )


@dataclass
class SourceChoice:
    """Source texts of a training batch.

    sample: the batch with ``source`` (R, S) chosen, and without the labels of texts that have none; gold: (R,) whether
    each text is gold; probability: p*.
    """

    sample: dict
    gold: torch.Tensor
    probability: float


class XMixupTask(XLTask):
    """Base of the X-Mixup tasks."""

    pairs_texts = True

    @classmethod
    def check_config(cls, cfg: Any) -> None:
        super().check_config(cfg)
        if cfg.ddp_backend == "fully_sharded":
            raise UserError(
                "--ddp-backend fully_sharded: parts of the mixup layer are called directly; use pytorch_ddp or"
                " legacy_ddp"
            )

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        if getattr(cfg, "mixup_layer", 1) is None:
            cfg.mixup_layer = mixup_layer(self.problem.name, cfg.encoder_layers)  # it is stored with checkpoints
        model = super().build_model(cfg, from_checkpoint)
        if not isinstance(model, XMixupModel):
            raise UserError(f"--arch {cfg._name}: has no mixup layer; pass --arch xmixup_xlmr or xmixup_xlmr_large")
        return model

    def preset(self, option: str) -> str:
        """Value of an option that ``--preset`` fills in when it was not given."""
        return XMIXUP_PRESETS[str(self.cfg.preset)][option]

    @property
    def average(self) -> str:
        return str(self.cfg.inference_average or self.preset("inference_average"))

    # -- source texts --

    def add_source_texts(self, part: Any, split: str) -> None:
        if split == "train":
            if self.data_bin.is_pool(part.language):
                raise UserError(
                    f"--train-languages: the training text of {part.language} translates nothing (xl-prepare"
                    " --unlabelled), and X-Mixup pairs texts with their translations; leave the language out"
                )
            self._add_training_sources(part)
        elif not self.cfg.no_mixup_inference:
            part.source = self._source_text(part.language, split) or self._missing_translation(part.language, split)

    def _add_training_sources(self, part: Any) -> None:
        self.problem.gold_source(part, self.source_language)
        if self.cfg.no_scheduled_sampling:
            return
        part.back_translation = self._source_text(part.language, "train")
        if part.back_translation is None:
            missing = self.data_bin.prefix(part.language, "input0", "train", into_source=True)
            raise UserError(
                f"{missing}.idx: scheduled sampling is on,"
                f" but language '{part.language}' has no back-translation; prepare it (--back-translation) or pass"
                " --no-scheduled-sampling"
            )

    def _source_text(self, language: str, split: str) -> Any:
        """This language's text in the source language, else None; the source language is its own translation."""
        if self.data_bin.has(language, split, into_source=True):
            return self.problem.open_texts(language, split, into_source=True)
        return self.problem.open_texts(language, split, into_source=False) if language == self.source_language else None

    def _missing_translation(self, language: str, split: str) -> Any:
        missing = self.data_bin.prefix(language, "input0", split, into_source=True)
        raise UserError(
            f"{missing}.idx: mixup inference needs the {split} text"
            f" of language '{language}' in the source language; prepare it (translate-test), leave the language out, or"
            " pass --no-mixup-inference"
        )

    # -- scheduled sampling --

    epoch = 1

    def sampling_update(self) -> int:
        """Update i at which p* is evaluated: the current one, or the first of the epoch."""
        if str(self.cfg.sampling_unit) != "epoch":
            return self.update_num
        return self.progress.updates_before(self.epoch, self.cfg.update_freq)

    def begin_epoch(self, epoch: int, model: Any) -> None:
        self.epoch = epoch

    def optimizer_step(self, optimizer: Any, model: Any, update_num: int) -> None:
        """The gate's w and b take no weight decay."""
        gate = unwrapped(model).mixup_gate
        with without_decay(optimizer, list(gate.parameters()) if gate is not None else []):
            super().optimizer_step(optimizer, model, update_num)

    def choose_source(self, sample: dict) -> SourceChoice:
        """Choose the source text of every row of a training batch.

        The draw is a pure function of (seed, update or epoch, unit id); it reads and moves no generator state.
        """
        gold, back = sample["source"], sample.get("back_translation")
        size = gold.size(0)
        if back is None:
            return SourceChoice(sample, torch.ones(size, dtype=torch.bool, device=gold.device), 1.0)
        unit, k = str(self.cfg.sampling_unit), self.cfg.sampling_k
        update = self.sampling_update()
        ids = sample["id"].cpu().numpy() if unit == "instance" else None
        draw = draw_gold(self.cfg.seed, update, k, ids, self.epoch if unit == "epoch" else None)
        keep = torch.as_tensor(np.broadcast_to(draw, (size,)).copy(), device=gold.device)
        chosen = {**self.problem.hide_source_labels(sample, keep), "source": self._select_rows(keep, gold, back)}
        return SourceChoice(chosen, keep, gold_probability(update, k))

    def _select_rows(self, keep: torch.Tensor, gold: torch.Tensor, back: torch.Tensor) -> torch.Tensor:
        """Rows of ``gold`` where ``keep``, else of ``back``; padding that no row needs is cut off."""
        if bool(keep.all()):
            return gold
        if not bool(keep.any()):
            return back
        pad, width = self.source_dictionary.pad(), max(gold.size(1), back.size(1))
        gold, back = (F.pad(x, (0, width - x.size(1)), value=pad) for x in (gold, back))
        chosen = torch.where(keep[:, None], gold, back)
        return chosen[:, : int(chosen.ne(pad).sum(dim=1).max())]

    # -- predictions --

    @property
    def needs_source(self) -> bool:
        return not self.cfg.no_mixup_inference

    def inference(self) -> dict:
        if not self.needs_source:
            return {"mode": "no-mixup-inference", "description": "target text alone, without mixup"}
        if not self.problem.averages_streams:
            return {"mode": "mixup", "description": "target text mixed with its translation"}
        words = {"prob": "probabilities", "logit": "logits"}[self.average]
        description = f"target text and its translation, mean of their {words}"
        return {"mode": "mixup", "average": self.average, "description": description}

    def predict(self, model: Any, sample: dict) -> tuple[torch.Tensor, torch.Tensor]:
        """Values from both streams where the problem averages them, else from the mixed target; from the target alone
        without mixup inference."""
        if self.cfg.no_mixup_inference:
            return super().predict(model, sample)
        problem = self.problem
        both = problem.averages_streams
        output, extra = model(
            **sample["net_input"], source_tokens=sample["source"], classification_head_name=problem.head_name,
            target_only=not both,
        )  # fmt: skip
        if not both:
            return problem.values(output, sample)
        probabilities = problem.combine(extra["source_output"], output, self.average)
        return probabilities, ones(probabilities)
