"""xl_plugins.configure: a run from Python is the one of fairseq-train. Options per task: test_hydra_defaults."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from fairseq import checkpoint_utils, tasks
from fairseq.distributed.utils import call_main
from fairseq.logging import metrics
from fairseq_cli.train import main

import xl_plugins
from user_dir_tests.helpers.running.training import same_parameters, train_here, words
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.errors import UserError

SHAPE = {
    "encoder_layers": 3, "encoder_embed_dim": 16, "encoder_ffn_embed_dim": 24, "encoder_attention_heads": 4,
    "max_positions": 512, "from_scratch": True, "cpu": True, "num_workers": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("toy") / "data")


def built(task: str, data: Path, **options: Any) -> tuple[Any, Any, Any]:
    cfg = xl_plugins.configure(task, data, **SHAPE, **options)
    made = tasks.setup_task(cfg.task)
    return made, made.build_model(cfg.model), made.build_criterion(cfg.criterion)


def test_what_is_built_has_the_values_of_the_articles(data: Path) -> None:
    task, model, criterion = built("xmixup_sentence_pair", data)
    assert (task.cfg.max_length, task.cfg.sampling_k, criterion.alpha) == (128, 1000.0, 0.4)
    assert model.args.mixup_layer == 1
    task, _, criterion = built("xl_sentence_pair", data, criterion="xtune_criterion", second_view="mt")
    assert (task.cfg.max_length, criterion.cfg.r1_weight) == (256, 5.0)
    assert xl_plugins.configure("xla_tagging", data).task.max_length == 280


def test_a_run_is_that_of_the_command_line(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trained parameters agree to the last bit; floats, lists and flags arrive."""
    given = {**SHAPE, "lr": 3e-4, "max_update": 3, "train_languages": "en,de", "no_progress_bar": True}
    train_here(monkeypatch, words(data, tmp_path / "line", "xmixup_sentence_pair", **given, max_length=64))
    asked: dict[str, Any] = {**given, "lr": [3e-4], "train_languages": ["en", "de"], "seed": None, "user_dir": None}
    still = {"dropout": 0, "attention_dropout": 0, "pooler_dropout": 0}
    metrics.reset()
    vars(checkpoint_utils.save_checkpoint).pop("best", None)
    monkeypatch.setattr(sys, "argv", ["program"])
    cfg = xl_plugins.configure(
        "xmixup_sentence_pair", str(data), save_dir=tmp_path / "python", max_length=64, **asked, **still
    )
    call_main(cfg, main)
    same_parameters(tmp_path / "line" / "checkpoint_last.pt", tmp_path / "python" / "checkpoint_last.pt")


def test_flags_are_what_is_asked() -> None:
    """One whose default is True, too, which no word of a command line turns off."""
    cfg = xl_plugins.configure("xl_qa", "data")
    assert cfg.checkpoint.maximize_best_checkpoint_metric and not cfg.common.fp16
    cfg = xl_plugins.configure("xl_qa", "data", maximize_best_checkpoint_metric=False, fp16=True, bf16=False)
    assert not cfg.checkpoint.maximize_best_checkpoint_metric and cfg.common.fp16 and not cfg.common.bf16


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("xl_nothing", {}, "--task: invalid choice: 'xl_nothing'"),
        ("xl_qa", {"sampling_k": 3}, "unrecognized arguments: --sampling-k=3"),
        ("xl_qa", {"mixup": False}, "unrecognized arguments: --mixup$"),
        ("xl_qa", {"max_length": "long"}, "--max-length: invalid int value: 'long'"),
        ("xl_qa", {"lr": "high"}, "--lr high: expected a number"),
        ("salt_tagging", {"problem": "text"}, "--problem text: --task salt_tagging is about tagging"),
        ("xl_qa", {"fp16": True, "bf16": True}, "a run has one precision"),
    ],
)
def test_a_mistake_is_one_line(task: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        xl_plugins.configure(task, "data", **options)
