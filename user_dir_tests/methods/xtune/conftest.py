"""Data folders, teachers and setups with both of xTune's terms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from user_dir_tests.helpers.setups.views import R1, make, make_folders, save_teachers
from user_dir_tests.helpers.toys.tiny import Setup


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("xtune"))


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, folders: dict[str, Path]) -> dict[str, str]:
    """A checkpoint of other weights for each problem."""
    return save_teachers(tmp_path_factory.mktemp("teachers"), folders)


@pytest.fixture
def full(folders: dict[str, Path], teachers: dict[str, str]) -> Callable[..., Setup]:
    """A setup with both terms."""
    return lambda problem, **options: make(
        folders, problem, **{**R1, "r2_weight": 2.0, "teacher": teachers[problem], **options}
    )
