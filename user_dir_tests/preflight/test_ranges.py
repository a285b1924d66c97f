"""Options out of range end in one line that names the option, before any data is read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from user_dir_tests.helpers.toys.tiny import configure
from xl_plugins.errors import UserError
from xl_plugins.preflight.options import check_run
from xl_plugins.preflight.ranges import RANGES
from xl_plugins.ranges import Range

TASKS = ("xl_sentence_pair", "xmixup_tagging", "xl_qa", "salt_augment_task", "xla_cotrain_task")


def refused(tmp_path: Path, task: str = "xl_sentence_pair", **changed: Any) -> str:
    cfg = configure(tmp_path / "nowhere", task, save_dir=str(tmp_path / "run"), **changed)
    with pytest.raises(UserError) as error:
        check_run(cfg)
    assert not (tmp_path / "run").exists()
    return str(error.value)


@pytest.mark.parametrize("task", TASKS)
def test_defaults_are_in_range(tmp_path: Path, task: str) -> None:
    check_run(configure(tmp_path, task, save_dir=str(tmp_path / "run")))


@pytest.mark.parametrize(
    "option, value, expected",
    [
        ("lr", [-1.0], "--lr -1.0: expected at least 0 and finite for each"),
        ("lr", [1e-5, math.nan], "--lr 1e-05,nan: expected at least 0 and finite for each"),
        ("lr", [math.inf], "--lr inf: expected at least 0 and finite for each"),
        ("batch_size", 0, "--batch-size 0: expected at least 1"),
        ("batch_size", -4, "--batch-size -4: expected at least 1"),
        ("batch_size_valid", 0, "--batch-size-valid 0: expected at least 1"),
        ("max_tokens", 0, "--max-tokens 0: expected at least 1"),
        ("seed", -1, "--seed -1: expected at least 0 and at most 4294967295"),
        ("seed", 2**32, "--seed 4294967296: expected at least 0 and at most 4294967295"),
        ("update_freq", [0], "--update-freq 0: expected at least 1 for each"),
        ("update_freq", [2, -1], "--update-freq 2,-1: expected at least 1 for each"),
        ("update_freq", [], "--update-freq : expected at least 1 for each"),
        ("required_batch_size_multiple", 0, "--required-batch-size-multiple 0: expected at least 1"),
        ("num_workers", -1, "--num-workers -1: expected at least 0"),
        ("dropout", 2.0, "--dropout 2.0: expected at least 0 and less than 1"),
        ("dropout", math.nan, "--dropout nan: expected at least 0 and less than 1"),
        ("pooler_dropout", -0.1, "--pooler-dropout -0.1: expected at least 0 and less than 1"),
        ("clip_norm", -1.0, "--clip-norm -1.0: expected at least 0 and finite"),
        ("clip_norm", math.nan, "--clip-norm nan: expected at least 0 and finite"),
        ("max_update", -1, "--max-update -1: expected at least 0"),
        ("max_epoch", -2, "--max-epoch -2: expected at least 0"),
        ("weight_decay", -0.1, "--weight-decay -0.1: expected at least 0 and finite"),
        ("adam_betas", "(0.9, 1.5)", "--adam-betas (0.9, 1.5): expected at least 0 and less than 1"),
        ("adam_betas", "often", "--adam-betas often: expected at least 0 and less than 1"),
        ("adam_eps", 0.0, "--adam-eps 0.0: expected more than 0"),
        ("log_interval", 0, "--log-interval 0: expected at least 1"),
        ("validate_interval", 0, "--validate-interval 0: expected at least 1"),
        ("save_interval", 0, "--save-interval 0: expected at least 1"),
        ("keep_last_epochs", -7, "--keep-last-epochs -7: expected at least -1"),
        ("encoder_layers", 10**9, "--encoder-layers 1000000000: expected at least 1 and at most 1000"),
        ("encoder_attention_heads", 0, "--encoder-attention-heads 0: expected at least 1 and at most 1048576"),
        ("max_length", 0, "--max-length 0: expected at least 1"),
        ("warmup_ratio", math.nan, "--warmup-ratio nan: expected a share from 0 up to (not including) 1"),
        ("stop_min_lr", math.nan, "--stop-min-lr nan: expected a number"),  # which has no range
        ("distributed_world_size", 0, "--distributed-world-size 0: expected at least 1"),
    ],
)
def test_out_of_range(tmp_path: Path, option: str, value: Any, expected: str) -> None:
    assert refused(tmp_path, **{option: value}) == expected


def test_every_row_of_the_table_is_an_option(tmp_path: Path) -> None:
    cfg = configure(tmp_path, "xl_sentence_pair")
    known = {"momentum", "warmup_updates", "power", "end_learning_rate"}  # of other optimizers and schedules
    for group, options in RANGES.items():
        assert not options.keys() - set(cfg[group]) - known, group


@pytest.mark.parametrize("number", [True, "1", None, math.nan, -math.inf, [1]])
def test_no_numbers(number: Any) -> None:
    assert not Range(0).holds(number)


def test_two_precisions(tmp_path: Path) -> None:
    assert refused(tmp_path, fp16=True, bf16=True).startswith("--fp16 and --bf16: a run has one precision")
    assert refused(tmp_path, fp16=True, amp=True).startswith("--fp16 and --amp: a run has one precision")


def test_neither_examples_nor_tokens(tmp_path: Path) -> None:
    assert refused(tmp_path, batch_size=None).startswith("--batch-size: pass the number of examples")


@pytest.mark.parametrize("task, fits", [(TASKS[0], "xl_criterion or xtune_criterion"), (TASKS[1], "xmixup_criterion"),
                                        (TASKS[3], "xl_criterion"), (TASKS[4], "xla_criterion")])  # fmt: skip
@pytest.mark.parametrize("name", ["sentence_prediction", "cross_entropy"])
def test_criterions_that_do_not_fit(tmp_path: Path, task: str, fits: str, name: str) -> None:
    cfg = configure(tmp_path, task, save_dir=str(tmp_path / "run"))
    cfg.criterion._name = name
    with pytest.raises(UserError, match=f"--criterion {name}: task {task} needs {fits}; pass it, or leave it out"):
        check_run(cfg)


def test_save_dir_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder, expected in (("file", "is a file"), ("file/below/it", f"{tmp_path}/file is a file")):
        cfg = configure(tmp_path, "xl_sentence_pair", save_dir=str(tmp_path / folder))
        with pytest.raises(UserError, match=f"--save-dir {tmp_path}/{folder}: {expected}; name a folder"):
            check_run(cfg)
    assert (tmp_path / "file").read_text() == ""


def test_save_dir_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # the tests may run as root
    assert refused(tmp_path) == f"--save-dir {tmp_path}/run: {tmp_path} cannot be written to; choose another folder"
