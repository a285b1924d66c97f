"""Options of XLA's co-training, and which of them fit together."""

from dataclasses import dataclass, field
from typing import Any, Optional

from fairseq.dataclass import ChoiceEnum
from omegaconf import II

from xl_plugins.tasks.base_options import SELECTIONS, XLTaskConfig

from ...errors import UserError, flag
from ...functional.selection import AGREEMENTS
from ...optim.linear import WARM_UP
from ...problems import trained
from ...problems.classification import Classification
from ...problems.tagging.options import TaggingOptions
from ...ranges import MORE_THAN_0, POSITIVE, SEED, WEIGHT, Range
from . import presets
from .cotraining.distil import parse_features
from .cotraining.plan import (
    DATASETS,
    EPOCHS,
    ETA,
    count_stages,
    make_plan,
    parse_seeds,
)

PROBLEMS = trained(Classification)
DISTIL = ChoiceEnum(["confidence", "gmm"])
PRECISIONS = ChoiceEnum(["none", "bf16", "fp16"])
# the last two are set by the first two as well
_PRECISION_FLAGS = ("memory_efficient_fp16", "memory_efficient_bf16", "amp", "fp16", "bf16")


@dataclass
class XLAConfig(XLTaskConfig, TaggingOptions):
    """Options of co-training; defaults from XLA's Table 8 and its released scripts."""

    problem: ChoiceEnum(list(PROBLEMS)) = field(  # type: ignore[valid-type]
        default=presets.PROBLEM, metadata={"help": "what is predicted (XLA: entities, entailment and paraphrase)"}
    )
    xla_target: str = field(default="", metadata={"help": "target language t, whose training text needs no labels"})
    valid_languages: str = field(
        default="both", metadata={"help": "languages to validate on: 'both' source and target, or a list of them"}
    )
    select: SELECTIONS = field(  # type: ignore[valid-type]
        default="target-dev", metadata={"help": "dev set that selects in adaptation: the target's (XLA, Appendix E.1)"}
    )
    xla_epochs: int = field(default=3, metadata={"help": "XLA epochs of six stages each (Table 8: 3)", "range": EPOCHS})
    xla_datasets: str = field(
        default=DATASETS,
        metadata={
            "help": "pools of every XLA epoch (Algorithm 1): src labelled source, tgt unlabelled target, src_virt and"
            " tgt_virt generated texts, or a folder below the data folder such as en/counterparts/de"
        },
    )
    xla_virtual: str = field(
        default="vicinity",
        metadata={"help": "folder of src_virt and tgt_virt below each language (xl-augment vicinity)"},
    )
    distill_type: DISTIL = field(  # type: ignore[valid-type]
        default="confidence", metadata={"help": "labels are kept by confidence (Table 8) or by clustering losses (GMM)"}
    )
    distill_eta: str = field(
        default=ETA,
        metadata={
            "help": "eta, percentage of each pool that a member keeps, per XLA epoch (Table 8: PAN-X 80,100,100)"
        },
    )
    gmm_threshold: float = field(default=0.5, metadata={
        "help": "posterior of the good component above which a label is kept (Table 8: 0.5)",
        "range": Range(0, 1, open_low=True, open_high=True, words="a posterior between 0 and 1 (XLA: 0.5)"),
    })  # fmt: skip
    gmm_features: str = field(
        default="loss", metadata={"help": "what is clustered: loss, or loss,length (Appendix B; reported runs: loss)"}
    )
    gmm_standardize: ChoiceEnum(["auto", "yes", "no"]) = field(  # type: ignore[valid-type]
        default="auto", metadata={"help": "bring features to one scale; auto: where there are two (code: no)"}
    )
    agreement: ChoiceEnum(list(AGREEMENTS)) = field(  # type: ignore[valid-type]
        default="intersection",
        metadata={"help": "texts that both peers keep and label alike, or also those that one of them keeps (phi)"},
    )
    sampling_alpha: float = field(default=0.7, metadata={
        "help": "alpha of Eq. 2: 1 draws sets by size, 0 evenly (Table 8: 0.7)",
        "range": WEIGHT.said("0 or more (XLA: 0.7)"),
    })  # fmt: skip
    xla_passes: float = field(
        default=1.0, metadata={"help": "passes over the selected data per stage (Table 8: 1)", "range": MORE_THAN_0}
    )
    stage_warmup_ratio: float = field(default=0.1, metadata={
        "help": "share of a stage over which the learning rate rises from 0 (Table 8: a tenth)",
        "range": WARM_UP,
    })  # fmt: skip
    xla_member_seeds: str = field(
        default="1000,3000,4000", metadata={"help": "seeds of the members' heads and warm-up order (XLA's scripts)"}
    )
    xla_init_members: str = field(
        default="",
        metadata={
            "help": "three checkpoints a,b,c of the plain task (--conf-penalty 1), with other seeds each, as members"
        },
    )
    xla_warmup_passes: float = field(default=0.0, metadata={
        "help": "or: passes over the source in which each member is warmed up first, three more stages",
        "range": WEIGHT.said("0 (none) or more"),
    })  # fmt: skip
    xla_warmup_lr: float = field(
        default=3e-5,
        metadata={
            "help": "peak rate of the warm-up stages (Table 8: PAN-X 3e-5; default for sentence_pair: 1e-6)",
            "range": MORE_THAN_0,
        },
    )
    xla_select: ChoiceEnum(["best", "last"]) = field(  # type: ignore[valid-type]
        default="best",
        metadata={
            "help": "a member leaves a stage as its best on the dev set, its start included (code), or as it ends"
        },
    )
    xla_label_tokens: int = field(
        default=16384,
        metadata={"help": "positions of a labelling batch, padding included, per rank", "range": POSITIVE},
    )
    xla_source_percent: str = field(
        default="100", metadata={"help": "percentage of the source texts that is used (section 4.1: 100 or 5)"}
    )
    xla_target_percent: str = field(
        default="100", metadata={"help": "percentage of the target texts that is used (section 4.1: 100 or 5)"}
    )
    xla_source_seed: int = field(
        default=1, metadata={"help": "draws the source texts of --xla-source-percent", "range": SEED}
    )
    xla_target_seed: int = field(
        default=2,
        metadata={"help": "draws the target texts; another one, lest parallel files give translations", "range": SEED},
    )
    xla_disjoint_subsets: bool = field(
        default=False, metadata={"help": "take no target text of a row whose source text is taken"}
    )
    xla_autocast: PRECISIONS = field(  # type: ignore[valid-type]
        default="none",
        metadata={"help": "compute in bf16 or fp16 with float32 weights, in training, labelling and validation"},
    )
    save_dir: str = II("checkpoint.save_dir")
    batch_size: Optional[int] = II("dataset.batch_size")
    num_workers: int = II("dataset.num_workers")
    validate_interval_updates: int = II("dataset.validate_interval_updates")
    fp16_init_scale: int = II("common.fp16_init_scale")


