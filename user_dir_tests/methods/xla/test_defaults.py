"""Defaults of XLA's task: Table 8 of the article, on any number of GPUs; what the user gives wins."""

from __future__ import annotations

import pytest

from xl_plugins.defaults import given_options, task_defaults
from xl_plugins.methods.xla.method import count_stages


def defaults(*words: object) -> dict:
    return task_defaults(given_options(["DATA", "--task", "xla_cotrain_task", *map(str, words)]))


@pytest.mark.parametrize(
    "problem, expected",
    [
        ("sentence_pair", {"lr": [1e-6], "batch_size": 16, "update_freq": [2], "validate_interval_updates": 25}),
        ("tagging", {"lr": [5e-6], "batch_size": 4, "update_freq": [4], "validate_interval_updates": 50}),
    ],
)
def test_table_8(problem: str, expected: dict) -> None:
    found = defaults("--problem", problem, "--distributed-world-size", 1)
    assert {option: found[option] for option in expected} == expected
    assert found["max_length"] == {"sentence_pair": 128, "tagging": 280}[problem]
    assert (found["weight_decay"], found["clip_norm"], found["adam_eps"]) == (0.01, 1.0, 1e-8)
    assert (found["optimizer"], found["adam_betas"]) == ("adam", "(0.9, 0.999)")
    assert (found["criterion"], found["arch"]) == ("xla_criterion", "xla_cotrain_xlmr")
    assert (found["lr_scheduler"], found["best_checkpoint_metric"]) == ("xla_stage_linear", "xla_dev")
    assert found["maximize_best_checkpoint_metric"] and found["max_epoch"] == 18
    assert found.get("word_pooling") == ("first" if problem == "tagging" else None)


def test_the_problem_is_tagging_unless_given() -> None:
    assert defaults() == defaults("--problem", "tagging")


@pytest.mark.parametrize(
    "words, stages",
    [
        ((), 18), (("--xla-epochs", 1), 6), (("--xla-warmup-passes", 2), 21), (("--xla-warmup-passes", 0.5), 21),
        (("--xla-epochs", 2, "--xla-warmup-passes", 0), 12), (("--xla-epochs", 3, "--max-update", 9), 18),
    ],
    ids=str,
)  # fmt: skip
def test_an_epoch_of_fairseq_is_one_training(words: tuple, stages: int) -> None:
    assert defaults(*words)["max_epoch"] == stages


@pytest.mark.parametrize(
    "words, rate, freq",
    [
        (("--problem", "tagging"), 3e-5, [5, 5, 5, 4]), (("--problem", "sentence_pair"), 1e-6, [2]),
        (("--problem", "tagging", "--distributed-world-size", 4), 3e-5, [1]),
        (("--problem", "tagging", "--update-freq", 3), 3e-5, None),
    ],
    ids=str,
)  # fmt: skip
def test_warm_up_within_the_run(words: tuple, rate: float, freq: list[int] | None) -> None:
    """Table 8, "Warming up": batches of 4 x 5 sentences or 32 pairs."""
    found = defaults("--xla-warmup-passes", 3, *words)
    assert found["xla_warmup_lr"] == rate and found.get("update_freq") == freq
    assert defaults("--problem", "tagging")["update_freq"] == [4]


def test_malformed_numbers_are_left_to_the_parser() -> None:
    assert count_stages("three") is None and count_stages("3", "some") is None


@pytest.mark.parametrize(
    "problem, ranks, rows, freq",
    [
        ("tagging", 2, 4, 2), ("tagging", 4, 4, 1), ("tagging", 8, 2, 1), ("tagging", 32, 1, 1),
        ("sentence_pair", 2, 16, 1), ("sentence_pair", 4, 8, 1), ("sentence_pair", 3, 11, 1),
    ],
)  # fmt: skip
def test_as_many_rows_per_update_on_several_gpus(problem: str, ranks: int, rows: int, freq: int) -> None:
    found = defaults("--problem", problem, "--distributed-world-size", ranks)
    assert (found["batch_size"], found["update_freq"]) == (rows, [freq])


@pytest.mark.parametrize("option", ["--batch-size", "--update-freq", "--max-tokens"])
def test_given_sizes_switch_off_the_accumulation(option: str) -> None:
    found = defaults("--problem", "tagging", option, 8)
    assert "update_freq" not in found and ("batch_size" in found) == (option != "--max-tokens")
