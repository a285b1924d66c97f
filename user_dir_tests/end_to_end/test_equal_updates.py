"""The same examples in every update, however ranks and accumulation share it: equal parameters, without dropout."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.helpers.running.training import load, same_parameters, train_here, train_ranks, words
from user_dir_tests.helpers.toys.toy import make_data

# 27 pairs: three updates of 8 and one of 3 in each of three epochs; steps in proportion to the gradient, since Adam
# blows up noise near zero
OPTIONS = {
    "encoder_layers": 2, "lr": 0.1, "optimizer": "sgd", "clip_norm": 0, "max_epoch": 3, "disable_validation": True,
    "lr_scheduler": "fixed",
}  # fmt: skip
METHODS: dict[str, dict] = {
    "xl_sentence_pair": {"train_languages": "all"},
    "xmixup_sentence_pair": {"sampling_k": 3, "sampling_unit": "instance"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("equal") / "data", train=9)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data: Path) -> dict[str, Path]:
    """One rank with all 8 examples of an update at once, by task."""
    files = {}
    with pytest.MonkeyPatch.context() as patch:
        for task, given in METHODS.items():
            save = tmp_path_factory.mktemp("whole") / task
            train_here(patch, words(data, save, task, **OPTIONS, **given, batch_size=8, update_freq=1))
            files[task] = save / "checkpoint_last.pt"
    return files


def compare(whole: Path, save: Path) -> None:
    file = save / "checkpoint_last.pt"
    assert [load(each)["optimizer_history"][-1]["num_updates"] for each in (whole, file)] == [12, 12]
    same_parameters(whole, file, tolerance=1e-5)


@pytest.mark.parametrize("task", METHODS)
@pytest.mark.parametrize("freq", [2, 4])
def test_accumulation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, whole: dict, task: str, freq: int
) -> None:
    given = {**OPTIONS, **METHODS[task], "batch_size": 8 // freq, "update_freq": freq}
    train_here(monkeypatch, words(data, tmp_path, task, **given))
    compare(whole[task], tmp_path)
    train_here(monkeypatch, words(data, tmp_path / "start", task, **{**given, "lr": 0.0, "max_update": 1}))
    with pytest.raises(AssertionError, match="differ by"):
        same_parameters(whole[task], tmp_path / "start" / "checkpoint_last.pt", tolerance=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("task", METHODS)
@pytest.mark.parametrize("ranks, freq", [(2, 1), (2, 2), (4, 1), (4, 2)])
def test_ranks(tmp_path: Path, data: Path, whole: dict, task: str, ranks: int, freq: int) -> None:
    """In the update of 3 pairs a rank, or a rank's first step, has none."""
    train_ranks(
        ranks, data, tmp_path, task, **OPTIONS, **METHODS[task], batch_size=8 // ranks // freq, update_freq=freq
    )
    compare(whole[task], tmp_path)


def test_resumed_with_other_splits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, whole: dict) -> None:
    """Within the second epoch, after one of its updates and after three."""
    task = "xmixup_sentence_pair"
    for size, freq, stop in ((8, 1, 5), (2, 4, 7), (4, 2, None)):
        given = {**OPTIONS, **METHODS[task], "batch_size": size, "update_freq": freq, "max_update": stop}
        train_here(monkeypatch, words(data, tmp_path, task, **given))
    compare(whole[task], tmp_path)


def test_accumulation_by_epoch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    """--update-freq as a list: an epoch of 4 updates and one of 7, which the schedule knows."""
    given = {**OPTIONS, **METHODS["xl_sentence_pair"], "max_epoch": 2, "lr_scheduler": None, "warmup_ratio": 0.2}
    for name, size, freq in (("one", 4, "2,1"), ("two", 2, "4,2")):
        train_here(
            monkeypatch,
            words(data, tmp_path / name, "xl_sentence_pair", **given, batch_size=size, update_freq=freq),
        )
    files = [tmp_path / name / "checkpoint_last.pt" for name in ("one", "two")]
    assert [load(file)["optimizer_history"][-1]["num_updates"] for file in files] == [11, 11]
    same_parameters(*files, tolerance=1e-5)


def test_batches_by_tokens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> None:
    """More than the data has in one update, and several updates of any size; every example once per epoch."""
    seen = {}
    for tokens in (60, 10_000):
        save = tmp_path / str(tokens)
        given = {**OPTIONS, **METHODS["xl_sentence_pair"], "max_epoch": 1, "update_freq": 2, "batch_size": None}
        train_here(monkeypatch, words(data, save, "xl_sentence_pair", **given, max_tokens=tokens))
        seen[tokens] = load(save / "checkpoint_last.pt")["optimizer_history"][-1]["num_updates"]
    assert seen[10_000] == 1 and seen[60] > 3
