"""A run that goes on trains the rows that its checkpoint's optimiser has a state for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from user_dir_tests.end_to_end.rows.test_same_result import slow_unless, trained_rows
from user_dir_tests.helpers.running.training import load, same_parameters
from user_dir_tests.helpers.setups.salt import read_rows
from user_dir_tests.helpers.toys.toy import write_rows
from xl_plugins.errors import UserError
from xl_plugins.tasks.active_rows import pack, unpack

Go = Callable[..., Path]
NAME = "plain sentence_pair"
HALVES = {"weight_decay": 0.01, "save_interval_updates": 7, "keep_interval_updates": 1}


@pytest.mark.parametrize("count", [1, 8, 13, 64])
def test_packed(count: int) -> None:
    rows = np.arange(count) % 3 == 0
    assert np.array_equal(unpack(pack(rows)), rows) and len(pack(rows)) <= count // 8 + 9


@pytest.mark.parametrize("name", [*slow_unless((NAME,)), pytest.param("xla tagging 0", marks=pytest.mark.slow)])
def test_bit_by_bit(go: Go, name: str) -> None:
    """Parameters and the optimiser's state; interrupted where no checkpoint or validation of the whole run is. Without
    weight decay XLA's members share what is not trained."""
    name, shares = name.removesuffix(" 0"), name.endswith(" 0")
    given = {**HALVES, **({"weight_decay": 0.0} if shares else {})}
    whole = go(name, "whole", **given)
    part = go(name, "halves", **given, max_update=17)
    assert load(part)["optimizer_history"][-1]["num_updates"] < load(whole)["optimizer_history"][-1]["num_updates"]
    same_parameters(whole, go(name, "halves", **given))
    one, other = (load(path)["last_optimizer_state"]["state"] for path in (whole, part))
    assert one.keys() == other.keys()
    for number, state in one.items():
        assert all(torch.equal(state[key], other[number][key]) for key in ("exp_avg", "exp_avg_sq"))


def test_of_the_whole_table_stays_so(go: Go, caplog: pytest.LogCaptureFixture) -> None:
    """As runs of earlier versions, which note nothing."""
    path = go(NAME, "run", max_update=4, train_whole_vocabulary=True)
    size = len(load(path)["model"]["encoder.sentence_encoder.embed_tokens.weight"])
    caplog.clear()
    go(NAME, "run", max_update=6)
    assert f"training all rows of the embedding table: {path} was trained so" in caplog.messages
    assert trained_rows(load(path)) == {size} and "trained_rows" not in load(path)["task_state"]


def test_of_some_rows_stays_so(go: Go, caplog: pytest.LogCaptureFixture) -> None:
    path = go(NAME, "run", max_update=4)
    before = trained_rows(load(path))
    go(NAME, "run", max_update=6, train_whole_vocabulary=True)
    assert any("--train-whole-vocabulary has no effect on a run that goes on" in line for line in caplog.messages)
    assert trained_rows(load(path)) == before
    with pytest.raises(UserError, match=r"trains a part of the word embeddings, .* --store-ema; leave that out"):
        go(NAME, "run", max_update=8, store_ema=True, continue_with_changes=True)


def test_other_data(go: Go, folders: dict, tmp_path: Path) -> None:
    """New pieces are refused, fewer are not; without the optimiser's state the rows are chosen anew."""
    path = go(NAME, "run", max_update=4)
    rows = unpack(load(path)["task_state"]["trained_rows"])
    data = Path(shutil.copytree(folders[NAME], tmp_path / "data"))
    texts = read_rows(data, "en", "input0")
    write_rows(data / "en" / "input0" / "train", [[4] * len(row) for row in texts], len(rows) - 1)
    go(NAME, "run", data=data, max_update=5, continue_with_changes=True)
    assert np.array_equal(unpack(load(path)["task_state"]["trained_rows"]), rows)
    write_rows(data / "en" / "input0" / "train", [[len(rows) - 3] * len(row) for row in texts], len(rows) - 1)
    with pytest.raises(UserError, match="now hold 1 pieces whose embeddings that run does not train; give the data"):
        go(NAME, "run", data=data, max_update=6, continue_with_changes=True)
    go(NAME, "other", data=data, max_update=7, restore_file=path, reset_optimizer=True, from_scratch=None)
    anew = unpack(load(tmp_path / "other" / "checkpoint_last.pt")["task_state"]["trained_rows"])
    assert anew[len(rows) - 3] and not rows[len(rows) - 3]


def test_a_piece_that_the_scan_missed(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the run; its gradient is not lost in silence."""
    from xl_plugins.tasks import active_rows

    found = active_rows.touched_pieces

    def without_one(task: object) -> np.ndarray:
        rows = found(task)
        rows[np.flatnonzero(rows)[20]] = False
        return rows

    monkeypatch.setattr(active_rows, "touched_pieces", without_one)
    with pytest.raises(
        UserError, match=r"a training batch holds pieces that the scan .* pass --train-whole-vocabulary"
    ):
        go(NAME, "run")
