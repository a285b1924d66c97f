"""The YAML files of XLA say what Table 8 and the task's defaults say, and train two updates."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from user_dir_tests.examples.test_recipes import SMALL
from user_dir_tests.examples.test_salt_recipes import part
from user_dir_tests.helpers.cotrain import make_pairs, write_virtual
from user_dir_tests.helpers.running.recipes import EVERY, FOLDER, composed, name, resolved
from user_dir_tests.helpers.running.sizes import large_is_slow
from user_dir_tests.helpers.running.training import load, save_archive
from user_dir_tests.helpers.toys.toy_positions import make_tagging
from xl_plugins.defaults import given_options, task_defaults

RECIPES = [path for path in EVERY if path.stem.startswith("xla")]
TAGGING = ("panx", "conll")
POSITIONS = 280
# Table 8; 3,000 updates of 4 x 5 sentences are so many passes over 20,000 and 14,041 sentences
ETA = {"panx": "80,100,100", "conll": "80,100,100", "xnli": "50,80,100", "pawsx": "80,90,80"}
WARMUP_PASSES = {"panx": 3000 * 20 / 20000, "conll": 3000 * 20 / 14041, "xnli": 6, "pawsx": 10}
TARGETS = {"panx": "ur", "conll": "de", "xnli": "es", "pawsx": "de"}


def is_small_share(path: Path) -> bool:
    return "5_percent" in path.stem


def test_there_is_one_of_each_size() -> None:
    sizes = ("base", "large")
    assert {name(path) for path in RECIPES} == {
        *(f"{data}/xla_{size}" for data in ETA for size in sizes),
        *(f"{data}/xla_5_percent_{size}" for data in ("xnli", "pawsx") for size in sizes),
    }


@pytest.mark.parametrize("path", RECIPES, ids=name)
def test_the_method_is_that_of_the_article(path: Path) -> None:
    config, data_set = resolved(path), path.parent.name
    tagging, task = data_set in TAGGING, config["task"]
    shares = {"xla_source_percent": "5", "xla_target_percent": "5", "xla_source_seed": 1, "xla_target_seed": 2}
    assert task.pop("xla_warmup_passes") == pytest.approx(WARMUP_PASSES[data_set], rel=1e-3)
    expected = {
        "_name": "xla_cotrain_task", "data": "data-bin/panx-xla" if data_set == "panx" else f"data-bin/{data_set}",
        "problem": "tagging" if tagging else "sentence_pair", "xla_target": TARGETS[data_set], "select": "target-dev",
        "max_length": 280 if tagging else 128, "xla_epochs": 3,
        "xla_datasets": "1:src,tgt|2:tgt_virt|3:src,tgt,src_virt,tgt_virt", "distill_type": "confidence",
        "distill_eta": ETA[data_set], "agreement": "intersection", "sampling_alpha": 0.7, "xla_passes": 1.0,
        "stage_warmup_ratio": 0.1, "xla_member_seeds": "1000,3000,4000", "xla_warmup_lr": 3e-5 if tagging else 1e-6,
        "xla_select": "best", "xla_autocast": "none", **({"word_pooling": "first"} if tagging else {}),
        **(shares if is_small_share(path) else {"xla_source_percent": "100", "xla_target_percent": "100"}),
    }  # fmt: skip
    assert part(task, *expected) == expected
    assert config["criterion"] == {
        "_name": "xla_criterion", "conf_penalty": 1.0, "conf_penalty_positions": "labelled",
    }  # fmt: skip


@pytest.mark.parametrize("path", RECIPES, ids=name)
def test_training_is_that_of_the_article(path: Path) -> None:
    config, data_set, large = resolved(path), path.parent.name, path.stem.endswith("large")
    tagging = data_set in TAGGING
    assert part(config["optimization"], "lr", "max_epoch", "update_freq", "clip_norm") == {
        "lr": [5e-6 if tagging else 1e-6], "max_epoch": 3 + 18, "update_freq": [5, 5, 5, 4] if tagging else [2],
        "clip_norm": 1.0,
    }  # fmt: skip
    assert config["dataset"]["batch_size"] == (4 if tagging else 16)
    twenty_times = {"xnli": 500, "pawsx": 250}
    assert config["dataset"]["validate_interval_updates"] == (
        50 if tagging else 25 if is_small_share(path) else twenty_times[data_set]
    )
    assert part(config["optimizer"], "_name", "adam_betas", "adam_eps", "weight_decay") == {
        "_name": "adam", "adam_betas": "(0.9, 0.999)", "adam_eps": 1e-8, "weight_decay": 0.01,
    }  # fmt: skip
    assert config["lr_scheduler"]["_name"] == "xla_stage_linear"
    model, size = config["model"], "large" if large else "base"
    assert model["_name"] == f"xla_cotrain_xlmr{'_large' if large else ''}"
    assert {model[option] for option in ("dropout", "attention_dropout", "pooler_dropout")} == {0.1}
    assert config["checkpoint"]["finetune_from_model"] == f"xlmr.{size}/model.pt"
    assert config["checkpoint"]["best_checkpoint_metric"] == "xla_dev"
    percent = " --percent 40" if data_set == "pawsx" else ""
    made = f"xl-augment vicinity {config['task']['data']} --path xlmr.{size}/model.pt --languages en,"
    assert f"{made}{TARGETS[data_set]}{percent}\n" in path.read_text(encoding="utf-8")
    assert config["checkpoint"]["save_dir"] == f"outputs/{data_set}/{path.stem}/{TARGETS[data_set]}"
    assert config["common"]["seed"] == 1000


@pytest.mark.parametrize("path", RECIPES, ids=name)
def test_values_agree_with_the_defaults_of_the_command_line(path: Path) -> None:
    config = resolved(path)
    words = [
        "--task", "xla_cotrain_task", "--problem", config["task"]["problem"], "--distributed-world-size", "1",
        "--xla-warmup-passes", str(config["task"]["xla_warmup_passes"]),
    ]  # fmt: skip
    groups = [group for group in config.values() if isinstance(group, dict)]
    flat = {option: value for group in groups for option, value in group.items() if option != "_name"}
    flat |= {group: config[group]["_name"] for group in ("criterion", "optimizer", "lr_scheduler")}
    known = {option: value for option, value in task_defaults(given_options(words)).items() if option in flat}
    differing = {option for option, value in known.items() if flat[option] != value}
    as_it_is = path.parent.name in TAGGING or is_small_share(path)
    assert differing == (set() if as_it_is else {"validate_interval_updates"})
    assert {"lr", "max_epoch", "batch_size", "clip_norm", "adam_eps", "weight_decay", "max_length"} <= set(known)


def test_the_length_follows_from_what_is_changed() -> None:
    """The READMEs' ablations and shared warm-up."""
    path = FOLDER / "conll" / "xla_base.yaml"
    one_epoch = resolved(path, "task.xla_epochs=1")["optimization"]
    shared = resolved(path, "task.xla_warmup_passes=0")["optimization"]
    assert (one_epoch["max_epoch"], one_epoch["update_freq"]) == (3 + 6, [5, 5, 5, 4])
    assert (shared["max_epoch"], shared["update_freq"]) == (18, [4])


