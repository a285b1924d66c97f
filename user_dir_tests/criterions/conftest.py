"""Data folders that several tests of objectives read."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.helpers.setups.positions import make_folders


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("objective"))
