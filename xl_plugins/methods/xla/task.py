"""XLA (ACL 2021): three models that label target and generated text for each other, stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairseq.logging import metrics
from fairseq.models import ARCH_MODEL_REGISTRY
from fairseq.tasks import register_task
from torch import nn

from ...data.binary.layout import DataBin
from ...errors import UserError
from ...optim.decay import without_decay
from ...tasks.base import XLTask
from .cotraining.autocast import GradientScale, autocast
from .cotraining.distil import DistilOptions, parse_features
from .cotraining.iterator import StageIterator
from .cotraining.labelling import Labeller
from .cotraining.members import keep_members, load_members
from .cotraining.plan import make_plan, parse_seeds
from .cotraining.pools import PoolOptions, Pools
from .cotraining.stage_log import StageLog
from .cotraining.stage_options import Loading, StageOptions
from .model import CotrainModel
from .options import (
    PROBLEMS,
    XLAConfig,
    check_options,
    check_run,
)
from .schedule import StageLinearSchedule


@register_task("xla_cotrain_task", dataclass=XLAConfig)
class XLATask(XLTask):
    """Each training of Algorithm 1 is one fairseq epoch, a stage: one member trains on what the two others agree on.

    ``stages`` is the training iterator of the whole run, ``plan`` its stages.
    """

    own_metrics = ("xla_dev",)

    def __init__(self, cfg: Any) -> None:
        source = DataBin(Path(cfg.data), cfg.source_language).source_language
        if cfg.xla_target == source:
            raise UserError(f"--xla-target {source}: is the source language; name the target language")
        if cfg.valid_languages == "both":
            cfg.valid_languages = f"{source},{cfg.xla_target}"
        self.check_config(cfg)
        cfg.select_languages = cfg.xla_target
        super().__init__(cfg)
        self.target_language = str(cfg.xla_target)
        needed = [self.target_language, *([self.source_language] if self.warms_up else [])]
        if missing := [language for language in needed if language not in self.valid_languages]:
            raise UserError(
                f"--valid-languages {cfg.valid_languages}: stages are selected by the dev sets of"
                f" {' and '.join(missing)}; add them"
            )
        self.member_seeds = parse_seeds(cfg.xla_member_seeds)
        self.plan = make_plan(cfg.xla_epochs, cfg.xla_datasets, cfg.distill_eta, self.warms_up)
        self.scale = GradientScale(cfg.xla_autocast == "fp16", cfg.fp16_init_scale)
        self.model: CotrainModel | None = None
        self.stages: StageIterator | None = None
        self.forgets_updates = False  # whether a resumed run counts them anew

    @classmethod
    def problem_of(cls, cfg: Any) -> type:
        return PROBLEMS[str(cfg.problem)]

    @classmethod
    def check_config(cls, cfg: Any) -> None:
        super().check_config(cfg)
        check_options(cfg)

    @property
    def warms_up(self) -> bool:
        """Whether the members' warm-up is part of the run."""
        return self.cfg.xla_warmup_passes > 0

    # -- model --

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> Any:
        arch = str(cfg._name)
        kind = ARCH_MODEL_REGISTRY.get(arch)
        if kind is None or not issubclass(kind, CotrainModel):
            raise UserError(
                f"--arch {arch}: one model cannot train itself; pass --arch xla_cotrain_xlmr or xla_cotrain_xlmr_large"
            )
        self.model = super().build_model(cfg, from_checkpoint)
        return self.model

    @property
    def brings_weights(self) -> bool:
        return bool(self.cfg.xla_init_members)

    def prepare_run(self, cfg: Any, resumes: bool) -> None:
        """Options of the whole run are checked, and members given as checkpoints are read unless the run goes on from
        one of its own."""
        check_run(cfg, len(self.plan), self.warms_up)
        self.forgets_updates = bool(cfg.checkpoint.reset_optimizer)
        if self.cfg.xla_init_members and not resumes:
            assert self.model is not None
            load_members(self.model, self.cfg.xla_init_members, self)
            keep_members(cfg.checkpoint)

    # -- data --

    def load_dataset(self, split: str, combine: bool = False, **kwargs: Any) -> Any:
        if split != "train":
            return super().load_dataset(split, combine, **kwargs)
        if self.stages is None:
            self.stages = self._make_stages()
        self.datasets["train"] = self.stages.pools["src"].dataset
        return self.datasets["train"]

    def _make_stages(self) -> StageIterator:
        cfg = self.cfg
        assert self.model is not None
        names = list(dict.fromkeys(name for stage in self.plan for name in stage.pools))
        pools = Pools(self, names, PoolOptions(
            self.target_language, cfg.xla_virtual, cfg.xla_source_percent, cfg.xla_target_percent, cfg.xla_source_seed,
            cfg.xla_target_seed, cfg.xla_disjoint_subsets,
        ))  # fmt: skip
        labeller = Labeller(self, self.model, cfg.xla_label_tokens, str(cfg.xla_autocast), cfg.num_workers)
        features = parse_features(cfg.gmm_features)
        standardize = len(features) > 1 if str(cfg.gmm_standardize) == "auto" else str(cfg.gmm_standardize) == "yes"
        distil = DistilOptions(str(cfg.distill_type), cfg.gmm_threshold, features, standardize, str(cfg.agreement))
        options = StageOptions(
            cfg.batch_size, tuple(cfg.update_freq), cfg.xla_passes, cfg.xla_warmup_passes, cfg.stage_warmup_ratio,
            cfg.xla_warmup_lr, cfg.sampling_alpha, cfg.seed, self.member_seeds, str(cfg.xla_select) == "best",
            cfg.validate_interval_updates,
        )  # fmt: skip
        return StageIterator(self, self.model, self.plan, pools, labeller, distil, options, StageLog(cfg.save_dir))

    def get_batch_iterator(self, dataset: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        if dataset is not self.datasets.get("train"):
            return super().get_batch_iterator(dataset, **kwargs)
        assert self.stages is not None
        self.stages.loading = Loading(
            kwargs.get("num_shards", 1), kwargs.get("shard_id", 0), kwargs.get("num_workers", 0),
            kwargs.get("data_buffer_size", 0),
        )  # fmt: skip
        return self.stages

    # -- training --

    def training_begins(self, trainer: Any) -> None:
        super().training_begins(trainer)
        self.scale.watch(trainer.optimizer)
        if self.model is not None and not getattr(trainer.cfg.optimizer, "weight_decay", 0):
            self.model.share_frozen()
        if self.stages is not None and isinstance(trainer.lr_scheduler, StageLinearSchedule):
            trainer.lr_scheduler.follow(self.stages.clock)

    def train_step(
        self, sample: Any, model: Any, criterion: Any, optimizer: Any, update_num: int, ignore_grad: bool = False,
        **kwargs: Any,
    ) -> Any:  # type: ignore[override]  # fmt: skip
        assert self.stages is not None
        self.stages.first_update(optimizer)

        def forward(*args: Any) -> Any:
            with autocast(str(self.cfg.xla_autocast), next(model.parameters()).device):
                return self.scale.scaled(*criterion(*args))

        loss, size, logged = super().train_step(
            sample, model, forward, optimizer, update_num, ignore_grad=ignore_grad, **kwargs
        )
        return loss, size * self.scale.factor, logged

    def optimizer_step(self, optimizer: Any, model: Any, update_num: int) -> None:
        """Weight decay spares biases and layer norms (XLA's code)."""
        assert self.model is not None
        vectors = [p for p in self.model.member.parameters() if p.dim() == 1 and p.grad is not None]
        with without_decay(optimizer, vectors):
            super().optimizer_step(optimizer, model, update_num)

    def valid_step(self, sample: Any, model: Any, criterion: Any) -> Any:
        with autocast(str(self.cfg.xla_autocast), next(model.parameters()).device):
            return super().valid_step(sample, model, criterion)

    def reduce_metrics(self, logging_outputs: Any, criterion: Any) -> None:
        super().reduce_metrics(logging_outputs, criterion)
        if not criterion.training and self.stages is not None:
            metrics.log_scalar("xla_dev", self.stages.dev, round=4)

    _subsets_validated = 0

    def begin_valid_epoch(self, epoch: int, model: nn.Module) -> None:
        super().begin_valid_epoch(epoch, model)
        self._subsets_validated = 0

    def post_validate(self, model: nn.Module, stats: dict, agg: Any) -> None:
        """fairseq calls it after each subset, before it reads the checkpoint's metric and writes the checkpoint."""
        self._subsets_validated += 1
        if self._subsets_validated > 1 or self.stages is None:
            return
        language = self.source_language if self.stages.stage.is_warmup else self.target_language
        self.stages.validated(float(stats[f"{self.problem.metric}_{language}"]), int(stats["num_updates"]))
        stats["xla_dev"] = self.stages.dev
        if "best_xla_dev" in stats:
            stats["best_xla_dev"] = max(stats["best_xla_dev"], self.stages.dev)
