"""Options that do not fit together or not the machine, before a run starts; where fairseq lets that be known."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from fairseq.criterions import CRITERION_REGISTRY
from fairseq.dataclass import initialize

from ..errors import UserError
from ..methods import TASKS, methods_with
from .ranges import check_run_ranges

_MARK = "_xl_plugins_preflight"


def check_run(cfg: Any) -> None:
    """UserError for options of a whole run with which it cannot start."""
    task = getattr(cfg.task, "_name", None)
    if task not in TASKS:
        return
    check_run_ranges(cfg)
    if cfg.dataset.batch_size is None and cfg.dataset.max_tokens is None:
        raise UserError("--batch-size: pass the number of examples of a batch (or --max-tokens)")
    _check_precision(cfg.common)
    _check_criterion(task, getattr(cfg.criterion, "_name", None))
    check_save_dir(str(cfg.checkpoint.save_dir))


def _check_precision(common: Any) -> None:
    given = [flag for flag in ("fp16", "bf16", "amp") if getattr(common, flag, False)]
    if len(given) > 1:
        raise UserError(f"--{given[0]} and --{given[1]}: a run has one precision; leave out one of them")


def _check_criterion(task: str, name: str | None) -> None:
    allowed = [method.criterion for method in methods_with(task)]
    if name in CRITERION_REGISTRY and name not in allowed:
        raise UserError(f"--criterion {name}: task {task} needs {' or '.join(allowed)}; pass it, or leave it out")


def check_save_dir(folder: str) -> None:
    """UserError unless checkpoints can be written there; nothing is made."""
    path = Path(os.path.abspath(folder))
    if path.exists() and not path.is_dir():
        raise UserError(f"--save-dir {folder}: is a file; name a folder")
    while not path.exists():
        path = path.parent
    if not path.is_dir():
        raise UserError(f"--save-dir {folder}: {path} is a file; name a folder")
    if not os.access(path, os.W_OK | os.X_OK):
        raise UserError(f"--save-dir {folder}: {path} cannot be written to; choose another folder")


# -- where it is called: fairseq completes the options, of a command line or of a YAML file, once before all else --


def install() -> None:
    """Check a run when ``fairseq_cli.train.main`` has completed its options; calling it again changes nothing."""
    _wrap(initialize)
    main = sys.modules.get("__main__")
    if getattr(getattr(main, "__spec__", None), "name", None) == "fairseq_cli.train":
        _wrap(main)
    _wrap(sys.modules.get("fairseq_cli.train"))


def _wrap(module: ModuleType | None) -> None:
    complete: Callable[[Any], None] | None = getattr(module, "add_defaults", None)
    if module is None or complete is None or hasattr(complete, _MARK):
        return

    @functools.wraps(complete)
    def add_defaults(cfg: Any) -> None:
        complete(cfg)
        check_run(cfg)

    setattr(add_defaults, _MARK, True)
    module.add_defaults = add_defaults  # type: ignore[attr-defined]
