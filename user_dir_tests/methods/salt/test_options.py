"""Defaults of SALT's task: those of the article and of the scripts that it follows, whatever the number of GPUs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from user_dir_tests.helpers.toys.tiny import SHAPE, STILL, configure, parse
from xl_plugins.augment.counterparts.options import CounterpartOptions
from xl_plugins.methods.salt.building import options_of

OWN = dict.fromkeys(name[2:].replace("-", "_") for name in (*SHAPE, *STILL))


@pytest.mark.parametrize("problem, metric", [(None, "acc"), ("sentence_pair", "acc"), ("tagging", "f1")])
@pytest.mark.parametrize("large", [False, True], ids=["base", "large"])
def test_defaults_follow_from_the_task(problem: str | None, metric: str, large: bool) -> None:
    """Huang et al.'s scripts and the article's section 3.1."""
    arch = {"arch": "xl_xlmr_large"} if large else {}
    cfg = parse(Path("DATA"), "salt_augment_task", **OWN, problem=problem, distributed_world_size=1, **arch)
    assert (cfg.model._name, cfg.criterion._name) == ("xl_xlmr_large" if large else "xl_xlmr", "xl_criterion")
    assert (cfg.model.dropout, cfg.model.attention_dropout, cfg.model.pooler_dropout) == (0.1, 0.1, 0.1)
    assert list(cfg.optimization.lr) == [2e-5] and cfg.optimization.max_epoch == 1 and cfg.optimization.clip_norm == 1
    assert (cfg.optimizer._name, cfg.optimizer.adam_betas, cfg.optimizer.adam_eps, cfg.optimizer.weight_decay) == (
        "adam", "(0.9, 0.999)", 1e-8, 0.0,
    )  # fmt: skip
    assert (cfg.lr_scheduler._name, cfg.lr_scheduler.warmup_ratio) == ("xl_linear", 0.0)
    assert (cfg.dataset.batch_size, list(cfg.optimization.update_freq)) == ((8, [4]) if large else (32, [1]))
    assert cfg.checkpoint.best_checkpoint_metric == f"{metric}_select"
    task = cfg.task
    assert (str(task.problem), str(task.select), task.max_length) == (problem or "sentence_pair", "source-dev", 128)
    assert (task.salt_langs, task.mix, str(task.mix_granularity)) == ("en,fr,es,de", "uniform", "instance")
    assert not any((task.include_original, task.salt_build, task.salt_source_in_list, task.salt_exclude_identity))
    assert (task.salt_top_k, task.salt_source_threshold, task.salt_threshold) == (10_000, 1e-3, 1e-7)
    assert (str(task.salt_positions), str(task.salt_case)) == ("whole-word", "match")
    assert (task.salt_thresholds, task.salt_word_lists, task.salt_model) == ("", "", "")


@pytest.mark.parametrize(
    "given, rows, freq",
    [
        ({"distributed_world_size": 2}, 16, 1),
        ({"distributed_world_size": 8}, 4, 1),
        ({"distributed_world_size": 64}, 1, 1),
        ({"distributed_world_size": 2, "arch": "xl_xlmr_large"}, 8, 2),
        ({"distributed_world_size": 8, "arch": "xl_xlmr_large"}, 4, 1),
        ({"batch_size": 4}, 4, 1),
        ({"max_tokens": 900}, None, 1),
        ({"batch_size": 4, "update_freq": 8}, 4, 8),
    ],
    ids=str,
)
def test_rows_per_update(given: dict, rows: int | None, freq: int) -> None:
    cfg = parse(Path("DATA"), "salt_augment_task", **{"distributed_world_size": 1, **given})
    assert (cfg.dataset.batch_size, list(cfg.optimization.update_freq)) == (rows, [freq])


def test_given_options_win() -> None:
    given = {"lr": 1e-5, "max_epoch": 3, "select": "mean-dev", "mix": "constant:0.5", "salt_langs": "en"}
    cfg = parse(Path("DATA"), "salt_augment_task", **given)
    assert (list(cfg.optimization.lr), cfg.optimization.max_epoch) == ([1e-5], 3)
    assert (str(cfg.task.select), cfg.task.mix, cfg.task.salt_langs) == ("mean-dev", "constant:0.5", "en")


RULES: dict[str, tuple[str, object]] = {
    "salt_word_lists": ("word_lists", "lists"), "salt_top_k": ("top_k", 7), "salt_positions": ("positions", "all"),
    "salt_source_threshold": ("source_threshold", 0.5), "salt_threshold": ("threshold", 0.25),
    "salt_case": ("case", "any"), "salt_source_in_list": ("source_in_list", True),
    "salt_exclude_identity": ("exclude_identity", True),
}  # fmt: skip


@pytest.mark.parametrize("option", [None, *RULES])
def test_options_are_those_of_the_command(option: str | None) -> None:
    """Without an option all are the defaults of ``xl-augment counterparts``; each changes its own and nothing else."""
    command = CounterpartOptions("en", ["en", "fr"])
    name, value = RULES.get(option or "", ("prefix", "--"))
    cfg = configure(Path("DATA"), "salt_augment_task", **({option: value} if option else {})).task
    found = replace(options_of(cfg, "en", ["en", "fr"]), prefix="--")
    assert found == replace(command, **{name: value}) and (option is None) == (found == command)


def test_thresholds_of_single_languages() -> None:
    cfg = configure(Path("DATA"), "salt_augment_task", salt_thresholds="fr=1e-5, en=0.5").task
    options = options_of(cfg, "en", ["en", "fr", "de"])
    assert [options.tau(language) for language in ("en", "fr", "de")] == [0.5, 1e-5, 1e-7]
    assert options_of(cfg, "fr", ["en", "fr", "de"]).tau("de") == 1e-7
    plain = configure(Path("DATA"), "salt_augment_task").task
    assert [options_of(plain, "fr", ["en", "fr"]).tau(language) for language in ("en", "fr")] == [1e-7, 1e-3]
