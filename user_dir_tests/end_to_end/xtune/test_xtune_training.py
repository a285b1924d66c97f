"""Both stages of xTune through ``fairseq-train``: what is saved, resuming after SIGKILL, ranks, ablations."""

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
from user_dir_tests.helpers.toys.toy_views import PROBLEMS, make_dictionaries, make_folder, make_spm
from user_dir_tests.helpers.toys.toy_views import problem as problem  # a fixture

DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1, "pooler_dropout": 0.1}
PROPORTIONAL = {"optimizer": "sgd", "lr": 0.05, "clip_norm": 0}  # see test_position_training
STAGE1 = {
    "sentence_pair": "cs",
    "text": "cs",
    "tagging": "ss",
    "qa": "cs",
}  # A*; stage 2 has the same and, for questions, ss
SHAPE: dict[str, dict] = {
    "sentence_pair": {"max_length": 30},
    "text": {"max_length": 16},
    "tagging": {"max_length": 20},
    "qa": {"max_length": 40, "max_question_length": 8, "doc_stride": 16},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("xtune")
    spm = make_spm(root)
    made = {
        problem: make_folder(root / problem, spm, problem, train=6, valid=3, tagged=True, source_texts=True)
        for problem in PROBLEMS
    }
    for name, data in made.items():
        make_dictionaries(root / f"{name}-dictionaries", data)
    return made


def small(folders: dict[str, Path], problem: str, **changed: object) -> dict:
    """Options of a run of few updates."""
    options: dict[str, object] = {
        "encoder_layers": 2, "batch_size": 6, "update_freq": 1, "lr": 1e-3, "disable_validation": True,
        "criterion": "xtune_criterion", "warmup_ratio": 0.1, **SHAPE[problem],
    }  # fmt: skip
    if "cs" in changed.values():
        options["cs_dictionaries"] = folders[problem].parent / f"{problem}-dictionaries"
    return {**options, **changed}


def stage1(folders: dict[str, Path], problem: str, **changed: object) -> dict:
    return small(folders, problem, second_view=STAGE1[problem], r1_weight=5, **changed)


def stage2(folders: dict[str, Path], problem: str, teacher: Path, view: str = "ss", **changed: object) -> dict:
    given = {"augment": view, "second_view": view, "r1_weight": 5, "r2_weight": 2, "teacher": teacher}
    return small(folders, problem, **{**given, **changed})


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, folders: dict[str, Path]) -> dict[str, Path]:
    """A checkpoint of stage 1 for each problem."""
    root, found = tmp_path_factory.mktemp("teachers"), {}
    with pytest.MonkeyPatch.context() as patch:
        for problem in PROBLEMS:
            options = stage1(folders, problem, max_update=2, disable_validation=None)
            train_here(patch, words(folders[problem], root / problem, f"xl_{problem}", **options))
            found[problem] = root / problem / "checkpoint_best.pt"
    return found


def updates(path: Path) -> int:
    return load(path)["optimizer_history"][-1]["num_updates"]


def test_two_updates_of_both_stages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, teachers: dict, problem: str
) -> None:
    """From the same archive; stage 2 leaves the teacher alone and saves nothing of it."""
    data, task = folders[problem], f"xl_{problem}"
    save_archive(tmp_path / "model.pt", data / "dict.txt", encoder_layers=2)
    teacher = teachers[problem].read_bytes()
    options = stage2(folders, problem, teachers[problem], STAGE1[problem], disable_validation=None, max_update=2)
    options["restore_file"] = tmp_path / "model.pt"
    train_here(monkeypatch, words(data, tmp_path / "run", task, **options))
    train_here(monkeypatch, words(data, tmp_path / "start", task, **{**options, "lr": 0.0, "disable_validation": True}))
    first, second = (load(path) for path in (teachers[problem], tmp_path / "run" / "checkpoint_best.pt"))
    start = load(tmp_path / "start" / "checkpoint_last.pt")["model"]
    lasts = [teachers[problem].with_name("checkpoint_last.pt"), tmp_path / "run" / "checkpoint_last.pt"]
    assert list(map(updates, lasts)) == [2, 2]
    assert teachers[problem].read_bytes() == teacher
    for saved in (first, second):
        assert 0 <= saved["extra_state"]["best"] <= 100
        assert all(torch.isfinite(value).all() for value in saved["model"].values())
    assert first["model"].keys() == second["model"].keys() == start.keys()
    assert not any("teacher" in name for group in (second["model"], second["task_state"]) for name in group)
    size = lambda path: path.stat().st_size  # noqa: E731
    assert abs(size(teachers[problem]) - size(tmp_path / "run" / "checkpoint_best.pt")) < 20_000
    changed = [name for name, value in second["model"].items() if not torch.equal(value, start[name])]
    assert any("encoder.sentence_encoder.layers.0" in name for name in changed)
    assert any("heads" in name for name in changed)


