"""Members that were warmed up by runs of their own (XLA, ACL 2021, section 3.1)."""

from __future__ import annotations

import logging
import os
from typing import Any

from fairseq import checkpoint_utils
from omegaconf import OmegaConf, open_dict

from ....errors import UserError
from ....models.restore import restore_strictly
from ....resuming.fitting import compare, compare_encoders, compare_heads
from ....starting.encoder_shape import remedy
from ..model import MEMBERS, CotrainModel

logger = logging.getLogger(__name__)


def load_members(model: CotrainModel, paths: str, task: Any) -> None:
    """Give every member the weights of its checkpoint.

    Args:
        paths: ``a,b,c``, as in ``--xla-init-members``.
        task: of co-training, whose labels and dictionary must be theirs.

    Raises:
        UserError: not three different files, or of another architecture, vocabulary, problem or labels.
    """
    option = f"--xla-init-members {paths}"
    files = [path.strip() for path in paths.split(",") if path.strip()]
    if len(files) != MEMBERS:
        raise UserError(f"{option}: {len(files)} files, expected {MEMBERS} checkpoints a,b,c")
    for path in files:
        if not os.path.isfile(path):
            raise UserError(f"--xla-init-members: {path}: no such file; give checkpoint_best.pt of a plain run")
    if len({os.path.realpath(path) for path in files}) < MEMBERS:
        raise UserError(f"{option}: the same file twice; members must differ, train each with a seed of its own")
    for member, path in zip(model.members, files):
        state = checkpoint_utils.load_checkpoint_to_cpu(path)
        _check(path, state, model, task)
        restore_strictly(member, state["model"], task.problem.head_name, f"--xla-init-members: {path}")
    model.strict_restore = False
    logger.info("members: %s", ", ".join(files))


def keep_members(checkpoint: Any) -> None:
    """Let no pre-trained model overwrite the members; ``checkpoint``: fairseq's options, as settled for this run."""
    if checkpoint.restore_file != "checkpoint_last.pt":
        raise UserError(
            f"--restore-file {checkpoint.restore_file}: would replace the members of --xla-init-members; leave it out"
        )
    if checkpoint.finetune_from_model:
        logger.info("%s is not read: the members have their weights already", checkpoint.finetune_from_model)
        with open_dict(checkpoint):
            checkpoint.finetune_from_model = None


def _check(path: str, state: dict[str, Any], model: CotrainModel, task: Any) -> None:
    """UserError unless the checkpoint means the same and computes the same as a member."""
    where, record, cfg = f"--xla-init-members: {path}:", state.get("task_state") or {}, state.get("cfg")
    for found in compare(record, task.identity(), list(task.identity())):
        raise UserError(f"{where} {found.than(str(task.data_bin.root))}; train it on this data")
    for option, found in compare_encoders(_group(cfg, "model"), model.args):
        raise UserError(f"{where} {found.told()}; {remedy(option, found.before)}")
    if saved_task := _group(cfg, "task"):
        for found in compare_heads(task.problem, saved_task, task.cfg):
            raise UserError(f"{where} {found.told()}; pass the same")
    if not _group(cfg, "criterion").get("conf_penalty"):
        logger.warning("%s was trained without --conf-penalty, so its confidence tells less (XLA, section 3.1)", path)


def _group(cfg: Any, name: str) -> dict[str, Any]:
    """Options of a checkpoint as a dict, empty where it has none."""
    group = OmegaConf.select(cfg, name) if OmegaConf.is_config(cfg) else None
    found = OmegaConf.to_container(group) if OmegaConf.is_config(group) else {}
    return dict(found) if isinstance(found, dict) else {}  # type: ignore[arg-type]
