"""Rules for restoring, around ``checkpoint_utils.load_checkpoint``, which fairseq-train calls once with the checkpoint
options; other tasks are left alone."""

from __future__ import annotations

import argparse
import functools
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from omegaconf import OmegaConf, open_dict

from ..checkpoints.checksums import is_zip
from ..checkpoints.kinds import check_entries, is_exported, missing_file
from ..checkpoints.ranks import by_first_rank
from ..checkpoints.safe_load import load_restricted
from ..data.binary.kept import keep
from ..errors import UserError, flag
from ..huggingface.cached import cached_encoder, check_pieces, hub_folder
from ..methods import TASKS
from ..preflight.metrics import check_metric
from ..starting.encoder_shape import remedy
from .changes import find_changes, refuse_changes, tell_new_length
from .fitting import compare_encoders
from .identity import fit_initial, read_record, refuse_other_identity

logger = logging.getLogger(__name__)


def saved_config(path: str, read_all: bool = True) -> Mapping[str, Any]:
    """Task and model options in a checkpoint: ``{"task": {"_name": ...}, "model": {...}}``, empty where it has none;
    ``"exported"`` where it holds weights of a run that cannot go on from it.

    Reads through a memory map. Archives older than that format (the published XLM-R) must be read whole and hold no run
    of ours, so ``read_all=False`` skips them.
    """
    mapped = is_zip(path)
    if not mapped and not read_all:
        return {}
    state = load_restricted(path, mmap=mapped)
    check_entries(state, path)
    if state.get("cfg"):
        cfg = OmegaConf.to_container(OmegaConf.create(state["cfg"], flags={"allow_objects": True}))
        assert isinstance(cfg, dict)
        exported = is_exported(state)
        groups = {name: _options(cfg.get(name)) for name in ("task", "model")}
        record = read_record(state.get("task_state"), path)
        return {**groups, "exported": exported, "cfg": {**cfg, **groups}, "record": record}
    options = _options(state.get("args"))
    record = read_record(state.get("task_state"), path)
    return {"task": {"_name": options.get("task")}, "model": options, "record": record}


def _options(group: Any) -> dict[str, Any]:
    """Options as a dict; models without a configuration dataclass (``roberta_base``) keep theirs in a Namespace."""
    return vars(group) if isinstance(group, argparse.Namespace) else dict(group or {})


def with_restore_rules(load: Callable) -> Callable:
    """Rules for our tasks:

    * a ``--restore-file`` that does not exist is an error (fairseq would train from random weights);
    * if the save folder has a ``checkpoint_last.pt``, the run continues from it (fairseq would start again);
    * a run goes on with the data and the options that it began with;
    * a checkpoint of another task, or of xl-convert, initialises the weights only, as ``--finetune-from-model`` does;
    * what the criterion was trained against initialises nothing unless the user says so.
    """

    @functools.wraps(load)
    def load_checkpoint(cfg: Any, trainer: Any, **kwargs: Any) -> Any:
        if getattr(trainer.cfg.task, "_name", None) not in TASKS:
            return load(cfg, trainer, **kwargs)
        if not trainer.cfg.dataset.disable_validation:
            check_metric(trainer.cfg.checkpoint.best_checkpoint_metric, trainer.task, trainer.criterion)
        path, resumes = _decide(cfg, trainer)
        if path is None and not trainer.task.brings_weights:
            if not trainer.cfg.task.from_scratch:
                raise UserError(
                    "--restore-file: not given, so that the encoder would start from random weights; name a pre-trained"
                    " one (its folder, or model.pt), or pass --from-scratch"
                )
            logger.warning("--from-scratch: the encoder starts from random weights")
        trainer.get_criterion().check_start(path, cfg.save_dir)
        saved = saved_config(path, read_all=trainer.data_parallel_rank == 0) if path else {}
        _compare_runs(path, resumes, saved, trainer)
        trainer.get_model().strict_restore = resumes
        trainer.task.prepare_run(trainer.cfg, resumes)
        keeps = resumes or (path is not None and cfg.restore_file == path and not cfg.reset_optimizer)
        trainer.task.choose_rows(trainer, saved.get("record", {}), path if keeps else None)
        _refuse_other_architecture(path, saved.get("model", {}), trainer.cfg.model)
        if not resumes:
            _warn_about_head(saved.get("task", {}), trainer.task)
        restored = load(cfg, trainer, **kwargs)
        if not cfg.no_save:
            by_first_rank(trainer, lambda: keep(trainer.task.data_bin.root, cfg.save_dir))
        return restored

    return load_checkpoint