@pytest.mark.slow
@pytest.mark.parametrize("view", ["ss", "gn"])
def test_killed_and_resumed_run_is_bit_identical(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, teachers: dict, problem: str, view: str
) -> None:
    """SIGKILL in the middle of the second epoch; views and noise go on as if nothing had happened."""
    data, task = folders[problem], f"xl_{problem}"
    options = stage2(
        folders, problem, teachers[problem], view, **DROPOUT, noise_eps=0.1, batch_size=3, save_interval_updates=1,
        keep_interval_updates=1, no_epoch_checkpoints=True, max_epoch=3,
    )  # fmt: skip
    last = {"sentence_pair": 7, "text": 7, "tagging": 7, "qa": None}[problem]
    if last is None:
        train_here(monkeypatch, words(data, tmp_path / "count", task, **{**options, "max_epoch": 1}))
        last = updates(tmp_path / "count" / "checkpoint_last.pt") + 3
    killed = train(data, tmp_path / "killed", task, env={"XL_DIE_BEFORE": last}, **options)
    assert killed.killed, killed.output[-2000:]
    saved = load(tmp_path / "killed" / "checkpoint_last.pt")
    assert updates(tmp_path / "killed" / "checkpoint_last.pt") == last - 1
    position = saved["extra_state"]["train_iterator"]
    assert position["epoch"] == 2 and position["iterations_in_epoch"] > 0
    for run in ("killed", "whole"):
        train_here(monkeypatch, words(data, tmp_path / run, task, **options))
    files = [tmp_path / run / "checkpoint_last.pt" for run in ("killed", "whole")]
    assert updates(files[0]) == updates(files[1]) > last
    same_parameters(*files)
    one, other = (load(file)["last_optimizer_state"]["state"] for file in files)
    assert all(torch.equal(one[i][name], other[i][name]) for i in one for name in ("exp_avg", "exp_avg_sq"))


@pytest.mark.slow
@pytest.mark.parametrize("view", ["ss", "gn"])
def test_two_ranks_equal_one_rank_with_twice_the_batch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, teachers: dict, problem: str, view: str
) -> None:
    """Means over all rows add up over ranks; those over words (tagging) and over copies alone are a batch's own, so
    there one rank accumulates the same batches instead."""
    data, task, scope = folders[problem], f"xl_{problem}", "augmented" if problem == "tagging" else "all"
    options = stage2(
        folders, problem, teachers[problem], view, **PROPORTIONAL, noise_eps=0.05, max_update=4, r2_scope=scope
    )
    two_ranks(data, tmp_path / "two", task, **{**options, "batch_size": 2})
    twice = {"batch_size": 2, "update_freq": 2} if problem == "tagging" else {"batch_size": 4}
    train_here(monkeypatch, words(data, tmp_path / "one", task, **{**options, **twice}))
    train_here(monkeypatch, words(data, tmp_path / "start", task, **{**options, "lr": 0.0, "max_update": 1}))
    files = [tmp_path / run / "checkpoint_last.pt" for run in ("two", "one", "start")]
    assert [updates(file) for file in files] == [4, 4, 1]
    same_parameters(*files[:2], tolerance=1e-5)
    with pytest.raises(AssertionError):
        same_parameters(*files[1:], tolerance=1e-3)


