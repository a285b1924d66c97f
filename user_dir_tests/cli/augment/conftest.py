"""Worlds of toy data to be copied; and one whose counterparts one run made, which runs in parts have to equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.helpers.toys.toy_counterparts import World, make_whole, without_counterparts

Bytes = dict[str, bytes]


@pytest.fixture(scope="module")
def master(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the module's ``make_world`` makes, of which every test takes a copy."""
    folder = tmp_path_factory.mktemp("master")
    request.module.make_world(folder)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Bytes]:
    """A world with its counterparts, and all its files."""
    return make_whole(tmp_path_factory.mktemp("made"))


@pytest.fixture
def world(made: tuple[World, Bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same world before that run."""
    return without_counterparts(made[0], tmp_path, monkeypatch)


@pytest.fixture
def whole(made: tuple[World, Bytes]) -> Bytes:
    """All files after one unbroken run."""
    return made[1]
