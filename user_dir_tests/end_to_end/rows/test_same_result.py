"""Training the rows of the embedding table that the data can touch gives the numbers of training all of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from user_dir_tests.end_to_end.rows.runs import NAMES, task_and_options
from user_dir_tests.helpers.running.training import load, same_parameters, two_ranks
from user_dir_tests.helpers.setups.unseen import UNSEEN
from xl_plugins.tasks.active_rows import unpack

Go = Callable[..., Path]
TABLE = "encoder.sentence_encoder.embed_tokens.weight"
FLAGS = (False, True)
QUICK = ("plain sentence_pair", "xla tagging")


def slow_unless(quick: tuple[str, ...]) -> list:
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]


def trained_rows(state: dict) -> set[int]:
    """Rows of the tables that the optimiser has a state for: the largest ones."""
    shapes = [one["exp_avg"].shape for one in state["last_optimizer_state"]["state"].values()]
    return {shape[0] for shape in shapes if len(shape) == 2 and shape[0] > 2 * shape[1] and shape[0] != 66}


@pytest.mark.parametrize("decay", [pytest.param(0.0, marks=pytest.mark.slow), 0.01])
@pytest.mark.parametrize("name", slow_unless(QUICK))
def test_bit_by_bit(go: Go, name: str, decay: float) -> None:
    """Without clipping, whose norm adds up in another order."""
    some = go(name, "some", weight_decay=decay)
    whole = go(name, "whole", weight_decay=decay, train_whole_vocabulary=True)
    same_parameters(some, whole)
    one, other = load(some), load(whole)
    assert one["extra_state"]["best"] == other["extra_state"]["best"]
    assert one["extra_state"].get("val_loss") == other["extra_state"].get("val_loss")
    rows = unpack(one["task_state"]["trained_rows"])
    assert "trained_rows" not in other["task_state"]
    assert 5 < rows.sum() < len(rows) - UNSEEN / 2 or name.startswith("xtune")
    if not name.startswith("xla"):
        table = one["model"][TABLE]
        assert len(table) == len(rows)
        assert trained_rows(one) == {int(rows.sum())} and trained_rows(other) == {len(rows)}


def test_the_log_says_how_many(go: Go, caplog: pytest.LogCaptureFixture) -> None:
    saved = load(go("plain text", "run", max_update=1))
    found = [match for text in caplog.messages if (match := re.match(r"training (\d+) of (\d+) rows of the", text))]
    rows = unpack(saved["task_state"]["trained_rows"])
    assert [match.groups() for match in found] == [(str(rows.sum()), str(len(rows)))]
    caplog.clear()
    go("plain text", "whole", max_update=1, train_whole_vocabulary=True)
    assert "training all rows of the embedding table: --train-whole-vocabulary" in caplog.messages


def test_clipped(go: Go) -> None:
    """The norm of zeros is no part of the sum any more: rounded in another order, every update, for 30 updates."""
    some, whole = (go("plain sentence_pair", str(flag), clip_norm=0.1, train_whole_vocabulary=flag) for flag in FLAGS)
    same_parameters(some, whole, tolerance=1e-6)


@pytest.mark.parametrize("precision", ["fp16", "bf16", pytest.param("memory_efficient_fp16", marks=pytest.mark.slow)])
@pytest.mark.parametrize("decay", [pytest.param(0.0, marks=pytest.mark.slow), 0.01])
def test_half_precision(go: Go, precision: str, decay: float) -> None:
    given = {precision: True, "weight_decay": decay, "max_update": 12, "fp16_init_scale": 4}
    if precision.startswith("memory"):
        given["fp16"] = True
    some, whole = (go("plain text", str(flag), train_whole_vocabulary=flag, **given) for flag in FLAGS)
    same_parameters(some, whole)
    assert trained_rows(load(some)) != trained_rows(load(whole)) or precision == "fp16"  # one flat state


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain tagging", "xmixup sentence_pair", "xla sentence_pair"])
def test_two_ranks(folders: dict, tmp_path: Path, name: str) -> None:
    paths = []
    for flag in (False, True):
        task, options = task_and_options(name, folders, train_whole_vocabulary=flag, weight_decay=0.01)
        two_ranks(folders[name], tmp_path / str(flag), task, **{**options, "batch_size": 3})
        paths.append(tmp_path / str(flag) / "checkpoint_last.pt")
    same_parameters(*paths)


@pytest.mark.parametrize("options, reason", [
    ({"optimizer": "sgd"}, "--optimizer sgd"),
    ({"store_ema": True}, "--store-ema"),
    ({"arch": "roberta_base", "encoder_layers": 1}, "--arch roberta_base"),
])  # fmt: skip
def test_runs_that_train_all(go: Go, caplog: pytest.LogCaptureFixture, options: dict, reason: str) -> None:
    saved = load(go("plain sentence_pair", "run", max_update=2, **options))
    assert f"training all rows of the embedding table: {reason}" in caplog.messages
    assert "trained_rows" not in saved["task_state"] and torch.isfinite(saved["model"][TABLE]).all()
