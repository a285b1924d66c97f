"""Changes that xl-xtune's record of a stage allows, in agreement with what the trainer lets change."""

from __future__ import annotations

from pathlib import Path

import pytest

from xl_plugins.cli.shared.training import Record
from xl_plugins.errors import UserError

WORDS = ["data", "--lr", "1e-3", "--max-epoch", "2", "--seed", "1"]


def changed(folder: Path, *more: str) -> Record:
    Record(folder, WORDS).write(finished=True)
    (folder / "checkpoint_last.pt").write_bytes(b"")  # a run without any binds nobody
    return Record(folder, [*WORDS, *more])


def test_the_same_is_finished(tmp_path: Path) -> None:
    assert changed(tmp_path).is_finished()
    assert changed(
        tmp_path, "--log-interval", "3", "--validate-interval", "2", "--ddp-backend", "legacy_ddp"
    ).is_finished()


@pytest.mark.parametrize("option", ["--max-epoch", "--max-update", "--patience"])
def test_a_longer_run_goes_on(tmp_path: Path, option: str) -> None:
    assert not changed(tmp_path, option, "9").is_finished()


def test_another_option_is_refused_unless_asked_for(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"began with --lr 1e-3, now it is --lr 1e-2; .* or pass --continue-with-changes"
    ):
        changed(tmp_path, "--lr", "1e-2").is_finished()
    assert not changed(tmp_path, "--lr", "1e-2", "--continue-with-changes").is_finished()
