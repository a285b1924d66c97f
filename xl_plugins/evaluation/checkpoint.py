"""A fine-tuned checkpoint, opened for inference on a data folder that need not be the one it was trained on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from fairseq import checkpoint_utils, tasks
from fairseq.tasks import TASK_DATACLASS_REGISTRY, TASK_REGISTRY
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from ..checkpoints.kinds import missing_file
from ..data.binary.kept import kept_data
from ..errors import UserError, flag
from ..methods import method_of
from ..models.restore import refuse_unlike_weights, restore_strictly
from ..resuming.identity import read_record, refuse_other_identity
from ..tasks.base import XLTask
from .members import COTRAINING, refuse_cotraining

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Selection:
    """How a checkpoint was chosen among those of its run, as the checkpoint itself says.

    ``protocol`` is ``--select``; ``languages`` those whose dev sets it averages; ``metric`` what ``checkpoint_best``
    followed; ``score`` the checkpoint's value of it and ``best`` the run's best so far (None without validation).
    ``protocol_metric`` is the metric that follows the protocol.
    """

    protocol: str
    languages: list[str]
    metric: str
    score: float | None
    best: float | None
    protocol_metric: str = "acc_select"

    def describe(self) -> str:
        """The protocol in words."""
        where = f" over {', '.join(self.languages)}" if self.languages else ""
        if self.metric != self.protocol_metric:
            return f"by {self.metric}, not by the protocol's {self.protocol_metric} ({self.protocol}{where})"
        return f"{self.protocol}{where}"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class FineTuned:
    """A model in eval mode with its task; ``task.data_bin`` is the folder to predict on, ``record`` what the run noted
    in the checkpoint."""

    path: str
    task: XLTask
    model: torch.nn.Module
    device: torch.device
    selection: Selection
    updates: int
    record: dict[str, Any] = field(default_factory=dict)


def load_fine_tuned(
    path: str, data: str | None = None, overrides: Mapping[str, Any] | None = None, device: str | None = None,
    precision: str = "fp32",
) -> FineTuned:  # fmt: skip
    """Open a checkpoint that ``fairseq-train`` wrote for one of the package's tasks.

    Args:
        data: folder to predict on; None for the one it was trained on, or, where that is gone, what the run kept of it.
        overrides: task options to change, such as ``{"no_mixup_inference": True}``.
        device: torch device; None takes CUDA when there is a device.
        precision: fp32, fp16 (CUDA only) or bf16.

    Raises:
        UserError: no fine-tuned checkpoint of this package, damaged, or made for other labels or another vocabulary.
    """
    target = find_device(device, precision)
    if not os.path.isfile(path):
        otherwise = "no such file; give checkpoint_best.pt of a fine-tuning run"
        raise UserError(f"--path {path}: {missing_file(path, otherwise)}")
    state = checkpoint_utils.load_checkpoint_to_cpu(path)
    state.pop("last_optimizer_state", None)  # twice the model's size
    cfg = state.get("cfg")
    _check_task(path, cfg)
    record = read_record(state.get("task_state"), path)
    refuse_unlike_weights(cfg.model, state["model"], path)
    with _reading_options(path):
        selection = _selection(cfg, state)  # before the options of training are overridden
        task = _build_task(path, cfg, record, data, overrides or {})
        model = task.build_model(cfg.model, from_checkpoint=True)
    restore_strictly(model, state["model"], task.problem.head_name, path)
    model.to(device=target, dtype=PRECISIONS[precision]).eval()
    updates = (state.get("optimizer_history") or [{}])[-1].get("num_updates", 0)
    record = {"method": _method(cfg, record), **record}
    return FineTuned(path, task, model, target, selection, int(updates), record)


@contextmanager
def _reading_options(path: str) -> Iterator[None]:
    """Options of a checkpoint that no run can have had end in one line."""
    try:
        yield
    except (OmegaConfBaseException, TypeError, ValueError, KeyError, AttributeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"{path}: its options cannot be used ({reason}); give the checkpoint as it was saved"
        ) from error


def find_device(name: str | None, precision: str = "fp32") -> torch.device:
    """The torch device ``name``, checked; UserError when it is not there or cannot compute in ``precision``."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"--device {name}: not a torch device; write cpu, cuda or cuda:0") from None
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"--device {name}: computes nothing here; use cpu, cuda or cuda:0")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"--device {name}: there are {torch.cuda.device_count()} CUDA devices; use --device cpu")
    if precision == "fp16" and device.type == "cpu":
        raise UserError("--fp16 needs a CUDA device; leave it out, or use --bf16")
    return device


def _check_task(path: str, cfg: Any) -> None:
    name = OmegaConf.select(cfg, "task._name") if cfg is not None else None
    refuse_cotraining(path, name)
    kind = TASK_REGISTRY.get(name)
    if kind is None or not issubclass(kind, XLTask):
        ours = sorted(n for n, t in TASK_REGISTRY.items() if issubclass(t, XLTask))
        raise UserError(
            f"{path}: a checkpoint of task '{name or 'unknown'}', not fine-tuned for prediction; "
            f"give one trained with --task {' or '.join(ours)}"
        )


def _build_task(
    path: str, cfg: Any, record: Mapping[str, Any], data: str | None, overrides: Mapping[str, Any]
) -> XLTask:
    """The checkpoint's task on the new folder. Languages of training and selection need no data there."""
    for option in overrides:
        if option not in cfg.task and not hasattr(TASK_DATACLASS_REGISTRY[cfg.task._name], option):
            raise UserError(f"{flag(option)}: {path} was trained with task {cfg.task._name}, which has no such option")
    if data is None and not os.path.isdir(str(cfg.task.data)):
        data = kept_data(path, str(cfg.task.data))  # the run was moved, or its data were
    with open_dict(cfg):
        cfg.task.update(
            data=data or cfg.task.data, train_languages="all", valid_languages="all", select="mean-dev",
            select_languages="", augment="none", second_view="none",  # views are for training alone
        )  # fmt: skip
        if cfg.task.source_language is None and record.get("source_language"):
            cfg.task.source_language = record["source_language"]
        cfg.task.update(overrides)
    task = tasks.setup_task(cfg.task)
    refuse_other_identity(record, task.identity(), task.data_bin.root, path)
    task.problem.restore(record)
    if "null_threshold" in overrides and not task.problem.identity().get("unanswerable"):
        raise UserError(
            f"--null-threshold: {path} was trained without unanswerable questions and always answers; leave it out"
        )
    return task


def _method(cfg: Any, record: Mapping[str, Any]) -> str:
    """The method of a checkpoint of an earlier version, which does not say it."""
    task = COTRAINING[0] if "member" in record else cfg.task._name
    return method_of(task, OmegaConf.select(cfg, "criterion._name")).name


def _selection(cfg: Any, state: Mapping[str, Any]) -> Selection:
    extra, record = state.get("extra_state") or {}, state.get("task_state") or {}
    score, best = extra.get("val_loss"), extra.get("best")
    return Selection(
        str(record.get("select") or cfg.task.select),
        list(record.get("select_languages") or []),
        str(cfg.checkpoint.best_checkpoint_metric),
        None if score is None else float(score),
        None if best is None else float(best),
        f"{TASK_REGISTRY[OmegaConf.select(cfg, 'task._name')].problem_of(cfg.task).metric}_select",
    )