def check_options(cfg: Any) -> None:
    """Refuse values that make no sense, whatever the run."""
    if not cfg.xla_target:
        raise UserError("--xla-target: name the target language, for example --xla-target de")
    make_plan(cfg.xla_epochs, cfg.xla_datasets, cfg.distill_eta, with_warmup=False)
    parse_seeds(cfg.xla_member_seeds)
    parse_features(cfg.gmm_features)
    for option in ("xla_source_percent", "xla_target_percent"):
        _check_percent(option, str(getattr(cfg, option)))
    for option in ("augment", "second_view"):
        if str(getattr(cfg, option)) != "none":
            raise UserError(
                f"{flag(option)} {getattr(cfg, option)}: co-training has pools in place of views; leave it out"
            )
    if str(cfg.select) != "target-dev":
        raise UserError(f"--select {cfg.select}: adaptation selects by the target's dev set; leave it out")
    if str(cfg.target_labels) != "gold":
        raise UserError(
            f"--target-labels {cfg.target_labels}: the members label the target's texts themselves; leave it out"
        )
    if cfg.select_languages and cfg.select_languages != cfg.xla_target:
        raise UserError(
            f"--select-languages {cfg.select_languages}: adaptation selects by --xla-target {cfg.xla_target}; leave it"
            " out"
        )
    if cfg.train_languages != "source":
        raise UserError(f"--train-languages {cfg.train_languages}: name the pools by --xla-datasets instead")


