"""Whole runs through ``fairseq-train``: defaults, resuming after SIGKILL, accumulation, ranks, precision, hydra."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.running.training import REPO, load, same_parameters, train, train_here, two_ranks, words
from user_dir_tests.helpers.running.warm import run_warm
from user_dir_tests.helpers.toys.toy import make_data

TASKS = ["xl_sentence_pair", "xmixup_sentence_pair"]
SMALL = {"encoder_layers": 2, "batch_size": 6, "update_freq": 1, "lr": 1e-3, "disable_validation": True}
DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1, "pooler_dropout": 0.1}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("training") / "data", train=8)


def everything(task: str) -> dict:
    """Options of a run with both kinds of scheduled-sampling draws (X-Mixup) on all languages."""
    return {"sampling_k": 3} if task == "xmixup_sentence_pair" else {"train_languages": "all"}


@pytest.mark.parametrize("task", TASKS)
def test_defaults_from_the_task_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, task: str) -> None:
    """Nothing but the task and a small shape: criterion, schedule, four epochs, best checkpoint by acc_select."""
    monkeypatch.chdir(tmp_path)
    train_here(monkeypatch, words(data, tmp_path / "run", task, lr=1e-3))
    saved = load(tmp_path / "run" / "checkpoint_best.pt")
    assert saved["extra_state"]["best"] == saved["extra_state"]["val_loss"] or "best" in saved["extra_state"]
    last = load(tmp_path / "run" / "checkpoint_last.pt")
    assert last["extra_state"]["train_iterator"]["epoch"] == 5
    rows = 24 if task == "xmixup_sentence_pair" else 8
    assert last["optimizer_history"][-1]["num_updates"] == 4 * math.ceil(math.ceil(rows / 16) / 4)
    assert 0 <= last["extra_state"]["best"] <= 100


@pytest.mark.parametrize("task", TASKS)
def test_fairseq_validate_finds_the_score_of_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, task: str
) -> None:
    train_here(monkeypatch, words(data, tmp_path / "run", task, **{"encoder_layers": 2, "lr": 1e-3, "max_update": 2}))
    path = tmp_path / "run" / "checkpoint_best.pt"
    given = f"{data} --user-dir {REPO}/xl_plugins --task {task} --path {path} --batch-size 5 --cpu --num-workers 0"
    code, out, err = run_warm("fairseq_cli.validate", given.split(), REPO)
    scores = [float(found) for found in re.findall(r"valid on 'valid' subset.* acc_select ([\d.]+)", out)]
    assert code == 0, err
    assert scores[-1] == pytest.approx(load(path)["extra_state"]["val_loss"], abs=0.01)


# resumed draws of pairs: tasks/test_sampling.py, test_draws_after_a_resume
PER_PAIR = pytest.param("instance", marks=pytest.mark.slow)


@pytest.mark.parametrize("unit", [None, "update", PER_PAIR, "epoch"])
def test_killed_and_resumed_run_is_bit_identical(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, unit: str | None
) -> None:
    """SIGKILL in the middle of an epoch, the same command again: the parameters of an uninterrupted run, bit by bit."""
    task = TASKS[unit is not None]
    options = {**SMALL, **DROPOUT, **everything(task), "max_epoch": 4, "save_interval_updates": 1,
               "keep_interval_updates": 1, "no_epoch_checkpoints": True}  # fmt: skip
    if unit is not None:
        options["sampling_unit"] = unit
    killed = train(data, tmp_path / "killed", task, env={"XL_DIE_BEFORE": 7}, **options)  # epochs have 4 updates
    assert killed.killed, killed.output[-2000:]
    assert load(tmp_path / "killed" / "checkpoint_last.pt")["optimizer_history"][-1]["num_updates"] == 6
    train_here(monkeypatch, words(data, tmp_path / "killed", task, **options))
    train_here(monkeypatch, words(data, tmp_path / "whole", task, **options))
    ends = [load(tmp_path / run / "checkpoint_last.pt") for run in ("killed", "whole")]
    assert [e["optimizer_history"][-1]["num_updates"] for e in ends] == [16, 16]
    same_parameters(*(tmp_path / run / "checkpoint_last.pt" for run in ("killed", "whole")))
    moments = [e["last_optimizer_state"]["state"] for e in ends]
    for index, state in moments[0].items():
        for name in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(state[name], moments[1][index][name])


@pytest.mark.parametrize("task", TASKS)
def test_accumulation_equals_a_big_batch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, task: str
) -> None:
    options = {**SMALL, **everything(task), "max_epoch": 3}
    for run, (size, freq) in {"big": (6, 1), "parts": (2, 3)}.items():
        train_here(
            monkeypatch, words(data, tmp_path / run, task, **{**options, "batch_size": size, "update_freq": freq})
        )
    same_parameters(*(tmp_path / run / "checkpoint_last.pt" for run in ("big", "parts")), tolerance=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_two_ranks_equal_one_rank_with_twice_the_batch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, task: str
) -> None:
    options = {**SMALL, **everything(task), "max_epoch": 3}
    two_ranks(data, tmp_path / "two", task, **{**options, "batch_size": 3})
    train_here(monkeypatch, words(data, tmp_path / "one", task, **{**options, "batch_size": 6}))
    files = [tmp_path / run / "checkpoint_last.pt" for run in ("two", "one")]
    assert [load(file)["optimizer_history"][-1]["num_updates"] for file in files] == [12, 12]
    same_parameters(*files, tolerance=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["update", "instance"])
def test_two_ranks_resume_and_validate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, unit: str) -> None:
    """Per-language accuracies are summed over ranks; a resumed two-rank run ends like one that was not interrupted."""
    options = {
        **SMALL,
        "disable_validation": None,
        "sampling_k": 3,
        "sampling_unit": unit,
        "batch_size": 3,
    }
    two_ranks(data, tmp_path / "two", TASKS[1], **options, max_epoch=1, max_update=12, lr_scheduler="fixed")
    two_ranks(data, tmp_path / "two", TASKS[1], **options, max_epoch=3, lr_scheduler="fixed")
    one = {**options, "batch_size": 6, "max_epoch": 3, "lr_scheduler": "fixed"}
    train_here(monkeypatch, words(data, tmp_path / "one", TASKS[1], **one))
    files = [tmp_path / run / "checkpoint_last.pt" for run in ("two", "one")]
    same_parameters(*files, tolerance=1e-5)
    best = [load(file)["extra_state"]["best"] for file in files]
    assert best[0] == pytest.approx(best[1], abs=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_bf16_trains_and_resumes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, task: str) -> None:
    options = {**SMALL, **everything(task), "bf16": True, "max_epoch": 3, "save_interval_updates": 6}
    for limit in (6, None):
        train_here(monkeypatch, words(data, tmp_path / "two", task, **options, max_update=limit, lr_scheduler="fixed"))
    train_here(monkeypatch, words(data, tmp_path / "one", task, **options, lr_scheduler="fixed"))
    files = [tmp_path / run / "checkpoint_last.pt" for run in ("two", "one")]
    assert [load(file)["optimizer_history"][-1]["num_updates"] for file in files] == [12, 12]
    same_parameters(*files, tolerance=0.02)  # fairseq saves half-precision weights and resumes from these
    saved = load(files[0])["model"]
    assert all(torch.isfinite(value).all() for value in saved.values())
    if task == TASKS[1]:
        assert saved["mixup_gate.bias"].item() != 0.0  # near 1 a step of the weight is lost in rounding


@pytest.mark.parametrize("memory_efficient", [False, True], ids=["flat", "memory efficient"])
@pytest.mark.parametrize("device", ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def test_fp16(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, memory_efficient: bool, device: str) -> None:
    options = {
        **SMALL,
        **everything(TASKS[1]),
        "max_epoch": 2,
        "fp16": True,
        "fp16_init_scale": 4,
        "cpu": device == "cpu",
    }
    if memory_efficient:
        options["memory_efficient_fp16"] = True
    train_here(monkeypatch, words(data, tmp_path / "run", TASKS[1], **options))
    saved = load(tmp_path / "run" / "checkpoint_last.pt")
    assert saved["optimizer_history"][-1]["num_updates"] == 8
    assert all(torch.isfinite(value).all() for value in saved["model"].values())


def test_fp16_moves_the_weights_as_float32_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    """On the CPU too, where fairseq would look for its flat copy under a CUDA device."""
    options = {**SMALL, "max_epoch": 2, "fp16_init_scale": 4, "dropout": 0, "attention_dropout": 0, "pooler_dropout": 0}
    weights = []
    for name, more in (("start", {"lr": 0.0}), ("float32", {}), ("fp16", {"fp16": True})):
        train_here(monkeypatch, words(data, tmp_path / name, TASKS[0], **{**options, **more}))
        saved = load(tmp_path / name / "checkpoint_last.pt")["model"]
        weights.append(torch.cat([saved[key].float().flatten() for key in sorted(saved) if "layers" in key]))
    start, single, half = weights
    assert (single - start).abs().mean() > 1e-3
    assert (half - single).abs().mean() < 0.05 * (single - start).abs().mean()


@pytest.mark.gpu
def test_fp16_overflows_skip_updates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    """An absurd loss scale overflows; skipped updates do not advance the update counter, and training goes on."""
    options = {**SMALL, **everything(TASKS[1]), "max_epoch": 3, "fp16": True, "fp16_init_scale": 2**24, "cpu": False}
    train_here(monkeypatch, words(data, tmp_path / "run", TASKS[1], **options))
    saved = load(tmp_path / "run" / "checkpoint_last.pt")
    assert 0 < saved["optimizer_history"][-1]["num_updates"] < 12
    assert all(torch.isfinite(value).all() for value in saved["model"].values())


ABLATIONS = [
    {"mixup_ratio": "constant"},
    {"no_mixup": True},
    {"no_mixup_inference": True},
    {"preset": "official"},
    {"sampling_unit": "epoch"},
    {"mixup_layer": 2},
]


@pytest.mark.parametrize("options", ABLATIONS, ids=str)
def test_ablations_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, options: dict) -> None:
    small = {**SMALL, "disable_validation": None, "sampling_k": 2, "max_epoch": 1}
    train_here(monkeypatch, words(data, tmp_path / "run", TASKS[1], **small, **options))
    saved = load(tmp_path / "run" / "checkpoint_best.pt")
    gate = any("mixup_gate" in name for name in saved["model"])
    assert gate == (not {"mixup_ratio", "no_mixup"} & options.keys())


def test_log_shows_what_the_method_does(tmp_path: Path, data: Path) -> None:
    """The real command in a process of its own, with a data worker; its log has every figure."""
    options = {
        **SMALL,
        "disable_validation": None,
        "num_workers": 1,  # each takes seconds to end
        "sampling_k": 3,
        "max_epoch": 1,
        "select": "source-dev",
        "verbose": True,
    }
    ended = train(data, tmp_path / "run", TASKS[1], **options)
    assert ended.code == 0, ended.output[-3000:]
    training = next(line for line in ended.output.splitlines() if "train_inner" in line)
    losses = "loss source_loss target_loss task_loss mse kl gold_share gold_probability acc"
    for name in f"{losses} ratio ratio_min ratio_max entropy reverse_entropy gate_weight gate_bias".split():
        assert f"{name}=" in training, name
    validation = next(line for line in ended.output.splitlines() if "valid on 'valid' subset" in line)
    values = {name: float(value) for name, value in re.findall(r"(acc\w*) ([\d.]+)", validation)}
    assert values.keys() >= {"acc_de", "acc_en", "acc_fr", "acc", "acc_select"}
    assert values["acc_select"] == values["acc_en"]
    assert values["acc"] == pytest.approx((values["acc_de"] + values["acc_en"] + values["acc_fr"]) / 3, abs=0.01)


HYDRA = """# @package _group_
common: {{cpu: true, user_dir: {repo}/xl_plugins, log_format: simple, log_interval: 1, seed: 5}}
checkpoint: {{save_dir: {save}, best_checkpoint_metric: acc_select, maximize_best_checkpoint_metric: true}}
dataset: {{batch_size: 6, num_workers: 0, required_batch_size_multiple: 1}}
optimization: {{max_update: 2, lr: [0.001], clip_norm: 1.0, update_freq: [2]}}
optimizer: {{_name: adam, adam_betas: "(0.9, 0.999)"}}
lr_scheduler: {{_name: xl_linear}}
task: {{_name: {task}, data: {data}, max_length: 32, train_languages: all, from_scratch: true}}
criterion: {{_name: {criterion}}}
model: {{_name: {model}, encoder_layers: 2, encoder_embed_dim: 16, encoder_ffn_embed_dim: 24,
  encoder_attention_heads: 4, max_positions: 64}}
hydra: {{job: {{chdir: false}}, run: {{dir: {save}/hydra}}}}
"""


@pytest.mark.parametrize(
    "task, criterion, model", [(TASKS[0], "xl_criterion", "xl_xlmr"), (TASKS[1], "xmixup_criterion", "xmixup_xlmr")]
)
def test_hydra(run_recipe: Callable, tmp_path: Path, data: Path, task: str, criterion: str, model: str) -> None:
    save = tmp_path / "run"
    text = HYDRA.format(repo=REPO, save=save, data=data, task=task, criterion=criterion, model=model)
    (tmp_path / "small.yaml").write_text(text)
    ended = run_recipe(tmp_path / "small.yaml", {}, tmp_path)
    assert ended.code == 0, (ended.out + ended.err)[-3000:]
    saved = load(save / "checkpoint_last.pt")
    assert saved["optimizer_history"][-1]["num_updates"] == 2
    assert saved["cfg"]["task"]["_name"] == task and saved["cfg"]["task"]["seed"] == 5
