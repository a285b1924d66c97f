"""Hyper-parameters of xTune (Zheng et al., ACL 2021) per data set, setting, model size and stage.

Sources: Tables 7 and 8 (augmentations, lambda_1, lambda_2); Appendix B (epochs, batch, warm-up); the released scripts
(learning rates, ratios, lengths, dictionary languages, hard teacher labels, updates of stage 2 in question answering,
intervals of evaluation).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...formats.languages import NO_BLANKS
from ...problems import PROBLEMS

SETTINGS = ("cross-lingual-transfer", "translate-train-all")  # 4.1
SIZES = ("base", "large")
STAGES = (1, 2)
READINGS = ("default", "official", "paper")  # --xtune-compat

ROWS_PER_UPDATE = 32  # Appendix B; rows of D_A, each with its second view
# rows that a GPU of 32 GB (questions, large: 40 GB) takes at once; the rest is accumulated, as in Appendix B
ROWS_AT_ONCE = {
    "sentence_pair": {"base": 32, "large": 8},
    "tagging": {"base": 32, "large": 8},
    "qa": {"base": 16, "large": 4},
}
MAX_LENGTH = {"sentence_pair": 256, "tagging": 128, "qa": 384}
EPOCHS = {"sentence_pair": 10, "tagging": 10, "qa": 4}
WARMUP_RATIO = 0.1


@dataclass(frozen=True)
class DataSet:
    """One column of the tables; pairs are (cross-lingual transfer, translate-train-all) or (base, large)."""

    problem: str
    stage1: tuple[str, str]  # A*
    augment: tuple[str, str]  # A
    second: tuple[str, str]  # A' of stage 2
    r2: tuple[float, float]  # lambda_2
    lr: tuple[float, float]
    epochs: tuple[int, int] | None = None
    stage2_updates: tuple[int, int] | None = None  # instead of epochs
    validate: int = 0  # updates between validations besides the ends of epochs
    ss_ratio: float = 0.3
    cs_ratio: float = 0.3
    cs_languages: str = "all"
    pooling: str = ""
    hard_labels: bool = False
    select: str = "mean-dev"
    mt_missing: str = "error"


_SPAN = ("ss", "mt"), ("ss", "ss")  # A and A' of all but the classification sets
DATA_SETS = {
    "xnli": DataSet(
        "sentence_pair", ("cs", "mt"), ("cs", "mt"), ("cs", "mt"), (5.0, 1.0), (7e-6, 5e-6), validate=5000,
        cs_languages="ar,bg,de,el,es,fr,hi,ru,sw,th,tr,ur,vi,zh",
    ),
    "pawsx": DataSet(
        "sentence_pair", ("cs", "mt"), ("cs", "mt"), ("cs", "mt"), (2.0, 1.0), (1e-5, 1e-5), validate=1000,
        cs_ratio=0.5, cs_languages="de,es,fr,ja,ko,zh",
    ),
    "udpos": DataSet(
        "tagging", ("ss", "ss"), *_SPAN, (0.3, 0.3), (2e-5, 5e-6), validate=500, ss_ratio=0.5, pooling="mean",
    ),
    "panx": DataSet(
        "tagging", ("ss", "ss"), *_SPAN, (5.0, 1.0), (1e-5, 7e-6), validate=1000, pooling="first", hard_labels=True,
    ),
    "xquad": DataSet(  # selected on MLQA's dev set (4.1), which is what its folder holds
        "qa", ("cs", "cs"), *_SPAN, (5.0, 0.1), (3e-5, 1.5e-5), stage2_updates=(24000, 24000),
        cs_languages="ar,de,el,es,hi,ru,th,tr,vi,zh", mt_missing="skip",
    ),
    "mlqa": DataSet(
        "qa", ("cs", "cs"), *_SPAN, (5.0, 0.5), (3e-5, 1.5e-5), stage2_updates=(24000, 24000),
        cs_languages="es,de,ar,hi,vi,zh", mt_missing="skip",
    ),
    "tydiqa": DataSet(
        "qa", ("ss", "ss"), *_SPAN, (5.0, 0.3), (3e-5, 1.5e-5), epochs=(20, 10), stage2_updates=(5000, 2500),
        select="source-dev", mt_missing="random",
    ),
}  # fmt: skip


def views(data_set: str, setting: str, stage: int) -> tuple[str, str]:
    """A and A' of a stage (stage 1: ``none`` and A*)."""
    found, column = DATA_SETS[data_set], SETTINGS.index(setting)
    return ("none", found.stage1[column]) if stage == 1 else (found.augment[column], found.second[column])