def _check_percent(option: str, text: str) -> None:
    try:
        good = 0 < float(text) <= 100
    except ValueError:
        good = False
    if not good:
        raise UserError(f"{flag(option)} {text}: expected a percentage above 0 and up to 100")


def check_run(cfg: Any, stages: int, warms_up: bool) -> None:
    """Refuse options of fairseq that co-training cannot honour. ``cfg``: of the whole run; ``stages``: their number."""
    task, members = cfg.task, bool(cfg.task.xla_init_members)
    if members == warms_up:
        raise UserError(
            "--xla-init-members and --xla-warmup-passes: give exactly one of them, three warmed-up checkpoints or the"
            " passes of a warm-up within this run"
        )
    if not cfg.dataset.batch_size:
        raise UserError("--max-tokens: a stage's length is counted in examples; pass --batch-size")
    if cfg.optimization.max_epoch != stages:
        raise UserError(
            f"--max-epoch {cfg.optimization.max_epoch}: this run has {stages} stages ({task.xla_epochs} XLA epochs of"
            f" {count_stages(1, False)}{' and 3 of warm-up' if warms_up else ''}); pass --max-epoch {stages}"
        )
    if len(cfg.optimization.lr) > 1:
        raise UserError(
            f"--lr {','.join(map(str, cfg.optimization.lr))}: every stage has the same peak rate; pass one (and"
            " --xla-warmup-lr for the warm-up)"
        )
    if cfg.optimization.stop_min_lr >= 0:
        raise UserError("--stop-min-lr: every stage ends with a rate of 0; leave it out")
    if cfg.checkpoint.patience > 0:
        raise UserError("--patience: every stage has to run; leave it out")
    if cfg.dataset.disable_validation or cfg.dataset.validate_interval != 1 or cfg.dataset.validate_after_updates:
        raise UserError(
            "--disable-validation, --validate-interval, --validate-after-updates: every stage ends with a validation,"
            " which decides what the member becomes; leave them out"
        )
    if cfg.dataset.max_valid_steps:
        raise UserError("--max-valid-steps: members are compared on the whole dev set; leave it out")
    if cfg.dataset.valid_subset.split(",")[0] != "valid":
        raise UserError(
            f"--valid-subset {cfg.dataset.valid_subset}: the stages are selected by the dev set; put valid first, or"
            " leave it out"
        )
    for name in _PRECISION_FLAGS:
        if getattr(cfg.common, name):
            raise UserError(
                f"{flag(name)}: fairseq's copies of half-precision weights do not survive the change of"
                " members; pass --xla-autocast bf16 (or fp16), which keeps the weights in float32"
            )
    _check_parts(cfg)


def _check_parts(cfg: Any) -> None:
    for group, wanted in (("optimizer", "adam"), ("lr_scheduler", "xla_stage_linear"), ("criterion", "xla_criterion")):
        given = getattr(getattr(cfg, group), "_name", None)
        if given != wanted:
            raise UserError(f"{flag(group)} {given}: co-training needs {wanted}; pass it, or leave it out")
    parallel = cfg.distributed_training
    if parallel.distributed_world_size > 1:
        if parallel.ddp_backend in ("pytorch_ddp", "c10d") and not parallel.find_unused_parameters:
            raise UserError(
                f"--ddp-backend {parallel.ddp_backend}: two members take no part in an update; pass --ddp-backend"
                " legacy_ddp (or --find-unused-parameters, which needs more memory)"
            )
        if parallel.ddp_backend not in ("pytorch_ddp", "c10d", "legacy_ddp", "no_c10d"):
            raise UserError(f"--ddp-backend {parallel.ddp_backend}: not for co-training; pass --ddp-backend legacy_ddp")
    if cfg.ema.store_ema:
        raise UserError("--store-ema: an average over members of different stages means nothing; leave it out")
