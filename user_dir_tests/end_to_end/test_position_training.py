"""Whole runs of tagging and question answering through ``fairseq-train``: restoring, resuming, accumulation, ranks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from user_dir_tests.helpers.running.training import (
    load,
    same_parameters,
    save_archive,
    train,
    train_here,
    two_ranks,
    words,
)
from user_dir_tests.helpers.toys.toy_positions import make_qa, make_tagging

TASKS = ["xl_tagging", "xl_qa", "xmixup_tagging", "xmixup_qa"]
METHODS = TASKS[2:]
HEADS = {"tagging": "tagging_head", "qa": "span_head"}
METRIC = {"tagging": "f1_select", "qa": "avg_select"}
DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1, "pooler_dropout": 0.1}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("training")
    return {
        "tagging": make_tagging(root / "tagging", train=8),
        "qa": make_qa(root / "qa", train=6, valid=6, longest=16),
    }


def small(task: str, **changed: object) -> dict:
    """Options of a run with few updates, both kinds of draws (X-Mixup), and units of several rows."""
    method, problem = task.split("_")
    options: dict[str, object] = {
        "encoder_layers": 2, "batch_size": 6, "update_freq": 1, "lr": 1e-3, "disable_validation": True,
    }  # fmt: skip
    options |= {"mixup_layer": 2, "sampling_k": 3} if method == "xmixup" else {"train_languages": "all"}
    options |= {"max_length": 16, "max_question_length": 4, "doc_stride": 6} if problem == "qa" else {"max_length": 14}
    return {**options, **changed}


def updates(path: Path) -> int:
    return load(path / "checkpoint_last.pt")["optimizer_history"][-1]["num_updates"]


@pytest.mark.parametrize("task", TASKS)
def test_two_updates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict[str, Path], task: str) -> None:
    """With validation: the head and the gate have learnt, and the best checkpoint has a score."""
    problem = task.split("_")[1]
    options = small(task, disable_validation=None, max_update=2)
    train_here(monkeypatch, words(folders[problem], tmp_path / "run", task, **options))
    train_here(monkeypatch, words(folders[problem], tmp_path / "start", task, **{**options, "lr": 0.0}))
    saved = load(tmp_path / "run" / "checkpoint_best.pt")
    assert saved["optimizer_history"][-1]["num_updates"] == 2 and 0 <= saved["extra_state"]["best"] <= 100
    assert saved["cfg"]["checkpoint"]["best_checkpoint_metric"] == METRIC[problem]
    start = load(tmp_path / "start" / "checkpoint_last.pt")["model"]
    changed = {name for name, value in saved["model"].items() if not torch.equal(value, start[name])}
    assert {f"position_heads.{HEADS[problem]}.out_proj.{kind}" for kind in ("weight", "bias")} <= changed
    assert ("mixup_gate.weight" in changed) == (task in METHODS) == ("mixup_gate.weight" in saved["model"])
    assert not any(name.startswith("classification_heads") for name in saved["model"])
    assert all(torch.isfinite(value).all() for value in saved["model"].values())


@pytest.mark.parametrize("task", TASKS)
def test_archive_without_heads_gives_weights_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict[str, Path], task: str
) -> None:
    problem = task.split("_")[1]
    state = save_archive(tmp_path / "model.pt", folders[problem] / "dict.txt", encoder_layers=2)
    options = small(task, max_update=1, lr=0.0, restore_file=tmp_path / "model.pt")
    train_here(monkeypatch, words(folders[problem], tmp_path / "run", task, **options))
    saved = load(tmp_path / "run" / "checkpoint_last.pt")["model"]
    for name, value in state.items():
        torch.testing.assert_close(saved[name], value, atol=0, rtol=0)
    head = {f"position_heads.{HEADS[problem]}.out_proj.{kind}" for kind in ("weight", "bias")}
    gate = {"mixup_gate.weight", "mixup_gate.bias"} if task in METHODS else set()
    assert saved.keys() - state.keys() == head | gate
    assert 0.01 < saved[f"position_heads.{HEADS[problem]}.out_proj.weight"].std().item() < 0.03  # BERT's 0.02


@pytest.mark.parametrize("problem", ["tagging", "qa"])
def test_a_plain_run_initialises_xmixup_with_its_head(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict[str, Path], problem: str
) -> None:
    plain, mixup = f"xl_{problem}", f"xmixup_{problem}"
    train_here(monkeypatch, words(folders[problem], tmp_path / "plain", plain, **small(plain, max_update=2)))
    options = small(mixup, max_update=1, lr=0.0, restore_file=tmp_path / "plain" / "checkpoint_last.pt")
    train_here(monkeypatch, words(folders[problem], tmp_path / "mixup", mixup, **options))
    before, after = (load(tmp_path / run / "checkpoint_last.pt")["model"] for run in ("plain", "mixup"))
    assert updates(tmp_path / "mixup") == 1
    assert after.keys() - before.keys() == {"mixup_gate.weight", "mixup_gate.bias"}
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("task", TASKS)
def test_resumed_run_equals_one_in_one_go(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict[str, Path], task: str
) -> None:
    problem = task.split("_")[1]
    options = small(task, **DROPOUT, lr_scheduler="fixed", max_epoch=2)
    for limit in (3, 6):
        train_here(monkeypatch, words(folders[problem], tmp_path / "parts", task, **options, max_update=limit))
    train_here(monkeypatch, words(folders[problem], tmp_path / "whole", task, **options, max_update=6))
    assert updates(tmp_path / "parts") == updates(tmp_path / "whole") == 6
    same_parameters(*(tmp_path / run / "checkpoint_last.pt" for run in ("parts", "whole")))


@pytest.mark.slow
@pytest.mark.parametrize("task, unit", [("xmixup_tagging", "instance"), ("xmixup_qa", "update")])
def test_killed_and_resumed_run_is_bit_identical(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict[str, Path], task: str, unit: str
) -> None:
    data = folders[task.split("_")[1]]
    options = small(
        task, **DROPOUT, max_update=7, sampling_unit=unit, save_interval_updates=1, keep_interval_updates=1,
        no_epoch_checkpoints=True,
    )  # fmt: skip
    killed = train(data, tmp_path / "killed", task, env={"XL_DIE_BEFORE": 6}, **options)
    assert killed.killed, killed.output[-2000:]
    assert updates(tmp_path / "killed") == 5
    for run in ("killed", "whole"):
        train_here(monkeypatch, words(data, tmp_path / run, task, **options))
    assert updates(tmp_path / "killed") == updates(tmp_path / "whole") == 7
    same_parameters(*(tmp_path / run / "checkpoint_last.pt" for run in ("killed", "whole")))


# steps in proportion to the gradient: Adam would hide a wrong scale and blow up noise near zero
PROPORTIONAL = {"optimizer": "sgd", "lr": 0.05, "clip_norm": 0}


@pytest.mark.parametrize("task, unit", [("xl_qa", None), ("xmixup_qa", "update"), ("xmixup_qa", "instance")])
def test_accumulation_equals_a_big_batch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict[str, Path], task: str, unit: str | None
) -> None:
    given = {"sampling_unit": unit} if unit else {}
    for run, (size, freq) in {"big": (8, 1), "parts": (4, 2)}.items():
        options = small(task, max_update=5, batch_size=size, update_freq=freq, **PROPORTIONAL, **given)
        train_here(monkeypatch, words(folders["qa"], tmp_path / run, task, **options))
    files = [tmp_path / run / "checkpoint_last.pt" for run in ("big", "parts")]
    same_parameters(*files, tolerance=1e-5)
    weights = [load(file)["model"]["position_heads.span_head.out_proj.weight"] for file in files]
    assert weights[0].abs().max() > 0.05, "the run has moved far from its start"


@pytest.mark.slow
@pytest.mark.parametrize("task, metric", [("xmixup_tagging", "f1_select"), ("xmixup_qa", "avg_select")])
def test_two_ranks_equal_one_rank_with_twice_the_batch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict[str, Path], task: str, metric: str
) -> None:
    """Question answering: the same parameters. Tagging takes word means per rank, so equal only with all batches of
    one sentence; the counters of both add up over ranks."""
    data, size = folders[task.split("_")[1]], 1 if task == "xmixup_tagging" else 3
    options = small(task, max_update=6, disable_validation=None, **PROPORTIONAL)
    two_ranks(data, tmp_path / "two", task, **{**options, "batch_size": size})
    accumulated = {**options, "batch_size": size, "update_freq": 2}
    train_here(monkeypatch, words(data, tmp_path / "one", task, **accumulated))
    files = [tmp_path / run / "checkpoint_last.pt" for run in ("two", "one")]
    assert [load(file)["optimizer_history"][-1]["num_updates"] for file in files] == [6, 6]
    same_parameters(*files, tolerance=1e-5)
    best = [load(file)["extra_state"]["best"] for file in files]
    assert best[0] == pytest.approx(best[1], abs=1e-6)


ABLATIONS: list[dict] = [
    {"mixup_ratio": "constant", "sampling_unit": "epoch"},
    {"no_mixup": True, "mse_weight": 0.0},
    {"no_mixup_inference": True, "preset": "official"},
    {"bf16": True, "no_scheduled_sampling": True},
]


@pytest.mark.parametrize("task", METHODS)
@pytest.mark.parametrize("options", ABLATIONS, ids=str)
def test_ablations_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict[str, Path], task: str, options: dict
) -> None:
    given = small(task, disable_validation=None, sampling_k=1, max_update=3, **options)
    train_here(monkeypatch, words(folders[task.split("_")[1]], tmp_path / "run", task, **given))
    saved = load(tmp_path / "run" / "checkpoint_best.pt")
    gate = any("mixup_gate" in name for name in saved["model"])
    assert gate == (not {"mixup_ratio", "no_mixup"} & options.keys())
    assert all(torch.isfinite(value).all() for value in saved["model"].values())


def test_qa_source_window_matters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict[str, Path]) -> None:
    for window in ("first", "aligned"):
        options = small("xmixup_qa", max_update=3, qa_source_window=window)
        train_here(monkeypatch, words(folders["qa"], tmp_path / window, "xmixup_qa", **options))
    with pytest.raises(AssertionError):
        same_parameters(*(tmp_path / run / "checkpoint_last.pt" for run in ("first", "aligned")), tolerance=1e-6)


@pytest.mark.parametrize("task", [METHODS[0], pytest.param(METHODS[1], marks=pytest.mark.slow)])
def test_log_shows_what_the_method_does(tmp_path: Path, folders: dict[str, Path], task: str) -> None:
    """The real command in a process of its own, with data workers; its log has every figure."""
    options = small(task, disable_validation=None, max_update=4, num_workers=1, select="source-dev", verbose=True)
    ended = train(folders[task.split("_")[1]], tmp_path / "run", task, **options)
    assert ended.code == 0, ended.output[-3000:]
    training = next(line for line in ended.output.splitlines() if "train_inner" in line)
    losses = "loss source_loss target_loss task_loss mse gold_share gold_probability acc"
    for name in f"{losses} ratio ratio_min ratio_max entropy reverse_entropy gate_weight gate_bias".split():
        assert re.search(rf"\b{name}=", training), name
    assert " kl=" not in training
    validation = next(line for line in ended.output.splitlines() if "valid on 'valid' subset" in line)
    values = {name: float(value) for name, value in re.findall(r"\b((?:f1|em|avg|acc)\w*) ([\d.]+)", validation)}
    scores = ("f1", "acc") if task == "xmixup_tagging" else ("avg", "em", "f1")
    select = METRIC[task.split("_")[1]]
    assert values.keys() == {f"{s}{end}" for s in scores for end in ("", "_de", "_en", "_fr")} | {select}
    main = select.removesuffix("_select")
    assert values[select] == values[f"{main}_en"]
    mean = (values[f"{main}_de"] + values[f"{main}_en"] + values[f"{main}_fr"]) / 3
    assert values[main] == pytest.approx(mean, abs=0.01)
