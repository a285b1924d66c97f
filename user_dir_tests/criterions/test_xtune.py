"""xTune's objective: its weights, and what remains of it when terms are switched off or views are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.views import PROBLEMS, make, make_batch, make_folders, run


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("xtune"))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_terms_add_up_with_their_weights(folders: dict[str, Path], problem: str) -> None:
    sample = make_batch(folders, problem)
    loss, logged, _ = run(make(folders, problem, r1_weight=5.0), sample)
    assert logged["r1"] > 0.01 and loss == pytest.approx(logged["ce_loss"] + 5 * logged["r1"], rel=1e-6)
    assert "r2" not in logged and (logged["_view_words"], logged["_view_selected"], logged["_view_changed"]) == (
        20,
        8,
        5,
    )
