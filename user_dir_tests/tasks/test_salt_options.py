"""Defaults of SALT's task: those of the article and of the scripts that it follows, whatever the number of GPUs."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.tiny import SHAPE, STILL, parse

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
