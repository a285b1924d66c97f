"""Updates of a run, from the limits and the length of its epochs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from xl_plugins.optim.progress import Progress


@pytest.mark.parametrize(
    ("max_update", "max_epoch", "expected"), [(0, 0, None), (70, 0, 70), (0, 3, 35), (20, 3, 20), (70, 3, 35)]
)
def test_total(max_update: int, max_epoch: int, expected: int | None) -> None:
    """Epochs of 30 micro-batches: 15 updates of 2, then 10 of 3 twice."""
    progress = Progress()
    progress.learn(lambda frequency: 30 // frequency)
    limits = SimpleNamespace(max_update=max_update, max_epoch=max_epoch, update_freq=[2, 3])
    assert progress.total(limits) == expected


def test_epochs_of_unknown_length() -> None:
    limits = SimpleNamespace(max_update=0, max_epoch=3, update_freq=[1])
    assert Progress().total(limits) is None