def _decide(cfg: Any, trainer: Any) -> tuple[str | None, bool]:
    """Settle ``cfg``; returns the checkpoint to read, if any, and whether a run is resumed from it."""
    last = os.path.join(cfg.save_dir, f"checkpoint_last{trainer.checkpoint_suffix}.pt")
    for option in ("finetune_from_model", "restore_file"):
        if folder := hub_folder(getattr(cfg, option)):
            _set(cfg, **{option: _converted(folder, flag(option), cfg.save_dir, trainer)})
    for option in ("finetune_from_model", "restore_file"):
        path = getattr(cfg, option)
        if path and path != "checkpoint_last.pt" and not os.path.isfile(path):
            otherwise = "no such file; give the path of a checkpoint such as xlmr.base/model.pt"
            raise UserError(f"{flag(option)} {path}: {missing_file(path, otherwise)}")
    if cfg.restore_file == "checkpoint_last.pt":
        return (last, True) if os.path.isfile(last) else (cfg.finetune_from_model, False)
    path = cfg.restore_file
    if any((cfg.reset_optimizer, cfg.reset_lr_scheduler, cfg.reset_meters, cfg.reset_dataloader)):
        return path, False  # the user said what to keep
    if os.path.isfile(last):
        logger.info("resuming from %s; %s initialised this run when it began", last, path)
        _set(cfg, restore_file="checkpoint_last.pt", finetune_from_model=path)
        return last, True
    saved = saved_config(path, read_all=False)
    if saved.get("task", {}).get("_name") == trainer.cfg.task._name and not saved.get("exported"):
        return path, True
    logger.info("initialising the weights from %s", path)
    _set(cfg, restore_file="checkpoint_last.pt", finetune_from_model=path)
    return path, False


def _converted(folder: str, option: str, save_dir: str, trainer: Any) -> str:
    """A folder of Hugging Face as a checkpoint, which the first rank makes."""
    path, made = by_first_rank(trainer, lambda: cached_encoder(folder, save_dir, option))
    if made:
        logger.info("%s %s: converted to %s", option, folder, path)
    check_pieces(path, trainer.task.data_bin.root / "dict.txt", folder, option)
    return path


def _set(cfg: Any, **values: Any) -> None:
    with open_dict(cfg):
        for key, value in values.items():
            setattr(cfg, key, value)


def _compare_runs(path: str | None, resumes: bool, saved: Mapping[str, Any], trainer: Any) -> None:
    """The checkpoint fits the data; a run that goes on has the options that it began with."""
    record, task = saved.get("record", {}), trainer.task
    if path is None or not record:
        return
    root = task.data_bin.root
    if not resumes:
        fit_initial(record, task.identity(), root, path)
        return
    refuse_other_identity(record, task.identity(), root, path)
    current = OmegaConf.to_container(trainer.cfg, resolve=True, enum_to_str=True)
    assert isinstance(current, dict)
    save_dir = trainer.cfg.checkpoint.save_dir
    changes = find_changes(saved["cfg"], current, record, task.state_dict(), save_dir, path)
    refuse_changes(changes, save_dir, path, bool(trainer.cfg.task.continue_with_changes))
    tell_new_length(saved["cfg"], current)


def _warn_about_head(saved: Mapping[str, Any], task: Any) -> None:
    """A head that only initialises this run was trained to read what the options of the checkpoint say."""
    before = task.problem.head_options(saved)
    for option, now in task.problem.head_options(task.cfg).items():
        if option.removeprefix("--").replace("-", "_") in saved and before[option] != now:
            logger.warning("%s is %s, but the checkpoint was trained with %s", option, now, before[option])


def _refuse_other_architecture(path: str | None, saved: Mapping[str, Any], current: Any) -> None:
    """Refuse what no tensor's shape betrays: weights would load, and the model compute something else."""
    for option, found in compare_encoders(saved, current):
        raise UserError(f"{path}: {found.told()}; {remedy(option, found.before)}")
