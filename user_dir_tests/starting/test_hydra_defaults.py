"""A run by fairseq-hydra-train or from Python has the options of one by fairseq-train, whatever is left out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fairseq import options
from fairseq.dataclass.configs import FairseqConfig
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import DictConfig, OmegaConf

from user_dir_tests.helpers.running.recipes import add_defaults, filled, flat
from user_dir_tests.helpers.running.training import load, train_here, words
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.methods import TASKS, method_of
from xl_plugins.methods.xtune.presets import SETTINGS, SIZES, recipe
from xl_plugins.starting import hydra_defaults
from xl_plugins.starting.configuration import configure
from xl_plugins.starting.task_names import ALIASES

REPO = Path(__file__).resolve().parents[2]


def options_of(content: Any) -> dict[str, Any]:
    return {name: value for name, value in flat(content).items() if not name.startswith("scoring")}  # of translations


def resolved(cfg: DictConfig) -> dict[str, Any]:
    return options_of(OmegaConf.to_container(cfg, resolve=True, enum_to_str=True))


def parsed(*given: str) -> dict[str, Any]:
    """The options of fairseq-train."""
    parser = options.get_training_parser()
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, input_args=["data", *given]))
    add_defaults(cfg)
    return resolved(cfg)


@functools.cache
def fairseq_values() -> dict:
    """fairseq's own values."""
    found = OmegaConf.to_container(OmegaConf.structured(FairseqConfig), resolve=False, enum_to_str=True)
    assert isinstance(found, dict)
    return found


def composition(file: Any) -> Any:
    """A file over fairseq's own values, by the steps of fairseq's main function before it knows this package."""
    defaults = dict(fairseq_values())
    for group in ("criterion", "lr_scheduler"):
        if group in file:
            del defaults[group]
    cfg: Any = OmegaConf.merge(OmegaConf.create(defaults), file)
    add_defaults(cfg)
    return OmegaConf.create(OmegaConf.to_container(cfg, resolve=True, enum_to_str=True))


def composed(**given: Any) -> dict[str, Any]:
    """The options of fairseq-hydra-train with these in its file, by the steps of fairseq's own main functions."""
    file = OmegaConf.create({"task": {"data": "data"}})
    for name, value in given.items():
        OmegaConf.update(file, name.replace("__", "."), value)
    cfg = composition(file)
    names = set(hydra_defaults._leaves(OmegaConf.to_container(file), ""))  # type: ignore[arg-type]
    return options_of(filled(cfg, names))


@pytest.mark.parametrize("size", ["", "_large"])
@pytest.mark.parametrize("task", TASKS)
def test_all_entries_resolve_the_same_options(task: str, size: str) -> None:
    arch = method_of(task).arch + size
    found = composed(task___name=task, model___name=arch)
    assert found == parsed("--task", task, "--arch", arch) and len(found) > 280
    assert found == resolved(configure(task, "data", arch=arch))
    if not size:
        assert composed(task___name=task) == found


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ({"criterion___name": "xtune_criterion"}, ["--criterion", "xtune_criterion"]),
        ({"optimization__max_update": 7}, ["--max-update", "7"]),
        ({"optimization__max_epoch": 0, "optimization__clip_norm": 0.0}, ["--max-epoch", "0", "--clip-norm", "0"]),
        ({"dataset__batch_size": 8}, ["--batch-size", "8"]),
        ({"dataset__max_tokens": 900}, ["--max-tokens", "900"]),
        ({"optimization__lr": [3e-4], "optimization__update_freq": [2]}, ["--lr", "3e-4", "--update-freq", "2"]),
        ({"optimizer___name": "nag"}, ["--optimizer", "nag"]),
        ({"lr_scheduler___name": "fixed", "dataset__batch_size_valid": 3},
         ["--lr-scheduler", "fixed", "--batch-size-valid", "3"]),
        ({"task__max_length": 100, "task__word_pooling": "mean"}, ["--max-length", "100", "--word-pooling", "mean"]),
        ({"distributed_training__distributed_world_size": 4}, ["--distributed-world-size", "4"]),
    ],
)  # fmt: skip
def test_what_is_given_wins(file: dict[str, Any], line: list[str]) -> None:
    """A value that is fairseq's own default too."""
    found = composed(task___name="xl_tagging", **file)
    assert found == parsed("--task", "xl_tagging", *line)
    assert found != composed(task___name="xl_tagging")


@pytest.mark.parametrize("size", ["", "_large"])
@pytest.mark.parametrize("alias", ALIASES)
def test_problems_of_an_option(alias: str, size: str) -> None:
    task, problem = ALIASES[alias]
    arch = method_of(task).arch + size
    found = composed(task___name=task, task__problem=problem, model___name=arch)
    assert found == parsed("--task", task, "--problem", problem, "--arch", arch)
    assert found == resolved(configure(alias, "data", arch=arch))
    if not size:
        assert found == composed(task___name=task, task__problem=problem)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("problem", ["sentence_pair", "text", "tagging", "qa"])
