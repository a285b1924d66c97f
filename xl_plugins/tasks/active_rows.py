"""Which rows of the word embeddings a run trains: those of the pieces that its training data can touch."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from fairseq.tasks import FairseqTask

from ..augment.primitives.base import WordAugmentation
from ..augment.primitives.reach import needs_words, reachable
from ..augment.primitives.words import BOUNDARY
from ..checkpoints.ranks import by_first_rank
from ..data.binary.layout import DataBin
from ..data.binary.pieces import distinct_words, occurring
from ..errors import UserError
from ..models.active import WHOLE, active_tables
from ..optim.decay import decay_frozen
from ..optim.fused import fuse

logger = logging.getLogger(__name__)
RECORD, FUSED = "trained_rows", "fused_adam"  # of a checkpoint's ``task_state``
_MASK = "<mask>"
TRAIN = "train"


class TrainsRows(FairseqTask):
    """The part of a task that concerns the optimiser: which rows a run trains, an account of those that it does not,
    and how updates are computed."""

    data_bin: DataBin
    word_changes: Sequence[WordAugmentation] = ()  # that bring in other pieces than the training texts hold
    trained_rows: torch.Tensor | None = None  # as a checkpoint notes them; None for all
    fused = True  # whether Adam's update is the fused one; a run of an earlier version goes on as it began
    _opened = False

    def choose_rows(self, trainer: Any, record: Mapping[str, Any], path: str | None) -> None:
        """Called before a checkpoint is read. ``path``: where the state of the optimiser comes from, with its
        ``record``; None for a new one."""
        self.trained_rows = split_embeddings(self, trainer, record, path)
        self.fused = path is None or bool(record.get(FUSED))

    def open_training(self) -> None:
        """Open the training set, which fairseq does when the model is restored."""
        self.load_dataset(TRAIN)
        self._opened = True

    def is_open(self) -> bool:
        """Whether the training set was just opened, and need not be again: answered once."""
        opened, self._opened = self._opened, False
        return opened

    def training_begins(self, trainer: Any) -> None:
        """Called before the first update of this process, when the batches, the optimiser and all state are there."""
        cfg = trainer.cfg
        if self.fused and not getattr(cfg.optimizer, "use_old_adam", False) and not cfg.optimization.use_bmuf:
            fuse(trainer.optimizer)

    def optimizer_step(self, optimizer: Any, model: Any, update_num: int) -> None:
        super().optimizer_step(optimizer, model, update_num)
        if self.trained_rows is not None:
            decay_frozen(optimizer, active_tables(model))

    def state_dict(self) -> dict[str, Any]:
        rows = {} if self.trained_rows is None else {RECORD: self.trained_rows}
        return {**super().state_dict(), FUSED: self.fused, **rows}


def split_embeddings(
    task: TrainsRows, trainer: Any, record: Mapping[str, Any], path: str | None
) -> torch.Tensor | None:  # fmt: skip
    """Let the model of a run train the rows that the training data can touch, or those that the run trained before.

    Args:
        record: notes of the checkpoint ``path``, None unless the state of the optimiser is taken from there.

    Returns:
        What a checkpoint notes of it, see :func:`pack`; None where the whole table is trained.

    Raises:
        UserError: the run cannot train the rows that its checkpoint's optimiser has a state for.
    """
    model, before = trainer.get_model(), record.get(RECORD)
    reason = why_whole(trainer)
    if path is not None and before is None:
        reason = reason or f"{path} was trained so"
    elif path is not None and trainer.cfg.task.train_whole_vocabulary:
        logger.info("%s has no effect on a run that goes on: %s has the optimiser's state of some rows", WHOLE, path)
        reason = why_whole(trainer, asked=False)
    if reason and before is not None and path is not None:
        raise UserError(f"{path}: trains a part of the word embeddings, which goes not with {reason}; leave that out")
    if reason:
        logger.info("training all rows of the embedding table: %s", reason)
        return None
    task.open_training()
    touched = by_first_rank(trainer, lambda: touched_pieces(task))
    if path is not None:
        touched = _as_before(before, touched, path)
    rows = torch.from_numpy(np.flatnonzero(touched))
    logger.info("training %d of %d rows of the embedding table", len(rows), len(touched))
    model.train_rows(rows)
    trainer.reinitialize()  # it has other parameters now
    return pack(touched)


def why_whole(trainer: Any, asked: bool = True) -> str:
    """The part of a run that reads or moves rows without a gradient, or that is not known not to; empty for none.

    Args:
        asked: whether the user's own wish counts.
    """
    cfg, model = trainer.cfg, trainer.get_model()
    distributed = cfg.distributed_training
    decay = getattr(cfg.optimizer, "weight_decay", 0.0)
    for reason, found in (
        (WHOLE, asked and cfg.task.train_whole_vocabulary),
        (f"--optimizer {cfg.optimizer._name}", cfg.optimizer._name != "adam"),  # others move or scale all rows alike
        ("--store-ema", cfg.ema.store_ema),
        ("--use-bmuf", cfg.optimization.use_bmuf),
        ("--amp with --weight-decay", cfg.common.amp and decay),  # it does not tell which updates it skips
        ("--tpu", cfg.common.tpu),
        (f"--ddp-backend {distributed.ddp_backend}", distributed.ddp_backend in ("fully_sharded", "slowmo")),
        (f"--zero-sharding {distributed.zero_sharding}", distributed.zero_sharding != "none"),
        ("--pipeline-model-parallel", distributed.pipeline_model_parallel),
        ("quantization", trainer.quantizer is not None),
        (f"--train-subset {cfg.dataset.train_subset}", cfg.dataset.train_subset != TRAIN),
        (f"--arch {cfg.model._name}", not hasattr(model, "train_rows")),
        (f"--criterion {cfg.criterion._name}", getattr(trainer.get_criterion(), "reads_all_pieces", True)),
    ):
        if found:
            return reason
    return ""


def touched_pieces(task: TrainsRows) -> np.ndarray:
    """The ids that a training batch of the task may hold: (V,) bool. Its training set must be open."""
    data = task.data_bin
    dictionary, texts = data.dictionary, sorted(data.training_texts)
    found = occurring(texts, dictionary)
    found[: dictionary.nspecial] = True
    found[[data.frame.bos, data.frame.eos, dictionary.index(_MASK)]] = True
    changes = list(task.word_changes)
    if changes:
        starts = np.array([symbol.startswith(BOUNDARY) for symbol in dictionary.symbols])
        words = distinct_words(texts, dictionary, starts) if needs_words(changes) else []
        found[list(reachable(changes, words))] = True
    return found


def pack(rows: np.ndarray) -> torch.Tensor:
    """(V,) bool as a tensor of bytes, eight rows each, with V at its end: what a checkpoint holds."""
    length = np.frombuffer(np.int64(len(rows)).tobytes(), np.uint8)
    return torch.from_numpy(np.concatenate([np.packbits(rows), length]))


def unpack(packed: torch.Tensor) -> np.ndarray:
    """:func:`pack` undone."""
    bits, length = packed.numpy()[:-8], packed.numpy()[-8:]
    return np.unpackbits(bits)[: int(np.frombuffer(length.tobytes(), np.int64)[0])].astype(bool)


def _as_before(before: Any, touched: np.ndarray, path: str) -> np.ndarray:
    """The rows of a checkpoint, which the optimiser's state there belongs to."""
    rows = unpack(before)
    if len(rows) != len(touched):
        raise UserError(f"{path}: trains {len(rows)} rows of word embeddings, dict.txt has {len(touched)} pieces")
    if new := int((touched & ~rows).sum()):
        raise UserError(
            f"{path}: the training data now hold {new} pieces whose embeddings that run does not train; give the data"
            " that it began with, or --reset-optimizer to train them from here on"
        )
    return rows
