"""The toy world of virtual sentences."""

from __future__ import annotations

import pytest

from user_dir_tests.helpers.toys.toy_vicinity import World, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))
