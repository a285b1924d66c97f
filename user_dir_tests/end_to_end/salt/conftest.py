"""Data folders with counterparts, and the problems that SALT trains on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.helpers.setups.salt import make_trainable
from user_dir_tests.helpers.setups.salt import problem as problem  # a fixture


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_trainable(tmp_path_factory.mktemp("salt"))
