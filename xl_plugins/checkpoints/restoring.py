"""Before a run restores anything: the save folder can be written, is this run's alone, and its last checkpoint is
whole."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from fairseq import checkpoint_utils
from fairseq.distributed import utils as distributed_utils

from ..errors import UserError
from ..starting.clock import StartClock
from .damaged import mend_last
from .finished import end_finished
from .lock import RunLock
from .ranks import by_first_rank
from .signals import passed_on, watch
from .writing import LAST, clear_temporary, is_ours


def install() -> None:
    """Wrap fairseq's function that restores, the one that tries the save folder, and the one that starts it all."""
    if getattr(checkpoint_utils.verify_checkpoint_directory, "_xl_plugins", False):
        return
    checkpoint_utils.verify_checkpoint_directory = _folder_in_a_line(checkpoint_utils.verify_checkpoint_directory)
    lock = RunLock()
    checkpoint_utils.load_checkpoint = _prepared(checkpoint_utils.load_checkpoint, lock)
    distributed_utils.call_main = _released(distributed_utils.call_main, lock)


def _folder_in_a_line(verify: Callable) -> Callable:
    @functools.wraps(verify)
    def verify_checkpoint_directory(save_dir: str) -> None:
        try:
            os.makedirs(save_dir, exist_ok=True)
            if not os.access(save_dir, os.W_OK | os.X_OK):
                raise PermissionError(13, "no permission to write")
            verify(save_dir)
        except OSError as error:
            reason = "is a file" if os.path.isfile(save_dir) else error.strerror or str(error)
            raise UserError(
                f"--save-dir {save_dir}: cannot be written ({reason}); choose a folder for this run's checkpoints"
            ) from None

    verify_checkpoint_directory._xl_plugins = True  # type: ignore[attr-defined]
    return verify_checkpoint_directory


def _prepared(load: Callable, lock: RunLock) -> Callable:
    @functools.wraps(load)
    def load_checkpoint(cfg: Any, trainer: Any, **kwargs: Any) -> Any:
        if not is_ours(trainer):
            return load(cfg, trainer, **kwargs)
        clock = StartClock()
        clock.mark("libraries, options and model")
        by_first_rank(trainer, lambda: prepare_folder(cfg, trainer.cfg.task._name, lock, trainer.checkpoint_suffix))
        extra_state, iterator = load(cfg, trainer, **kwargs)
        iterator = end_finished(trainer, extra_state, iterator)
        trainer.task.training_begins(trainer)
        clock.mark("weights and training data")
        clock.watch(trainer)
        watch(trainer)
        return extra_state, iterator

    return load_checkpoint


def prepare_folder(cfg: Any, task: str, lock: RunLock, suffix: str = "") -> None:
    """Take ``cfg.save_dir`` for this run alone, remove what killed writers left, see that the last checkpoint is whole.

    Raises:
        UserError: another process trains into it, a folder has a checkpoint's name, or no checkpoint is whole.
    """
    if not cfg.no_save:
        lock.hold(cfg.save_dir)
        clear_temporary(cfg.save_dir)
        for kind in ("last", "best"):
            path = os.path.join(cfg.save_dir, f"checkpoint_{kind}{suffix}.pt")
            if os.path.isdir(path):
                raise UserError(
                    f"--save-dir {cfg.save_dir}: {os.path.basename(path)} is a folder, where a checkpoint belongs; move"
                    " it away or choose another folder"
                )
    resets = cfg.reset_optimizer or cfg.reset_lr_scheduler or cfg.reset_meters or cfg.reset_dataloader
    if not cfg.no_save and not suffix and (cfg.restore_file == LAST or not resets):
        mend_last(cfg.save_dir, task)


def _released(call_main: Callable, lock: RunLock) -> Callable:
    @functools.wraps(call_main)
    def with_release(*args: Any, **kwargs: Any) -> Any:
        try:
            with passed_on():
                return call_main(*args, **kwargs)
        finally:
            lock.release()

    return with_release
