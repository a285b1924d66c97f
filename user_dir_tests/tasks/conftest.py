"""Small data folders whose files the tests damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.helpers.setups.mistakes import TEST, TRAIN, VALID
from user_dir_tests.helpers.toys.toy_positions import make_qa, make_tagging


@pytest.fixture
def tagging(tmp_path: Path) -> Path:
    return make_tagging(tmp_path / "data", train=TRAIN, valid=VALID, test=TEST)


@pytest.fixture
def qa(tmp_path: Path) -> Path:
    return make_qa(tmp_path / "data", train=TRAIN, valid=VALID, test=TEST)
