"""The YAML files of SALT say what the article and the task's defaults say, and train two updates on copies made by the
command."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from user_dir_tests.conftest import TinySpm
from user_dir_tests.examples.test_recipes import MAX_POSITIONS, SMALL
from user_dir_tests.helpers.running.recipes import EVERY, FOLDER, composed, name, resolved
from user_dir_tests.helpers.running.sizes import large_is_slow
from user_dir_tests.helpers.running.training import load, save_archive
from user_dir_tests.helpers.toys.toy_views import make_folder
from xl_plugins.defaults import given_options, task_defaults

RECIPES = [path for path in EVERY if path.stem.startswith("salt")]
LANGUAGES = ("en", "fr", "es", "de")  # 3.1
EPOCHS = {"xnli": 1, "pawsx": 3}  # this and the intervals: the training scripts of Huang et al. (EMNLP 2021)
INTERVALS = {"xnli": 1000, "pawsx": 500}


def part(options: dict[str, Any], *names: str) -> dict[str, Any]:
    return {option: options[option] for option in names}


def test_there_is_one_of_each_size() -> None:
    assert {name(path) for path in RECIPES} == {f"{data}/salt_{size}" for data in EPOCHS for size in ("base", "large")}


@pytest.mark.parametrize("path", RECIPES, ids=name)
def test_values_are_those_of_the_article_and_its_scripts(path: Path) -> None:
    config, data_set, large = resolved(path), path.parent.name, path.stem.endswith("large")
    task = {
        "_name": "salt_augment_task", "data": f"data-bin/{data_set}", "problem": "sentence_pair", "max_length": 128,
        "valid_languages": "source", "select": "source-dev", "salt_langs": ",".join(LANGUAGES),
        "salt_source_threshold": 1e-3, "salt_threshold": 1e-7, "mix": "uniform", "mix_granularity": "instance",
        "include_original": False,
    }  # fmt: skip
    assert part(config["task"], *task) == task
    rate, rows = (5e-6, (8, 4)) if large else (2e-5, (32, 1))
    assert part(config["optimization"], "lr", "max_epoch", "update_freq", "clip_norm") == {
        "lr": [rate], "max_epoch": EPOCHS[data_set], "update_freq": [rows[1]], "clip_norm": 1.0,
    }  # fmt: skip
    assert config["dataset"]["batch_size"] == rows[0]
    assert config["dataset"]["validate_interval_updates"] == INTERVALS[data_set]
    assert config["checkpoint"]["save_interval_updates"] == INTERVALS[data_set]
    assert part(config["optimizer"], "_name", "adam_betas", "adam_eps", "weight_decay") == {
        "_name": "adam", "adam_betas": "(0.9, 0.999)", "adam_eps": 1e-8, "weight_decay": 0.0,
    }  # fmt: skip
    assert part(config["lr_scheduler"], "_name", "warmup_ratio") == {"_name": "xl_linear", "warmup_ratio": 0.0}
    assert config["model"]["pooler_dropout"] == 0.1 and config["model"]["_name"].endswith("_large") == large
    model = f"xlmr.{'large' if large else 'base'}/model.pt"
    assert config["checkpoint"]["finetune_from_model"] == model
    assert f"--path {model} --word-lists" in path.read_text()  # the copies come from the same model
    assert config["checkpoint"]["save_dir"] == f"outputs/{data_set}/{path.stem}"


@pytest.mark.parametrize("path", RECIPES, ids=name)
def test_values_agree_with_the_defaults_of_the_command_line(path: Path) -> None:
    """All but the epochs of PAWS-X and the rate of the large model: the task knows one of each."""
    config = resolved(path)
    words = ["--task", config["task"]["_name"], "--arch", config["model"]["_name"], "--distributed-world-size", "1"]
    groups = [group for group in config.values() if isinstance(group, dict)]
    flat = {option: value for group in groups for option, value in group.items() if option != "_name"}
    flat |= {"criterion": config["criterion"]["_name"], "arch": config["model"]["_name"]}
    flat |= {"optimizer": config["optimizer"]["_name"], "lr_scheduler": config["lr_scheduler"]["_name"]}
    known = {option: value for option, value in task_defaults(given_options(words)).items() if option in flat}
    differing = {option for option, value in known.items() if flat[option] != value}
    allowed = {"max_epoch"} if path.parent.name == "pawsx" else set()
    assert differing == (allowed | {"arch", "lr"} if path.stem.endswith("large") else allowed)
    assert {"lr", "max_epoch", "batch_size", "update_freq", "clip_norm", "adam_eps"} <= set(known)


@pytest.mark.parametrize("data_set", EPOCHS)
def test_changes_named_in_the_readme_are_options_of_the_file(data_set: str) -> None:
    text = (FOLDER / data_set / "README.md").read_text(encoding="utf-8")
    section = text.split("## SALT\n")[1].split("\n## ")[0]
    changes = re.findall(r"`(task|optimization)\.(\w+)(?:=(\w+))?`", section)
    assert {option for _, option, _ in changes} == {"mix", "salt_langs", "include_original", "max_epoch"}
    config = composed(FOLDER / data_set / "salt_base.yaml")
    for group, option, _ in changes:
        assert option in config[group]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, tiny_spm: TinySpm, run_cli: Callable) -> Path:
    """Pairs, a tiny pre-trained archive, and copies of the pairs that it makes."""
    folder = tmp_path_factory.mktemp("salt_recipes")
    make_folder(folder / "data", tiny_spm, "sentence_pair", train=36)
    archive, positions = folder / "model.pt", MAX_POSITIONS["sentence_pair"]
    save_archive(archive, folder / "data" / "dict.txt", max_positions=positions, tokens_per_sample=positions)
    pieces = [line.split()[0] for line in tiny_spm.dict.read_text(encoding="utf-8").splitlines()]
    words = [piece[1:] for piece in pieces if piece[0] == "▁" and piece[1:].isalpha()]
    (folder / "lists").mkdir()
    for number, language in enumerate(LANGUAGES):
        own = words[number :: len(LANGUAGES)]
        (folder / "lists" / f"{language}.txt").write_text("\n".join(own) + "\n", encoding="utf-8")
    done = run_cli("augment", "counterparts", folder / "data", "--path", archive, "--word-lists", folder / "lists")
    assert done.code == 0, done.err[-2000:]
    return folder


@pytest.mark.parametrize("path", large_is_slow(RECIPES), ids=name)
def test_two_updates(path: Path, stage: Path, run_recipe: Callable, tmp_path: Path) -> None:
    changes = {
        **SMALL, "task.data": stage / "data", "checkpoint.finetune_from_model": stage / "model.pt",
        "checkpoint.save_dir": tmp_path / "save", "hydra.run.dir": tmp_path / "hydra",
        "+model.max_positions": MAX_POSITIONS["sentence_pair"],
    }  # fmt: skip
    done = run_recipe(path, changes, tmp_path)
    assert done.code == 0, done.err[-2000:]
    saved = load(tmp_path / "save" / "checkpoint_last.pt")
    assert saved["optimizer_history"][-1]["num_updates"] == 2
    assert saved["cfg"]["task"]["_name"] == "salt_augment_task" and saved["cfg"]["task"]["mix"] == "uniform"
    assert 0 <= saved["extra_state"]["best"] <= 100  # the selection metric was followed
