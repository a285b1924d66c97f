"""Toy questions whose words dictionaries can replace."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.helpers.references.windows import N
from user_dir_tests.helpers.toys.toy_views import make_dictionaries, make_folder, make_spm, open_pieces
from xl_plugins.augment.primitives.words import WordPieces


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("qa")
    made = make_folder(root / "data", make_spm(root), "qa", train=N)
    make_dictionaries(root / "dictionaries", made, phrases=False)  # words can be told from the pieces
    return made


@pytest.fixture(scope="module")
def pieces(data: Path) -> WordPieces:
    return open_pieces(data)
