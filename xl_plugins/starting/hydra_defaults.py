"""The defaults of a run by ``fairseq-hydra-train``: the same as by ``fairseq-train``.

fairseq-train asks a parser, which knows what the user gave. hydra composes the options first, with fairseq's own values
for all that the YAML file leaves out, and imports this package only then; so the file and the command line are asked
once more which options they name. A process that fairseq starts per GPU has the command line too, but not hydra.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from fairseq.dataclass import initialize
from fairseq.dataclass.configs import FairseqConfig
from fairseq.models import ARCH_MODEL_NAME_REGISTRY, MODEL_DATACLASS_REGISTRY
from fairseq.registry import REGISTRIES
from fairseq.tasks import TASK_DATACLASS_REGISTRY
from hydra._internal.utils import get_args_parser  # as fairseq reads the command line itself
from omegaconf import DictConfig, OmegaConf

from ..defaults import DECIDING, start_options, task_defaults
from ..logs.quiet import set_quiet
from ..methods import TASKS
from .encoder_shape import follow_encoder, starting_point
from .task_names import spell_out_options

_CHOICES = {"criterion": "criterion", "arch": "model", "optimizer": "optimizer", "lr_scheduler": "lr_scheduler"}


def install() -> None:
    """Wrap fairseq's step from a composed configuration to one with all options, once."""
    if not getattr(initialize.add_defaults, "_xl_plugins", False):
        initialize.add_defaults = _with_task_defaults(initialize.add_defaults)
    loaded = sys.modules.get("fairseq_cli.train")
    if loaded is not None:  # it has the function under a name of its own
        loaded.add_defaults = initialize.add_defaults  # type: ignore[attr-defined]


def _with_task_defaults(add_defaults: Callable) -> Callable:
    @functools.wraps(add_defaults)
    def with_task_defaults(cfg: DictConfig) -> None:
        given = named_options(sys.argv[1:]) if "hydra" in os.path.basename(sys.argv[0]) else None
        if given is not None:
            spell_out_options(cfg, given)
        if given is not None and OmegaConf.select(cfg, "task._name") in TASKS:
            OmegaConf.set_struct(cfg, False)
            fill(cfg, given)
            add_defaults(cfg)
            _follow_references(cfg, given)
        else:
            add_defaults(cfg)
        ours = OmegaConf.select(cfg, "task._name") in TASKS
        set_quiet(ours and not OmegaConf.select(cfg, "task.verbose"))

    with_task_defaults._xl_plugins = True  # type: ignore[attr-defined]
    return with_task_defaults


def fill(cfg: DictConfig, given: set[str]) -> None:
    """Put the task's defaults where ``given`` (names such as ``optimization.lr``) has nothing."""
    names = {name.rpartition(".")[2] for name in given}
    known: dict[str, Any] = dict.fromkeys(DECIDING)
    known |= {name: str(_find(cfg, name)) for name in DECIDING if name in names and _find(cfg, name) is not None}
    defaults = task_defaults(
        argparse.Namespace(
            **known, task=cfg.task._name, arch=_choice(cfg, "model", given),
            criterion=_choice(cfg, "criterion", given),
            distributed_world_size=_find(cfg, "distributed_world_size") if "distributed_world_size" in names else None,
        )
    )  # fmt: skip
    for option, group in _CHOICES.items():
        if option in defaults and _choice(cfg, group, given) is None:
            own = {key: value for key, value in (cfg.get(group) or {}).items() if f"{group}.{key}" in given}
            cfg[group] = {**own, "_name": defaults[option]}
    defaults |= follow_encoder(starting_point(*start_options(functools.partial(_find, cfg))))
    for name, value in defaults.items():
        home = _home(cfg, name)
        if home and name not in _CHOICES and name not in names:
            cfg[home][name] = value


def _choice(cfg: DictConfig, group: str, given: set[str]) -> str | None:
    """The name that the user gave a group's node, as ``criterion._name`` or ``criterion``."""
    if not {group, f"{group}._name"} & given:
        return None
    node = cfg.get(group)
    return node if isinstance(node, str) else OmegaConf.select(cfg, f"{group}._name")


def _find(cfg: DictConfig, name: str) -> Any:
    home = _home(cfg, name)
    return OmegaConf.select(cfg, f"{home}.{name}") if home else None


def _home(cfg: DictConfig, name: str) -> str:
    """The group that an option belongs to, empty where it is of an optimiser or scheduler that is not used."""
    for group, kind in _kinds(cfg):
        found = [field for field in fields(kind) if field.name == name]
        if found and not _reference(found[0].default):
            return group
    return ""


def _kinds(cfg: DictConfig) -> Iterator[tuple[str, Any]]:
    """Every group of a configuration with its dataclass."""
    for group, field in FairseqConfig.__dataclass_fields__.items():
        kind: Any = field.default if is_dataclass(field.default) else field.type
        name = OmegaConf.select(cfg, f"{group}._name")
        if group == "task":
            kind = TASK_DATACLASS_REGISTRY.get(name)
        elif group == "model":
            kind = MODEL_DATACLASS_REGISTRY.get(ARCH_MODEL_NAME_REGISTRY.get(name, name))
        elif group in REGISTRIES:
            kind = REGISTRIES[group]["dataclass_registry"].get(name)
        if kind is not None and is_dataclass(kind):
            yield group, kind


def _reference(default: Any) -> str:
    """``optimization.lr`` of the default ``${optimization.lr}``, empty for others."""
    return default[2:-1] if isinstance(default, str) and default.startswith("${") else ""


def _follow_references(cfg: DictConfig, given: set[str]) -> None:
    """Options that repeat another one, which hydra resolved before the defaults came."""
    for group, kind in _kinds(cfg):
        for field in fields(kind):
            reference = _reference(field.default)
            if reference and f"{group}.{field.name}" not in given and cfg.get(group) is not None:
                cfg[group][field.name] = OmegaConf.select(cfg, reference)


def named_options(argv: Sequence[str]) -> set[str]:
    """Options that the YAML file and the command line of fairseq-hydra-train name: ``optimization.lr``."""
    args = get_args_parser().parse_known_args(list(argv))[0]
    given = [word.lstrip("+~").partition("=")[::2] for word in args.overrides]
    found = {key.partition("@")[0].replace("/", ".") for key, _ in given}
    if args.config_dir:
        for group, name in (("", args.config_name or ""), *given):  # model=small chooses a file, too
            group = group.partition("@")[0]
            found |= set(_names_in(Path(args.config_dir, group, f"{name.removesuffix('.yaml')}.yaml"), group))
    return found


def _names_in(path: Path, group: str = "") -> Iterator[str]:
    """Dotted names of a file's options, and of the files in its list of defaults."""
    if not path.is_file():
        return
    content: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    if "@package _global_" in path.read_text(encoding="utf-8").partition("\n")[0]:
        group = ""
    for entry in content.pop("defaults", []):
        for inner, name in entry.items() if isinstance(entry, Mapping) else [("", entry)]:
            inner = inner.split()[-1] if inner else ""  # "override hydra/launcher"
            if isinstance(name, str) and name != "_self_":
                yield from _names_in(path.parent / inner / f"{name.removesuffix('.yaml')}.yaml", inner)
    yield from _leaves(content, group)


def _leaves(content: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in content.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        yield name
        if isinstance(value, Mapping):
            yield from _leaves(value, name)