def test_xtune_by_its_criterion(problem: str, size: str) -> None:
    """By all entries, and as xl-xtune has it where that does not depend on the data set."""
    arch, criterion = f"xl_xlmr{'_large' * (size == 'large')}", "xtune_criterion"
    found = parsed("--task", f"xl_{problem}", "--arch", arch, "--criterion", criterion)
    assert composed(task___name=f"xl_{problem}", model___name=arch, criterion___name=criterion) == found
    assert resolved(configure(f"xl_{problem}", "data", arch=arch, criterion=criterion)) == found
    data_set = {"sentence_pair": "xnli", "text": "xnli", "tagging": "panx", "qa": "mlqa"}[problem]
    stage = flat(recipe(data_set, SETTINGS[0], size, 1))
    for option in (
        "task.max_length", "lr_scheduler.warmup_ratio", "optimization.update_freq", "dataset.batch_size",
        "optimization.max_epoch", "optimization.clip_norm", "optimizer.adam_betas", "optimizer.adam_eps",
        "optimizer.weight_decay", "lr_scheduler._name", "dataset.required_batch_size_multiple",
        "checkpoint.best_checkpoint_metric", "checkpoint.maximize_best_checkpoint_metric", "criterion.r1_weight",
    ):  # fmt: skip
        assert stage[option] == found[option], option


def test_options_of_files_and_command_line(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "small.yaml").write_text("_name: xl_xlmr\ndropout: 0.2\n")
    (tmp_path / "run.yaml").write_text(
        "defaults:\n  - _self_\n  - model: small\n  - override hydra/launcher: none\n"
        "task: {_name: xl_qa, data: x}\noptimization: {lr: [1e-5]}\n"
    )
    line = ["--config-dir", str(tmp_path), "--config-name", "run", "-m", "+task.max_length=9", "dataset/other@x.y=z"]
    found = hydra_defaults.named_options(line)
    assert found >= {"task._name", "task.data", "optimization.lr", "model._name", "model.dropout", "task.max_length"}
    assert "dataset.other" in found and not any("launcher" in name or "max_epoch" in name for name in found)
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "mine.yaml").write_text("_name: adam\nadam_eps: 1e-6\n")
    (tmp_path / "optimizer" / "far.yaml").write_text("# @package _global_\noptimization: {clip_norm: 0}\n")
    found = hydra_defaults.named_options([*line[:4], "optimizer=mine", "+optimizer=far"])
    assert found >= {"optimizer", "optimizer._name", "optimizer.adam_eps", "optimization.clip_norm"}
    assert hydra_defaults.named_options(["task.seed=1"]) == {"task.seed"}


RUN = """\
common: {{user_dir: {repo}/xl_plugins, cpu: true}}
task: {{_name: xl_sentence_pair, data: {data}, max_length: 32, from_scratch: true}}
model: {{encoder_layers: 3, encoder_embed_dim: 16, encoder_ffn_embed_dim: 24, encoder_attention_heads: 4,
  max_positions: 64, _name: xl_xlmr}}
optimization: {{max_update: 2}}
dataset: {{num_workers: 0}}
checkpoint: {{save_dir: {save}}}
hydra: {{job: {{chdir: false}}, run: {{dir: {save}/hydra}}}}
"""


def test_a_run_of_a_short_file(tmp_path: Path, run_recipe: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The saved options and the trained parameters are those of fairseq-train."""
    data = make_data(tmp_path / "data")
    (tmp_path / "run.yaml").write_text(RUN.format(repo=REPO, data=data, save=tmp_path / "hydra"))
    done = run_recipe(tmp_path / "run.yaml", {}, tmp_path)
    assert done.code == 0, done.err[-3000:]
    given = {"dropout": None, "attention_dropout": None, "pooler_dropout": None}
    train_here(monkeypatch, words(data, tmp_path / "plain", "xl_sentence_pair", max_update=2, **given))
    first, second = (load(tmp_path / name / "checkpoint_last.pt") for name in ("hydra", "plain"))
    saved = [options_of(OmegaConf.to_container(OmegaConf.create(state["cfg"]))) for state in (first, second)]
    differ = {name for name in saved[0] if saved[0][name] != saved[1].get(name)}
    logging = ("common.log_", "common.no_progress_bar", "job_logging_cfg.")
    assert {name for name in differ if not name.startswith(logging)} <= {"checkpoint.save_dir", "common.user_dir"}
    assert all((first["model"][name] == value).all() for name, value in second["model"].items())
