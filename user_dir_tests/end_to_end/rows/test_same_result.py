"""Training the rows of the embedding table that the data can touch gives the numbers of training all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from user_dir_tests.end_to_end.rows.runs import NAMES, make, task_and_options
from user_dir_tests.helpers.running.training import load, same_parameters, train_here, words

Go = Callable[..., Path]
TABLE = "encoder.sentence_encoder.embed_tokens.weight"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make(tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, folders: dict) -> dict[str, Path]:
    """A checkpoint of xTune's first stage by problem."""

    class Made(dict):
        def __missing__(self, problem: str) -> Path:
            name = f"xtune1 {problem}"
            task, options = task_and_options(name, folders, max_update=2)
            save = tmp_path_factory.mktemp(problem)
            with pytest.MonkeyPatch.context() as patch:
                train_here(patch, words(folders[name], save, task, **options))
            self[problem] = save / "checkpoint_last.pt"
            return self[problem]

    return Made()


@pytest.fixture
def go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, teachers: dict) -> Go:
    """Train a run in this process into a folder of the test; returns its last checkpoint."""

    def train(name: str, save: str, **changed: object) -> Path:
        task, options = task_and_options(name, folders, **changed)
        if name.startswith("xtune2"):
            options["teacher"] = teachers[name.split()[1]]
        train_here(monkeypatch, words(folders[name], tmp_path / save, task, **options))
        return tmp_path / save / "checkpoint_last.pt"

    return train


def trained_rows(state: dict) -> int:
    """Rows of the largest table that the optimiser has a state for."""
    return max(len(one["exp_avg"]) for one in state["last_optimizer_state"]["state"].values() if one["exp_avg"].dim())


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("name", NAMES)
def test_bit_by_bit(go: Go, name: str, decay: float) -> None:
    """Without clipping, whose norm adds up in another order."""
    some = go(name, "some", weight_decay=decay)
    whole = go(name, "whole", weight_decay=decay, train_whole_vocabulary=True)
    same_parameters(some, whole)
    one, other = load(some), load(whole)
    assert one["extra_state"]["best"] == other["extra_state"]["best"]
    assert "trained_rows" in one["task_state"] and "trained_rows" not in other["task_state"]
