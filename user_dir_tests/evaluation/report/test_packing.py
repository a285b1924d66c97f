"""Counters of examples survive JSON exactly and take little room."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.evaluation.report.packing import pack, unpack


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1e12, allow_nan=False), min_size=3, max_size=3), max_size=20))
def test_exact(rows: list) -> None:
    values = np.array(rows, dtype=np.float64).reshape(-1, 3)
    assert (unpack(json.loads(json.dumps(pack(values)))) == values).all()


@pytest.mark.parametrize(("top", "kind"), [(255, "u1"), (256, "u2"), (65536, "u4"), (2**32, "f8"), (0.5, "f8")])
def test_smallest_type(top: float, kind: str) -> None:
    values = np.array([[0, 1], [top, 1]])
    assert pack(values).startswith(f"{kind}:2x2:")
    assert (unpack(pack(values)) == values).all()


def test_size() -> None:
    """XNLI's 5,010 examples at 70 % take 1.5 kB."""
    draw = np.random.default_rng(0)
    values = np.stack([draw.random(5010) < 0.7, np.ones(5010)], axis=1)
    assert len(pack(values)) < 1500


@pytest.mark.parametrize(
    "text", ["", "u1:2x1:", "u9:1x1:abc", "u1:2x2:" + pack(np.ones((1, 2))).split(":")[2], "u1:1x1:\x00"]
)
def test_anything_else(text: str) -> None:
    with pytest.raises(ValueError):
        unpack(text)
