"""Data folders of every method and problem, and runs on them in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from user_dir_tests.end_to_end.rows.runs import make, task_and_options
from user_dir_tests.helpers.running.training import train_here, words


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make(tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="session")
def teachers(tmp_path_factory: pytest.TempPathFactory, folders: dict) -> dict[str, Path]:
    """A checkpoint of xTune's first stage by problem, made when it is asked for."""

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
def go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, teachers: dict) -> Callable[..., Path]:
    """Train a run of a name into a folder of the test; returns its last checkpoint."""

    def train(name: str, save: str, data: Path | None = None, **changed: object) -> Path:
        task, options = task_and_options(name, folders, **changed)
        if name.startswith("xtune2"):
            options["teacher"] = teachers[name.split()[1]]
        train_here(monkeypatch, words(data or folders[name], tmp_path / save, task, **options))
        return tmp_path / save / "checkpoint_last.pt"

    return train
