"""SALT (Wang et al., Findings of ACL 2023): training on embeddings mixed from a text and its counterpart."""

import math
from dataclasses import dataclass, field
from typing import Any, Optional

import torch
from fairseq.dataclass import ChoiceEnum
from fairseq.models import ARCH_MODEL_REGISTRY
from fairseq.tasks import register_task
from omegaconf import II
from torch import nn

from xl_plugins.tasks.base import XLTask
from xl_plugins.tasks.base_options import SELECTIONS, XLTaskConfig

from ...augment.counterparts import options as counterparts
from ...data.augmented.counterparts import CounterpartDataset
from ...errors import UserError, flag
from ...formats.languages import parse_languages
from ...functional.embedding_mixup import GRANULARITIES, mixing_ratio
from ...models.plain import XLMRModel, unwrapped
from ...problems import trained
from ...problems.base import Changeable
from ...problems.tagging.options import TaggingOptions
from . import presets
from .building import options_of, training_counterparts
from .embeddings import MixedEmbeddings

PROBLEMS = trained(Changeable)


@dataclass
class SaltConfig(XLTaskConfig, TaggingOptions):
    """Options of SALT; defaults from its sections 2 and 3 and Appendix A."""

    problem: ChoiceEnum(list(PROBLEMS)) = field(  # type: ignore[valid-type]
        default=presets.PROBLEM,
        metadata={"help": "what is predicted; the article has sentence pairs only, tagging is an experiment"},
    )
    select: SELECTIONS = field(  # type: ignore[valid-type]
        default="source-dev", metadata={"help": "dev sets that select the checkpoint: the source language's (SALT 3.1)"}
    )
    salt_langs: str = field(
        default=",".join(counterparts.LANGUAGES),
        metadata={
            "help": "languages L of the counterparts, one copy of every example each; the source language gives"
            " synonyms (SALT 3.1); 'none': plain fine-tuning"
        },
    )
    mix: str = field(
        default="uniform",
        metadata={
            "help": "r of h = r E[s] + (1 - r) E[t]: uniform on [0, 1] (SALT 2.2), none (r = 0: the counterpart alone,"
            " as in the ablation), or constant:0.5"
        },
    )
    mix_granularity: ChoiceEnum(list(GRANULARITIES)) = field(  # type: ignore[valid-type]
        default="instance",
        metadata={"help": "one vector r per training instance (SALT 2.2), one per token, or one number per instance"},
    )
    include_original: bool = field(
        default=False, metadata={"help": "train on the unchanged examples as well (SALT: the copies alone)"}
    )
    salt_build: bool = field(
        default=False,
        metadata={"help": "make missing counterparts before training, as xl-augment counterparts does; for small data"},
    )
    salt_word_lists: str = field(
        default="",
        metadata={"help": "with --salt-build: folder of <lang>.txt, or a pattern such as 'lists/{lang}.txt'"},
    )
    salt_model: str = field(
        default="",
        metadata={
            "help": "pre-trained model that the counterparts come from (default: --restore-file or"
            " --finetune-from-model); a warning says if they were made with another one"
        },
    )
    salt_top_k: int = field(
        default=counterparts.TOP_K, metadata={"help": "lines of a word list that count (SALT's footnote 2)"}
    )
    salt_source_threshold: float = field(
        default=counterparts.SOURCE_THRESHOLD, metadata={"help": "tau of the source language (SALT's Appendix A)"}
    )
    salt_threshold: float = field(
        default=counterparts.THRESHOLD, metadata={"help": "tau of the other languages (SALT's Appendix A)"}
    )
    salt_thresholds: str = field(
        default="", metadata={"help": "tau of single languages, such as fr=1e-6,de=1e-5 (SALT: none)"}
    )
    salt_positions: ChoiceEnum(list(counterparts.POSITIONS)) = field(  # type: ignore[valid-type]
        default=counterparts.POSITIONS[0],
        metadata={
            "help": "positions that are substituted: words of one piece, or every piece with a letter (SALT 2.3)"
        },
    )
    salt_case: ChoiceEnum(list(counterparts.CASES)) = field(  # type: ignore[valid-type]
        default=counterparts.CASES[0],
        metadata={"help": "counterparts have the word's case, or any (SALT's vocabulary has none)"},
    )
    salt_source_in_list: bool = field(
        default=False, metadata={"help": "substitute words of the source language's list only (SALT: all)"}
    )
    salt_exclude_identity: bool = field(
        default=False, metadata={"help": "a word is no counterpart of itself in other languages either"}
    )
    restore_file: str = II("checkpoint.restore_file")
    finetune_from_model: Optional[str] = II("checkpoint.finetune_from_model")
    cpu: bool = II("common.cpu")


