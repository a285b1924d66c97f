"""Options that all tasks share."""

from dataclasses import dataclass, field
from typing import List, Optional

from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from omegaconf import II, MISSING

from ..ranges import POSITIVE
from .augmentation import AugmentationOptions

SELECTIONS = ChoiceEnum(["source-dev", "mean-dev", "target-dev"])


@dataclass
class XLTaskConfig(FairseqDataclass, AugmentationOptions):
    """Options of every task: which data, which languages, how the checkpoint is selected."""

    data: str = field(
        default=MISSING, metadata={"help": "data folder made by xl-prepare (or by fairseq-preprocess, see the recipes)"}
    )
    source_language: Optional[str] = field(
        default=None, metadata={"help": "language of the gold labels (default: the one in meta.json, else en)"}
    )
    train_languages: str = field(
        default="source",
        metadata={
            "help": "languages to train on: 'source' (zero-shot), 'all' (translate-train-all), or a list such as en,de"
        },
    )
    valid_languages: str = field(
        default="all", metadata={"help": "languages to validate on: 'all' that have dev data, 'source', or a list"}
    )
    select: SELECTIONS = field(  # type: ignore[valid-type]
        default="mean-dev",
        metadata={
            "help": (
                "what the metric of checkpoint_best (acc_select, f1_select, avg_select) averages: the source language's"
                " dev set (XTREME, SALT), all dev sets (X-Mixup, xTune) or the targets' own (XLA)"
            )
        },
    )
    select_languages: str = field(
        default="", metadata={"help": "with --select target-dev: the target languages, for example de,fr"}
    )
    max_length: int = field(
        default=128,
        metadata={
            "help": "positions of an encoded text, longer ones are truncated (X-Mixup C.1: 128)",
            "range": POSITIVE,
        },
    )
    continue_with_changes: bool = field(
        default=False,
        metadata={"help": "go on with the run in --save-dir although options differ that change its result"},
    )
    from_scratch: bool = field(
        default=False, metadata={"help": "without --restore-file: train from random weights, which are no XLM-R"}
    )
    train_whole_vocabulary: bool = field(
        default=False,
        metadata={
            "help": "train every row of the word embeddings, also those of pieces that the training data cannot hold;"
            " the result is the same, at more time and memory"
        },
    )
    verbose: bool = field(
        default=False,
        metadata={
            "help": "print configuration, model, fairseq's own line of every validation and the libraries' warnings"
            " (default: a line per validation; every figure is in SAVE_DIR/log.jsonl)"
        },
    )
    seed: int = II("common.seed")
    update_freq: List[int] = II("optimization.update_freq")
    ddp_backend: str = II("distributed_training.ddp_backend")
