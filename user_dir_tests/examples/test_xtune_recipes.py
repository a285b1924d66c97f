"""The YAML files of xTune say what the presets say, and train: two updates of stage 1, then of stage 2."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from user_dir_tests.conftest import TinySpm
from user_dir_tests.examples.test_recipes import MAX_POSITIONS, PROBLEMS, SMALL
from user_dir_tests.helpers.running.recipes import EVERY, name, resolved
from user_dir_tests.helpers.running.training import load, save_archive
from user_dir_tests.helpers.toys.toy_views import make_dictionaries, make_folder
from xl_plugins.methods.xtune.presets import DATA_SETS, SETTINGS, recipe, views

RECIPES = [path for path in EVERY if path.stem.startswith("xtune")]
POSITIONS = {**MAX_POSITIONS, "sentence_pair": 256}


def described(path: Path) -> tuple[str, int, str]:
    """Data set, stage and setting by the file's name."""
    found = re.fullmatch(r"xtune_stage([12])(_translate)?_base", path.stem)
    assert found
    return path.parent.name, int(found.group(1)), SETTINGS[found.group(2) is not None]


def first_stage(path: Path) -> Path:
    """The YAML of stage 1 that belongs to this one of stage 2."""
    _, _, setting = described(path)
    own = path.with_name("xtune_stage1_translate_base.yaml")
    return own if setting == SETTINGS[1] and own.exists() else path.with_name("xtune_stage1_base.yaml")


def assert_preset(config: dict[str, Any], data_set: str, setting: str, size: str, stage: int) -> None:
    for group, options in recipe(data_set, setting, size, stage).items():
        assert {option: config[group][option] for option in options} == options


def test_there_is_one_of_each_stage_and_setting() -> None:
    """Stage 1 is the same in both settings, unless its view is a translation."""
    expected = set()
    for data_set in DATA_SETS:
        names = ["stage1", "stage2", "stage2_translate"]
        if views(data_set, SETTINGS[0], 1) != views(data_set, SETTINGS[1], 1):
            names.append("stage1_translate")
        expected |= {f"{data_set}/xtune_{each}_base" for each in names}
    assert {name(path) for path in RECIPES} == expected


@pytest.mark.parametrize("path", RECIPES, ids=name)
def test_values_are_those_of_the_presets(path: Path) -> None:
    data_set, stage, setting = described(path)
    config = resolved(path)
    assert_preset(config, data_set, setting, "base", stage)
    assert config["common"]["seed"] == 1
    assert config["task"]["data"] == f"data-bin/{data_set}"
    assert config["checkpoint"]["save_dir"] == f"outputs/{data_set}/{path.stem}"
    assert config["checkpoint"]["finetune_from_model"] == "xlmr.base/model.pt"  # both stages start there
    switches = "cs" in (config["task"]["augment"], config["task"]["second_view"])
    assert config["task"]["cs_dictionaries"] == ("raw/dictionaries" if switches else "")
    teacher = f"outputs/{data_set}/{first_stage(path).stem}/checkpoint_best.pt" if stage == 2 else ""
    assert config["criterion"]["teacher"] == teacher


@pytest.mark.parametrize("path", RECIPES, ids=name)
def test_its_changes_for_the_large_model_give_the_large_preset(path: Path) -> None:
    data_set, stage, setting = described(path)
    comment = "\n".join(line for line in path.read_text().splitlines() if line.startswith("#"))
    changes = comment.replace("\n#  ", "").split("# XLM-R large: ")[1].split()
    config = resolved(path, *changes)
    assert config["checkpoint"]["finetune_from_model"] == "xlmr.large/model.pt"
    assert_preset(config, data_set, setting, "large", stage)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, tiny_spm: TinySpm) -> Path:
    """Data of each problem with words that can be cut anew, dictionaries of it, and a tiny pre-trained archive."""
    folder = tmp_path_factory.mktemp("xtune_recipes")
    for problem in sorted(set(PROBLEMS.values())):
        make_folder(folder / problem, tiny_spm, problem, train=36)
        make_dictionaries(folder / f"{problem}-dictionaries", folder / problem)
        save_archive(
            folder / f"{problem}.pt", folder / problem / "dict.txt", max_positions=POSITIONS[problem],
            tokens_per_sample=POSITIONS[problem],
        )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def trained(stage: Path, run_recipe: Callable) -> Callable[[Path], Path]:
    """Two updates of a YAML file, once; returns its save folder."""

    def train(path: Path) -> Path:
        save, problem = stage / "save" / path.parent.name / path.stem, PROBLEMS[path.parent.name]
        if save.exists():
            return save
        changes = {
            **SMALL, "task.data": stage / problem, "checkpoint.finetune_from_model": stage / f"{problem}.pt",
            "checkpoint.save_dir": save, "hydra.run.dir": save / "hydra", "+model.max_positions": POSITIONS[problem],
        }  # fmt: skip
        own = yaml.safe_load(path.read_text(encoding="utf-8"))
        if "cs_dictionaries" in own["task"]:
            changes["task.cs_dictionaries"] = stage / f"{problem}-dictionaries"
        if "teacher" in own["criterion"]:
            changes["criterion.teacher"] = train(first_stage(path)) / "checkpoint_best.pt"
        done = run_recipe(path, changes, stage)
        assert done.code == 0, done.err[-2000:]
        return save

    return train


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=name)
def test_two_updates(path: Path, trained: Callable[[Path], Path]) -> None:
    saved = load(trained(path) / "checkpoint_last.pt")
    assert saved["optimizer_history"][-1]["num_updates"] == 2
    assert saved["cfg"]["criterion"]["_name"] == "xtune_criterion"
    assert 0 <= saved["extra_state"]["best"] <= 100  # the selection metric was followed
    logged = {entry[1] for entry in saved["extra_state"]["metrics"]["train"]}
    assert {"ce_loss", "r1"} <= logged and ("r2" in logged) == (described(path)[1] == 2)