@pytest.mark.parametrize("data_set", ETA)
def test_changes_named_in_the_readme_are_options_of_the_file(data_set: str) -> None:
    text = (FOLDER / data_set / "README.md").read_text(encoding="utf-8")
    section = text if data_set == "conll" else text.split("## XLA\n")[1].split("\n## ")[0]
    changes = re.findall(r"[`' ](task|criterion|optimization)\.(\w+)=", section)
    assert {option for _, option in changes} >= {
        "xla_epochs", "xla_datasets", "distill_eta", "agreement", "conf_penalty", "xla_target",
    }  # fmt: skip
    config = composed(FOLDER / data_set / "xla_base.yaml")
    for group, option in changes:
        assert option in config[group]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pools of either problem, and a pre-trained archive of a tiny shape."""
    folder = tmp_path_factory.mktemp("xla_recipes")
    data = {
        "sentence_pair": make_pairs(folder / "sentence_pair", train=700),
        "tagging": make_tagging(folder / "tagging", ("en", "de"), train=48, valid=12, test=2, soft=False),
    }
    for problem, root in data.items():
        for language in ("en", "de"):
            write_virtual(root, language)
        save_archive(folder / f"{problem}.pt", root / "dict.txt", max_positions=POSITIONS, tokens_per_sample=POSITIONS)
    return folder


@pytest.mark.parametrize("path", large_is_slow(RECIPES), ids=name)
def test_two_updates(path: Path, stage: Path, run_recipe: Callable, tmp_path: Path) -> None:
    problem = resolved(path)["task"]["problem"]
    changes = {
        **SMALL, "task.data": stage / problem, "checkpoint.finetune_from_model": stage / f"{problem}.pt",
        "checkpoint.save_dir": tmp_path / "save/${task.xla_target}", "hydra.run.dir": tmp_path / "hydra",
        "+model.max_positions": POSITIONS, "task.xla_target": "de",
    }  # fmt: skip
    done = run_recipe(path, changes, tmp_path)
    assert done.code == 0, done.err[-2000:]
    saved = load(tmp_path / "save" / "de" / "checkpoint_last.pt")
    assert saved["optimizer_history"][-1]["num_updates"] == 2
    assert saved["cfg"]["task"]["_name"] == "xla_cotrain_task" and saved["cfg"]["task"]["xla_target"] == "de"