@register_task("salt_augment_task", dataclass=SaltConfig)
class SaltTask(XLTask):
    """Every training example comes once per language; in each update its embeddings are mixed with those of its
    counterpart in that language. Validation and prediction know nothing of it."""

    @classmethod
    def problem_of(cls, cfg: Any) -> type:
        return PROBLEMS[str(cfg.problem)]

    @classmethod
    def check_config(cls, cfg: Any) -> None:
        super().check_config(cfg)
        parse_mix(cfg.mix)
        if cfg.salt_langs != "none":
            options_of(cfg, cfg.source_language or "", parse_languages(cfg.salt_langs, "--salt-langs"))
        for option in ("augment", "second_view"):
            if str(getattr(cfg, option)) != "none":
                raise UserError(
                    f"{flag(option)} {getattr(cfg, option)}: the counterparts are SALT's only views; leave it out"
                )

    @property
    def salt_languages(self) -> list[str]:
        return [] if self.cfg.salt_langs == "none" else list(parse_languages(self.cfg.salt_langs, "--salt-langs"))

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        arch = str(cfg._name)
        if self.salt_languages:
            check_architecture(ARCH_MODEL_REGISTRY.get(arch), arch)
        model = super().build_model(cfg, from_checkpoint)
        if self.salt_languages:
            check_mixable(model, arch)
        return model

    def wrap_training(self, dataset: Any) -> Any:
        languages = self.cfg.train_languages
        if languages != "source":  # not asked in check_config: evaluation has other languages in this option
            raise UserError(
                f"--train-languages {languages}: SALT trains on the source language and its counterparts; name their"
                " languages by --salt-langs"
            )
        copies = training_counterparts(self, dataset.parts[0]) if self.salt_languages else []
        if self.cfg.include_original and copies:
            copies.append(("original", None))
        return CounterpartDataset(dataset, copies) if copies else dataset

    def train_step(
        self, sample: Any, model: Any, criterion: Any, optimizer: Any, update_num: int, **kwargs: Any
    ) -> Any:  # type: ignore[override]
        return super().train_step(
            self.mixed(sample, model, update_num), model, criterion, optimizer, update_num, **kwargs
        )

    def mixed(self, sample: dict, model: Any, update_num: int) -> dict:
        """A training batch whose ``net_input`` asks the model for mixed embeddings."""
        counterpart = sample.get("counterpart")
        if counterpart is None:
            return sample
        kind, constant = parse_mix(self.cfg.mix)
        if kind == "none":  # E[t] alone; both have the same special tokens and padding
            return {**sample, "net_input": {**sample["net_input"], "src_tokens": counterpart}}
        if kind == "constant":
            ratio = torch.full((1, 1, 1), constant, device=counterpart.device)
        else:
            width = int(unwrapped(model).args.encoder_embed_dim)
            granularity = str(self.cfg.mix_granularity)
            ratio = mixing_ratio(self.cfg.seed, update_num, sample["id"], counterpart.size(1), width, granularity)
        return {**sample, "net_input": {**sample["net_input"], "edit_embeddings": MixedEmbeddings(counterpart, ratio)}}


def parse_mix(text: str) -> tuple[str, float]:
    """``--mix``: ``uniform``, ``none`` or ``constant``, and the constant r (1 is the original)."""
    kind, _, value = text.partition(":")
    try:
        constant = float(value) if kind == "constant" else 0.0
    except ValueError:
        constant = math.nan
    if text not in ("uniform", "none") and not (kind == "constant" and 0 <= constant <= 1):
        raise UserError(f"--mix {text}: expected uniform, none, or constant:R with R from 0 to 1, such as constant:0.5")
    return kind, constant


def check_architecture(model_class: Any, arch: str) -> None:
    """UserError unless models of this class take mixed word embeddings as their input."""
    if model_class is None or not issubclass(model_class, XLMRModel) or model_class.reads_pairs:
        raise UserError(f"--arch {arch}: takes no mixed embeddings; pass --arch xl_xlmr or xl_xlmr_large")


def check_mixable(model: Any, arch: str) -> None:
    """UserError unless the model's word embeddings are what mixing is defined for."""
    encoder = model.encoder.sentence_encoder
    if float(encoder.embed_scale) != 1 or not isinstance(encoder.embed_tokens, nn.Embedding):
        raise UserError(
            f"--arch {arch}: its embeddings are scaled or adaptive, and mixing is defined for plain ones; pass --arch"
            " xl_xlmr"
        )
