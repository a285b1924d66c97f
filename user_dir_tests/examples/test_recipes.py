"""Every shipped YAML says how it is run, has its article's values, and trains two updates."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from user_dir_tests.helpers.running.recipes import EVERY, FOLDER, REPO, name, resolved
from user_dir_tests.helpers.running.sizes import large_is_slow
from user_dir_tests.helpers.running.training import load, save_archive
from user_dir_tests.helpers.toys.toy import make_data, make_texts
from user_dir_tests.helpers.toys.toy_positions import make_qa, make_tagging

RECIPES = [path for path in EVERY if not path.stem.startswith(("xtune", "salt", "xla"))]  # with tests of their own
SMALL = {
    "+model.encoder_layers": 3, "+model.encoder_embed_dim": 16, "+model.encoder_ffn_embed_dim": 24,
    "+model.encoder_attention_heads": 4, "++common.cpu": "true", "++optimization.max_update": 2,
    "dataset.num_workers": 0,
}  # fmt: skip
PROBLEMS = {
    "xnli": "sentence_pair", "pawsx": "sentence_pair", "udpos": "tagging", "panx": "tagging",
    "xquad": "qa", "mlqa": "qa", "tydiqa": "qa", "sib200": "text",
}  # fmt: skip
# X-Mixup, Appendix C.1, Table 10 and section 5.1; warm-up and TyDiQA's rate: the released scripts
VALUES = {
    "sentence_pair": {
        "max_epoch": 4,
        "max_length": 128,
        "warmup": 0.0,
        "alpha": 0.4,
        "k": 1000,
        "layers": (1, 1),
        "kl": 1,
    },
    "tagging": {"max_epoch": 4, "max_length": 128, "warmup": 0.0, "alpha": 0.8, "k": 1000, "layers": (4, 4), "kl": 0},
    "qa": {"max_epoch": 2, "max_length": 384, "warmup": 0.1, "alpha": 0.2, "k": 2000, "layers": (8, 16), "kl": 0},
}
VALUES["text"] = VALUES["sentence_pair"]
OTHER_VALUES = {"tydiqa": {"max_epoch": 4, "lr": 3e-5}, "sib200": {"lr": 1e-5, "max_epoch": 20}}
MAX_POSITIONS = {"sentence_pair": 128, "text": 128, "tagging": 128, "qa": 400}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy data of each problem, each with a pre-trained archive of a tiny shape."""
    folder = tmp_path_factory.mktemp("recipes")
    makers = {"sentence_pair": make_data, "text": make_texts, "tagging": make_tagging, "qa": make_qa}
    for problem, make in makers.items():
        make(folder / problem, train=96)
        positions = MAX_POSITIONS[problem]
        save_archive(folder / f"{problem}.pt", folder / problem / "dict.txt", max_positions=positions)
    return folder


def test_there_are_recipes_for_every_method_and_size() -> None:
    methods = {
        f"{method}_{size}" for method in ("zero_shot", "translate_train", "xmixup") for size in ("base", "large")
    }
    for data_set in PROBLEMS:
        assert {path.stem for path in RECIPES if path.parent.name == data_set} == methods


@pytest.mark.parametrize("recipe", EVERY, ids=name)
def test_first_line_is_the_command(recipe: Path) -> None:
    first = recipe.read_text().splitlines()[0]
    where = f"--config-dir examples/recipes/{recipe.parent.name} --config-name {recipe.stem}"
    assert first == f"# fairseq-hydra-train {where} common.user_dir=$(pwd)/xl_plugins"


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_values_are_those_of_the_paper(recipe: Path) -> None:
    problem, large = PROBLEMS[recipe.parent.name], recipe.stem.endswith("_large")
    values = {"lr": 5e-6, **VALUES[problem], **OTHER_VALUES.get(recipe.parent.name, {})}
    if name(recipe).startswith("sib200/zero_shot"):
        values["max_epoch"] = 80
    config = resolved(recipe)
    assert config["optimization"]["lr"] == [values["lr"]] and config["optimization"]["max_epoch"] == values["max_epoch"]
    assert config["dataset"]["batch_size"] * config["optimization"]["update_freq"][0] == 64
    assert config["task"]["max_length"] == values["max_length"] and config["optimizer"]["weight_decay"] == 0
    assert config["lr_scheduler"]["warmup_ratio"] == values["warmup"]
    assert config["model"]["_name"].endswith("_large") == large and config["task"]["_name"].endswith(problem)
    assert config["checkpoint"]["best_checkpoint_metric"].split("_")[0] in ("acc", "f1", "avg")
    if problem == "qa":
        limits = ("doc_stride", "max_question_length", "max_answer_length", "n_best")
        assert [config["task"][option] for option in limits] == [128, 64, 30, 20]
    if recipe.stem.startswith("xmixup"):
        assert (config["criterion"]["mixup_alpha"], config["task"]["sampling_k"]) == (values["alpha"], values["k"])
        assert (config["criterion"]["mse_weight"], config["criterion"]["kl_weight"]) == (1, values["kl"])
        assert (config["model"]["mixup_layer"], config["model"]["mixup_lambda0"]) == (values["layers"][large], 0.5)
    if problem == "tagging" and not recipe.stem.startswith("zero_shot"):
        assert config["task"]["target_labels"] == "soft"


@pytest.mark.parametrize("recipe", large_is_slow(RECIPES), ids=name)
def test_two_updates(recipe: Path, stage: Path, run_recipe: Callable, tmp_path: Path) -> None:
    problem = PROBLEMS[recipe.parent.name]
    changes = {
        **SMALL, "task.data": stage / problem, "checkpoint.finetune_from_model": stage / f"{problem}.pt",
        "checkpoint.save_dir": tmp_path / "save", "hydra.run.dir": tmp_path / "hydra",
        "+model.max_positions": MAX_POSITIONS[problem],
    }  # fmt: skip
    if recipe.stem.startswith("xmixup"):
        changes["model.mixup_layer"] = 1  # the toy has three layers
    done = run_recipe(recipe, changes, tmp_path)
    assert done.code == 0, done.err[-2000:]
    saved = load(tmp_path / "save" / "checkpoint_last.pt")
    assert saved["optimizer_history"][-1]["num_updates"] == 2
    config = resolved(recipe)
    assert saved["cfg"]["task"]["_name"] == config["task"]["_name"]
    assert saved["cfg"]["model"]["_name"] == config["model"]["_name"]
    assert 0 <= saved["extra_state"]["best"] <= 100  # the selection metric was followed


def test_a_mistake_under_hydra_ends_in_one_line_and_status_2(run_python: Callable, tmp_path: Path) -> None:
    done = run_python(
        "-m", "fairseq_cli.hydra_train", "--config-dir", FOLDER / "xnli", "--config-name", "xmixup_base",
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
