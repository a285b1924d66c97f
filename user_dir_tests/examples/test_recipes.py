"""Every shipped YAML composes, says how it is run, and trains two updates."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from user_dir_tests.toy import make_data
from user_dir_tests.training import load, save_archive

REPO = Path(__file__).resolve().parents[2]
RECIPES = sorted(REPO.glob("examples/*/*.yaml"))
SMALL = {
    "+model.encoder_layers": 3, "+model.encoder_embed_dim": 16, "+model.encoder_ffn_embed_dim": 24,
    "+model.encoder_attention_heads": 4, "+model.max_positions": 128, "++common.cpu": "true",
    "++optimization.max_update": 2, "dataset.num_workers": 0,
}  # fmt: skip


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy data and a pre-trained archive of a tiny shape."""
    folder = tmp_path_factory.mktemp("recipes")
    make_data(folder / "data", train=96)
    save_archive(folder / "model.pt", folder / "data" / "dict.txt", max_positions=128)
    return folder


def test_there_are_recipes_for_every_method_and_size() -> None:
    methods = {
        f"{method}_{size}" for method in ("zero_shot", "translate_train", "xmixup") for size in ("base", "large")
    }
    for data_set in ("xnli", "pawsx"):
        assert {path.stem for path in RECIPES if path.parent.name == data_set} == methods


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_first_line_is_the_command(recipe: Path) -> None:
    first = recipe.read_text().splitlines()[0]
    where = f"--config-dir examples/{recipe.parent.name} --config-name {recipe.stem}"
    assert first == f"# fairseq-hydra-train {where} common.user_dir=$(pwd)/xl_plugins"


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_values_are_those_of_the_paper(recipe: Path) -> None:
    """X-Mixup, Appendix C.1 and Table 10."""
    config = yaml.safe_load(recipe.read_text())
    assert config["optimization"]["lr"] == [5e-6] and config["optimization"]["max_epoch"] == 4
    assert config["dataset"]["batch_size"] * config["optimization"]["update_freq"][0] == 64
    assert config["task"]["max_length"] == 128 and config["optimizer"]["weight_decay"] == 0
    assert config["model"]["_name"].endswith("_large") == recipe.stem.endswith("_large")
    if recipe.stem.startswith("xmixup"):
        assert (config["criterion"]["mixup_alpha"], config["task"]["sampling_k"]) == (0.4, 1000)
        assert (config["model"]["mixup_layer"], config["model"]["mixup_lambda0"]) == (1, 0.5)


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_two_updates(recipe: Path, stage: Path, run_python: Callable, tmp_path: Path) -> None:
    changes = {
        **SMALL, "task.data": stage / "data", "checkpoint.finetune_from_model": stage / "model.pt",
        "checkpoint.save_dir": tmp_path / "save", "hydra.run.dir": tmp_path / "hydra",
    }  # fmt: skip
    done = run_python(
        "-m", "fairseq_cli.hydra_train", "--config-dir", recipe.parent, "--config-name", recipe.stem,
        f"common.user_dir={REPO / 'xl_plugins'}", *(f"{key}={value}" for key, value in changes.items()), cwd=tmp_path,
    )  # fmt: skip
    assert done.code == 0, done.err[-2000:]
    saved = load(tmp_path / "save" / "checkpoint_last.pt")
    assert saved["optimizer_history"][-1]["num_updates"] == 2
    config = yaml.safe_load(recipe.read_text())
    assert saved["cfg"]["task"]["_name"] == config["task"]["_name"]
    assert saved["cfg"]["model"]["_name"] == config["model"]["_name"]
    assert 0 <= saved["extra_state"]["best"] <= 100  # the selection metric was followed


def test_a_mistake_under_hydra_ends_in_one_line_and_status_2(run_python: Callable, tmp_path: Path) -> None:
    done = run_python(
        "-m", "fairseq_cli.hydra_train", "--config-dir", REPO / "examples" / "xnli", "--config-name", "xmixup_base",
        f"common.user_dir={REPO / 'xl_plugins'}", "task.data=nowhere", f"hydra.run.dir={tmp_path / 'hydra'}",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.code == 2 and "Traceback" not in done.err
    assert done.err.splitlines()[-1].endswith("error: nowhere: no such data folder; make one with xl-prepare")


@pytest.mark.skipif(os.name != "posix", reason="shell scripts")
@pytest.mark.parametrize("script", sorted(REPO.glob("examples/**/*.sh")), ids=lambda p: p.name)
def test_shell_scripts_parse(script: Path, run_python: Callable) -> None:
    code = f"import subprocess, sys; sys.exit(subprocess.call(['bash', '-n', {str(script)!r}]))"
    assert run_python("-c", code).code == 0, sys.executable
