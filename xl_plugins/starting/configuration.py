"""The configuration of a run for Python programs: the options that fairseq-train resolves."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, NoReturn, Union

from fairseq import options as fairseq_options
from fairseq.dataclass import initialize
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import DictConfig

from ..errors import UserError, flag


def configure(task: str, data: Union[str, PathLike[str]], **options: Any) -> DictConfig:
    """All options of a run, as ``fairseq-train DATA --task TASK ...`` resolves them.

    The dataclasses of tasks and models alone have the defaults of their fields; those that follow from the problem, the
    method and the encoder are filled in here.

    Args:
        task: such as ``xmixup_qa``, or ``salt_tagging``.
        data: the data folder, made by xl-prepare.
        options: those of fairseq-train, with underscores: ``lr=[5e-6]``, ``from_scratch=True``; None leaves one out.

    Returns:
        fairseq's configuration: ``cfg.task`` for ``tasks.setup_task``, ``cfg.model`` for ``task.build_model``,
        ``cfg.criterion`` for ``task.build_criterion``, all of it for ``fairseq_cli.train.main``.

    Raises:
        UserError: no such task or option, or a value that is none.

    Example:
        >>> cfg = xl_plugins.configure("xmixup_qa", "data-bin/mlqa", restore_file="xlmr.base/model.pt")
        >>> cfg.task.max_length, cfg.criterion.mixup_alpha
        (384, 0.2)
    """
    parser = fairseq_options.get_training_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    given = {name: value for name, value in {"task": task, **options}.items() if value is not None}
    words = [word for name, value in given.items() for word in _words(name, value)]
    parsed = fairseq_options.parse_args_and_arch(parser, input_args=[str(data), *words])
    for name, value in given.items():
        if isinstance(value, bool):  # a flag can only turn one of them to the value that is not the default
            if not hasattr(parsed, name):
                _refuse(f"unrecognized arguments: {flag(name)}")
            setattr(parsed, name, value)
    cfg = convert_namespace_to_omegaconf(parsed)
    initialize.add_defaults(cfg)
    return cfg


def _words(name: str, value: Any) -> list[str]:
    """An option as a command line has it."""
    option = flag(name)
    if isinstance(value, bool):
        return [option] * value
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value):
        value = ",".join(value)
    return [f"{option}={value}"]


def _refuse(message: str) -> NoReturn:
    raise UserError(message.removeprefix("argument "))
