"""The shipped recipes as a training by fairseq-hydra-train gets them, without training.

    python -m user_dir_tests.helpers.running.recipes    # write the table of what every recipe says

The table is for changes that are meant: the test compares the recipes with it.
"""

from __future__ import annotations

import copy
import functools
import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

from fairseq.dataclass import initialize
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf, open_dict

from xl_plugins.starting import hydra_defaults

REPO = Path(__file__).resolve().parents[3]
FOLDER = REPO / "examples" / "recipes"
TABLE = REPO / "user_dir_tests" / "examples" / "recipes.json"
SHARED = ("data", "base", "xla")  # files that recipes are composed of
EVERY = sorted(path for path in FOLDER.glob("*/*.yaml") if path.stem not in SHARED)
RUN_FOLDER = "${hydra:runtime.output_dir}"
NAMED = ("task", "model", "criterion", "optimizer", "lr_scheduler")  # groups that are one of several classes
add_defaults = initialize.add_defaults.__wrapped__  # type: ignore[attr-defined]
_register = functools.cache(initialize.hydra_init)


def name(path: Path) -> str:
    """``xnli/xmixup_base``."""
    return f"{path.parent.name}/{path.stem}"


def composed(path: Path, *changes: str) -> DictConfig:
    """A recipe with changes on the command line, as hydra composes it; its own settings included."""
    _register(path.stem)
    with initialize_config_dir(str(path.parent), version_base="1.1"):
        return compose(path.stem, list(changes), return_hydra_config=True)


def resolved(path: Path, *changes: str) -> dict[str, Any]:
    """All options of a training by groups, filled in by the package."""
    return copy.deepcopy(_resolved(path, changes)[0])


def hydra_settings(path: Path) -> dict[str, Any]:
    """hydra's own settings of a recipe."""
    return copy.deepcopy(_resolved(path, ())[1])


@functools.cache
def _resolved(path: Path, changes: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    cfg = composed(path, *changes)
    if OmegaConf.to_container(cfg.checkpoint)["save_dir"] == RUN_FOLDER:  # type: ignore[index,call-overload]
        cfg.checkpoint.save_dir = cfg.hydra.run.dir  # a run alone could look it up
    hydra = {part: OmegaConf.to_container(cfg.hydra[part], resolve=True) for part in ("job", "run", "sweep")}
    with open_dict(cfg):
        del cfg["hydra"]
    given = hydra_defaults.named_options(["--config-dir", str(path.parent), "--config-name", path.stem, *changes])
    with mock.patch.dict(os.environ, WORLD_SIZE="1"):  # whatever GPUs the tests' machine has
        return filled(cfg, given), hydra


def filled(cfg: Any, given: set[str]) -> dict[str, Any]:
    """The last step from a composed configuration, in which ``given`` are named, to all options."""
    cfg = OmegaConf.create(OmegaConf.to_container(cfg, resolve=True, enum_to_str=True))
    hydra_defaults.fill(cfg, given)
    add_defaults(cfg)
    hydra_defaults._follow_references(cfg, given)
    return OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)  # type: ignore[return-value]


def flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"optimization.lr": ...}`` of nested groups."""
    found = {}
    for key, value in content.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def telling(options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those of all options, by groups, that are not their classes' own; none that only repeats another one."""
    cfg, found = OmegaConf.create(options), {}
    for group, kind in hydra_defaults._kinds(cfg):
        usual: Any = OmegaConf.to_container(OmegaConf.structured(kind), resolve=False, enum_to_str=True)
        for option, value in usual.items():
            if reference := hydra_defaults._reference(value):
                usual[option] = OmegaConf.select(cfg, reference)
        usual["_name"] = None if group in NAMED else options[group].get("_name")
        found[group] = {option: value for option, value in options[group].items() if usual.get(option) != value}
    return {group: own for group, own in found.items() if own}


def main() -> None:
    """Write the table: a line per recipe and group."""
    blocks = []
    for path in EVERY:
        lines = [f"    {json.dumps(group)}: {json.dumps(own)}" for group, own in telling(resolved(path)).items()]
        blocks.append(f"  {json.dumps(name(path))}: {{\n" + ",\n".join(lines) + "\n  }")
    TABLE.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
