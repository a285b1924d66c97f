"""examples/benchmarks/compare.py: its lengths, its ratios by hand, and all of its rows on a tiny encoder."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "benchmarks"


@pytest.fixture(scope="module")
def modules() -> Any:
    sys.path.insert(0, str(FOLDER))
    try:
        import compare
        from comparison import data, theirs

        yield argparse.Namespace(compare=compare, data=data, theirs=theirs)
    finally:
        sys.path.remove(str(FOLDER))


def test_lengths_are_those_of_xnli(modules: Any) -> None:
    """English training pairs with special symbols, cut at 128: mean 43.5, quantiles below."""
    lengths = np.minimum(modules.data.draw_lengths(20_000, 0, np.random.default_rng(1)).sum(0) + 4, 128)
    assert lengths.mean() == pytest.approx(43.54, abs=0.5)
    assert np.percentile(lengths, [5, 25, 50, 75, 95]) == pytest.approx([17, 29, 41, 55, 80], abs=2)
    fixed = modules.data.draw_lengths(7, 64, np.random.default_rng(1))
    assert (fixed.sum(0) + 4 == 64).all() and fixed.min() > 10


def unit(number: int, wall: float, rows: int = 32, kind: str = "update", peak: float = 2.0) -> dict[str, Any]:
    return {"round": number, "kind": kind, "wall": wall, "cpu": 2 * wall, "rows": rows, "peak": peak, "loaded": 1.0}


def test_ratios_by_hand(modules: Any) -> None:
    """The round that warms up does not count; a round's ratio is that of its sums."""
    compare = modules.compare
    args = argparse.Namespace(clock="wall", batch=32, rounds=3)
    plain = [unit(0, 9.0), *(unit(number, 1.0) for number in (1, 1, 2, 2, 3, 3))]
    mixup = [unit(0, 1.0, peak=3.0), unit(1, 1.0), unit(1, 3.0), unit(2, 2.0), unit(2, 4.0), unit(3, 1.0), unit(3, 1.0)]
    row = compare.row_of("X-Mixup", "update", {"plain": plain, "X-Mixup": mixup}, args)
    assert row["time"] == {"median": 2.0, "first_quartile": 1.5, "third_quartile": 2.5}
    assert row["seconds"]["median"] == 2.0 and row["memory"] == 1.5 and row["peak_gib"] == 3.0
    labelling = [*mixup, unit(2, 8.0, rows=128, kind="XLA labelling")]
    row = compare.row_of("XLA", "XLA labelling", {"plain": plain, "XLA": labelling}, args)
    assert row["seconds"]["median"] == 2.0 and row["time"]["median"] == 2.0
    hf = {"time": {"median": 4.0}, "memory": 2.0}
    lines = compare.table({"Hugging Face": {**row, **hf, "time": {**row["time"], "median": 4.0}}, "XLA": row})
    assert lines[2].split()[-4:] == ["0.500", "3.00", "1.500", "0.750"]


def test_rows_and_padding_of_the_other_side(modules: Any) -> None:
    import torch

    theirs = modules.theirs
    epoch = [
        (torch.tensor([[0, 5, 2], [0, 2, 1]]), torch.tensor([2, 1])),
        (torch.tensor([[0, 7, 2]]), torch.tensor([0])),
    ]
    rows = theirs.rows_of(epoch)
    assert sorted((row.tolist(), label) for row, label in rows) == [([0, 2], 1), ([0, 5, 2], 2), ([0, 7, 2], 0)]
    batch = theirs.Collator(5)(rows)
    assert batch["input_ids"].shape == (3, 5) and int(batch["attention_mask"].sum()) == 8
    assert theirs.Collator()(rows)["input_ids"].shape == (3, 3)


@pytest.mark.slow
@pytest.mark.timeout(1900)
def test_every_row_on_a_tiny_encoder(modules: Any, tmp_path: Path) -> None:
    """Without dropout the first losses of the plain run and of Hugging Face are one number: the weights, the head and
    the batches are the same."""
    words = ["--shape", "tiny", "--rounds", "2", "--updates", "2", "--batch", "4", "--dropout", "0", "--clock", "cpu"]
    done = subprocess.run(
        [sys.executable, str(FOLDER / "compare.py"), *words, "--json", str(tmp_path / "out.json")],
        capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "out.json").read_text())
    expected = [*modules.compare.ROWS]
    assert [name for name in found["rows"] if name != "XLA labelling"] == expected
    assert [name for name in expected if f"\n{name} " not in done.stdout] == []
    for name, row in found["rows"].items():
        assert 0.02 < row["time"]["median"] < 50 and 0.1 < row["memory"] < 10, (name, row)
    units = found["units"]["Hugging Face"]
    losses = [[one["loss"] for one in units[name]] for name in ("plain", "Hugging Face")]
    assert losses[0] == pytest.approx(losses[1], abs=2e-3) and len(losses[0]) == 6


def test_an_unknown_row_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / "compare.py"), "--only", "X-Mixup,Y-Mixup"], capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stderr.startswith("--only Y-Mixup: expected some of plain, Hugging Face, ")
