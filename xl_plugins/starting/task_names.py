"""Regular names of the tasks whose problem is an option: ``--task salt_tagging`` is ``--task salt_augment_task
--problem tagging``.

The documented names are what checkpoints hold; another one is replaced before anything reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from ..errors import UserError
from ..methods import METHODS

ENCODER = "xl_encoder"  # one name for the model of any task
ALIASES: dict[str, tuple[str, str]] = {
    alias: meaning for method in METHODS.values() for alias, meaning in method.aliases.items()
}


def spell_out(words: Sequence[str]) -> list[str]:
    """The words of a command line with the documented name of the task, and its problem.

    Raises:
        UserError: they name another problem, too.
    """
    found = _without_encoder(words)
    words, given = list(found), _values(found, "--task")
    if not given or given[-1][1] not in ALIASES:
        return found
    (place, name), width = given[-1], 1 if "=" in words[given[-1][0]] else 2
    task, problem = ALIASES[name]
    other = [value for _, value in _values(words, "--problem") if value != problem]
    if other:
        raise UserError(f"--problem {other[-1]}: --task {name} is about {problem}; leave --problem out")
    found[place : place + width] = ["--task", task, "--problem", problem]
    return found


def _without_encoder(words: Sequence[str]) -> list[str]:
    """The words without ``--arch xl_encoder``, which asks for the model that the task has anyway."""
    found = list(words)
    for place, value in reversed(_values(words, "--arch")):
        if value == ENCODER:
            del found[place : place + (1 if "=" in words[place] else 2)]
    return found


def _values(words: Sequence[str], option: str) -> list[tuple[int, str]]:
    """Where an option is given, and its values."""
    pairs = [(place, *word.partition("=")[::2]) for place, word in enumerate(words)]
    return [
        (place, value if "=" in words[place] else words[place + 1])
        for place, name, value in pairs
        if name == option and ("=" in words[place] or place + 1 < len(words))
    ]


def spell_out_options(cfg: DictConfig, given: set[str]) -> None:
    """The same for options that hydra has composed; ``given``: dotted names of those that the user gave."""
    if OmegaConf.select(cfg, "model._name") == ENCODER:
        with open_dict(cfg):
            del cfg.model["_name"]
        given -= {"model", "model._name"}
    task: Any = cfg.get("task")
    name = task.get("_name") if isinstance(task, DictConfig) else None
    if name not in ALIASES:
        return
    known, problem = ALIASES[name]
    other = task.get("problem")
    if "task.problem" in given and other != problem:
        raise UserError(f"task.problem={other}: task._name={name} is about {problem}; leave problem out")
    with open_dict(cfg):
        task._name, task.problem = known, problem
    given.add("task.problem")