def recipe(
    data_set: str,
    setting: str,
    size: str,
    stage: int,
    compat: str = "default",
    given_views: tuple[str | None, str | None] = (None, None),
) -> dict[str, dict[str, Any]]:
    """Options of one stage by fairseq's groups, paths left out.

    Args:
        data_set: a key of :data:`DATA_SETS`.
        setting, size, stage, compat: of :data:`SETTINGS`, :data:`SIZES`, :data:`STAGES`, :data:`READINGS`.
        given_views: A and A' in place of the tables'; options of augmentations that neither uses are left out.
    """  # fmt: skip
    found, large = DATA_SETS[data_set], SIZES.index(size)
    problem = found.problem
    first, second = (given or own for given, own in zip(given_views, views(data_set, setting, stage)))
    rows = ROWS_AT_ONCE[problem][size]
    intervals = {"validate_interval_updates": found.validate} if found.validate else {}
    saves = {"save_interval_updates": found.validate, "keep_interval_updates": 1} if found.validate else {}
    official_pairs = compat == "official" and problem == "sentence_pair"  # the scripts run these without warm-up
    return {
        "task": {
            "_name": f"xl_{problem}", "train_languages": "source", "valid_languages": "all", "select": found.select,
            "max_length": MAX_LENGTH[problem], **_problem_options(found, compat), "augment": first,
            "second_view": second, **_view_options(found, {first, second}, compat), "xtune_compat": compat,
        },
        "model": {
            "_name": "xl_xlmr_large" if large else "xl_xlmr", "dropout": 0.1, "attention_dropout": 0.1,
            "pooler_dropout": 0.1,
        },
        "criterion": _weights(found, setting, stage, compat),
        "optimizer": {"_name": "adam", "adam_betas": "(0.9, 0.999)", "adam_eps": 1e-8, "weight_decay": 0.0},
        "lr_scheduler": {"_name": "xl_linear", "warmup_ratio": 0.0 if official_pairs else WARMUP_RATIO},
        "optimization": {
            "lr": [found.lr[large]], **_length(found, large, stage), "update_freq": [ROWS_PER_UPDATE // rows],
            "clip_norm": 1.0,
        },
        "dataset": {"batch_size": rows, "required_batch_size_multiple": 1, "num_workers": 2, **intervals},
        "checkpoint": {
            **saves, "no_epoch_checkpoints": True, "best_checkpoint_metric": PROBLEMS[problem].select_metric,
            "maximize_best_checkpoint_metric": True,
        },
    }  # fmt: skip


def teacher_checkpoint(data_set: str, compat: str) -> str:
    """Which checkpoint of stage 1 is theta*: the best one; in question answering the scripts take the last."""
    last = compat == "official" and DATA_SETS[data_set].problem == "qa"
    return "checkpoint_last.pt" if last else "checkpoint_best.pt"


def _problem_options(found: DataSet, compat: str) -> dict[str, Any]:
    if found.problem == "qa":
        return {"doc_stride": 128, "max_question_length": 64, "max_answer_length": 30, "n_best": 20}
    if found.problem == "tagging":
        # parts of speech: the article averages (4.1), the released code sums
        return {"word_pooling": "sum" if (found.pooling, compat) == ("mean", "official") else found.pooling}
    return {}


def _view_options(found: DataSet, used: Iterable[str], compat: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if "ss" in used:
        options |= {"ss_ratio": found.ss_ratio, "ss_alpha": 0.3, "ss_nbest": -1}
    if "cs" in used:
        options |= {"cs_languages": found.cs_languages, "cs_ratio": found.cs_ratio}
    if "mt" in used:
        # a question without translation: the released code takes a random one, in every set
        random = compat == "official" and found.problem == "qa"
        options |= {"mt_languages": "all", "mt_missing": "random" if random else found.mt_missing}
        if found.problem == "tagging":
            options |= {"mt_exclude": NO_BLANKS, "mt_labels": "absent"}
    return options


def _weights(found: DataSet, setting: str, stage: int, compat: str) -> dict[str, Any]:
    if stage == 1:  # in the article R1 of stage 1 has no weight (3.1.3), in the scripts that of stage 2
        return {"_name": "xtune_criterion", "r1_weight": 1.0 if compat == "paper" else 5.0, "r2_weight": 0.0}
    hard = {"r2_hard_labels": True} if found.hard_labels and compat != "paper" else {}
    return {"_name": "xtune_criterion", "r1_weight": 5.0, "r2_weight": found.r2[SETTINGS.index(setting)], **hard}


def _length(found: DataSet, large: int, stage: int) -> dict[str, int]:
    if stage == 2 and found.stage2_updates:
        return {"max_update": found.stage2_updates[large]}
    return {"max_epoch": found.epochs[large] if found.epochs else EPOCHS[found.problem]}