@pytest.mark.parametrize("views", [{}, {"augment": "ss"}, {"augment": "mt", "mt_labels": "use"}], ids=str)
def test_without_weights_it_is_plain_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, problem: str, views: dict
) -> None:
    """The parameters of ``xl_criterion`` bit by bit: on D, and on D_A."""
    for run, given in {
        "plain": {"criterion": "xl_criterion"},
        "xtune": {"r1_weight": 0, "r2_weight": 0},
        "unread": {"r1_weight": 0, "second_view": "gn"},
    }.items():
        options = small(folders, problem, max_update=3, **DROPOUT, **views, **given)
        train_here(monkeypatch, words(folders[problem], tmp_path / run, f"xl_{problem}", **options))
    files = [tmp_path / run / "checkpoint_last.pt" for run in ("plain", "xtune", "unread")]
    for file in files[1:]:
        same_parameters(files[0], file)


def test_augmentation_alone_changes_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, problem: str
) -> None:
    """Every option reaches the run: data alone, R1 alone, R1 without stop-gradient, another seed of the views."""
    runs: dict[str, dict] = {
        "plain": {"r1_weight": 0},
        "copies": {"r1_weight": 0, "augment": "ss"},
        "r1": {"r1_weight": 5, "second_view": "ss"},
        "both sides": {"r1_weight": 5, "second_view": "ss", "no_stop_gradient": True},
        "noise": {"r1_weight": 5, "second_view": "gn", "noise_eps": 0.5},
    }
    for run, given in runs.items():
        options = small(folders, problem, max_update=2, ss_ratio=0.9, **PROPORTIONAL, **given)
        train_here(monkeypatch, words(folders[problem], tmp_path / run, f"xl_{problem}", **options))
    names = list(runs)
    for number, one in enumerate(names):
        for other in names[:number]:
            with pytest.raises(AssertionError, match="differ by"):
                same_parameters(*(tmp_path / run / "checkpoint_last.pt" for run in (one, other)))


def test_xmixup_with_a_second_view(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, problem: str
) -> None:
    task = f"xmixup_{problem}"
    mixup = {"mixup_layer": 2, "criterion": None} | ({"target_labels": "gold"} if problem == "tagging" else {})
    for run, given in {
        "mixup": {},
        "weightless": {"second_view": "gn", "r1_weight": 0},
        "views": {"second_view": "ss", "augment": "ss", "r1_weight": 2, "ss_ratio": 0.9},
    }.items():
        options = small(folders, problem, max_update=3, disable_validation=None, **{**mixup, **given})
        train_here(monkeypatch, words(folders[problem], tmp_path / run, task, **options))
    files = {run: tmp_path / run / "checkpoint_last.pt" for run in ("mixup", "weightless", "views")}
    same_parameters(files["mixup"], files["weightless"])
    saved = load(files["views"])["model"]
    assert all(torch.isfinite(value).all() for value in saved.values()) and "mixup_gate.weight" in saved
    with pytest.raises(AssertionError, match="differ by"):
        same_parameters(files["mixup"], files["views"])


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["cs", "mt"])
def test_log_shows_what_the_method_does(tmp_path: Path, folders: dict, teachers: dict, setting: str) -> None:
    """The real command in a process of its own, with data workers; its log has every figure."""
    options = stage2(
        folders, "sentence_pair", teachers["sentence_pair"], setting, disable_validation=None, max_update=2,
        num_workers=1, verbose=True,
    )  # fmt: skip
    ended = train(folders["sentence_pair"], tmp_path / "run", "xl_sentence_pair", **options)
    assert ended.code == 0, ended.output[-3000:]
    training = next(line for line in ended.output.splitlines() if "train_inner" in line)
    figures = {name: float(value) for name, value in re.findall(r"\b(\w+)=([-\d.]+)", training)}
    assert {"loss", "ce_loss", "r1", "r2", "acc"} <= figures.keys()
    assert figures["loss"] == pytest.approx(figures["ce_loss"] + 5 * figures["r1"] + 2 * figures["r2"], abs=2e-3)
    assert ({"switched", "changed"} <= figures.keys()) == (setting == "cs")
    assert 100 >= figures.get("switched", 50) > 0
    assert "lambda_1 5 / 3 = 1.66667" in ended.output
    assert "r1" not in next(line for line in ended.output.splitlines() if "valid on 'valid' subset" in line)
