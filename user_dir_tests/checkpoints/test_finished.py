"""A finished run that is started again says so and changes nothing; with a longer limit it goes on."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from user_dir_tests.helpers.running.training import load, train_here, words
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.checkpoints.finished import NoMoreEpochs, limit_reached

TASK = "xl_sentence_pair"
RUN = {"lr": 0.001, "batch_size": 8, "update_freq": 1}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("toy") / "data", train=20, valid=6, test=2)


def cfg(**changed: object) -> SimpleNamespace:
    given = {"max_update": 0, "max_epoch": 0, "stop_min_lr": -1.0, "patience": -1, **changed}
    patience = given.pop("patience")
    return SimpleNamespace(optimization=SimpleNamespace(**given), checkpoint=SimpleNamespace(patience=patience))


@pytest.mark.parametrize(
    ("options", "updates", "epoch", "waited", "expected"),
    [
        ({"max_update": 8}, 8, 2, 0, "--max-update 8"),
        ({"max_update": 8}, 7, 2, 0, None),
        ({"max_update": 8}, 0, 1, 0, None),
        ({"max_epoch": 3}, 8, 4, 0, "--max-epoch 3"),
        ({"max_epoch": 3}, 8, 3, 0, None),
        ({"patience": 2}, 8, 4, 2, "--patience 2"),
        ({"patience": 3}, 8, 4, 2, None),
        ({"patience": -1}, 8, 4, 2, None),
        ({"stop_min_lr": 0.5}, 8, 4, 2, "--stop-min-lr 0.5"),
        ({"stop_min_lr": 0.4}, 8, 4, 2, None),
    ],
)
def test_the_limit_is_named(options: dict, updates: int, epoch: int, waited: int, expected: str | None) -> None:
    iterator = SimpleNamespace(next_epoch_idx=epoch, iterations_in_epoch=0)
    assert limit_reached(cfg(**options), updates, 0.5, iterator, waited) == expected


def test_no_limit_lets_a_finished_run_train() -> None:
    assert not NoMoreEpochs.next_epoch_idx <= float("inf")


def content(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(
    ("limit", "longer"),
    [({"max_update": 2}, {"max_update": 3}), ({"max_epoch": 1}, {"max_epoch": 2})],
    ids=["updates", "epochs"],
)
def test_started_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, data: Path, limit: dict,
    longer: dict,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    train_here(monkeypatch, words(data, tmp_path / "run", TASK, **RUN, **limit))
    before = content(tmp_path / "run")
    updates = load(tmp_path / "run" / "checkpoint_last.pt")["optimizer_history"][-1]["num_updates"]
    train_here(monkeypatch, words(data, tmp_path / "run", TASK, **RUN, **limit))
    [(option, value)] = limit.items()
    line = f"this run is finished: it ended after {updates} updates by --{option.replace('_', '-')} {value}"
    assert line in caplog.text
    assert content(tmp_path / "run") == before
    caplog.clear()
    train_here(monkeypatch, words(data, tmp_path / "run", TASK, **RUN, **longer))
    assert "this run is finished" not in caplog.text
    assert load(tmp_path / "run" / "checkpoint_last.pt")["optimizer_history"][-1]["num_updates"] > updates


def test_patience_is_remembered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, data: Path
) -> None:
    """Without progress: validations at updates 1 (best), 2 and 3, where it ends; interrupted after 2 as well."""
    caplog.set_level(logging.INFO)
    run = {**RUN, "lr": 0, "save_interval_updates": 1, "patience": 2}
    for name, limit in (("whole", 9), ("parts", 2), ("parts", 9), ("whole", 9)):
        caplog.clear()
        train_here(monkeypatch, words(data, tmp_path / name, TASK, **run, max_update=limit))
        if (name, limit) == ("parts", 9):
            assert "early stop" in caplog.text
    assert "this run is finished: it ended after 3 updates by --patience 2" in caplog.text
    ends = [load(tmp_path / name / "checkpoint_last.pt") for name in ("whole", "parts")]
    assert [end["optimizer_history"][-1]["num_updates"] for end in ends] == [3, 3]
    assert ends[0]["extra_state"]["xl_patience"] == ends[1]["extra_state"]["xl_patience"]
