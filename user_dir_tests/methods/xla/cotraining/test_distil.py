"""The texts and labels that a stage takes of a pool, in worked numbers; the accuracy of labels is the metric's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from xl_plugins.functional.scores.metrics import METRICS
from xl_plugins.methods.xla.cotraining.distil import DistilOptions, select
from xl_plugins.methods.xla.cotraining.labelling import PoolLabels
from xl_plugins.methods.xla.cotraining.plan import Stage

SIZES = np.array([1, 2, 1, 3])
LABELS = np.array([0, 1, 1, 2, 0, 0, 1])  # of all seven words


class Pool(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.sizes)


def chosen(gold: np.ndarray | None, eta: str = "75") -> tuple[Any, Any]:
    confidence = {0: np.array([0.9, 0.8, 0.1, 0.7]), 1: np.array([0.2, 0.8, 0.6, 0.7])}
    labels = {peer: PoolLabels(values, -values, LABELS) for peer, values in confidence.items()}
    labeller: Any = SimpleNamespace(labels=lambda peer, pool: labels[peer])
    pools: Any = {"tgt": Pool(gold=gold, sizes=SIZES, dataset=None)}
    sets, reports = select(Stage(1, 1, (0, 1), 2, ("tgt",), eta), pools, labeller, DistilOptions())
    return sets[0], reports["tgt"]


def test_texts_that_both_are_sure_of() -> None:
    taken, report = chosen(gold=np.array([0, 1, 0, 2, 0, 1, 1]))
    assert taken.rows.tolist() == [1, 3] and taken.labels.tolist() == [1, 1, 0, 0, 1]
    assert (report.size, report.kept, report.agreed) == (4, [3, 3], 2)
    assert report.accuracy == float(METRICS["accuracy"].score((3, 5))) == 60.0


@pytest.mark.parametrize(("gold", "eta"), [(None, "75"), (np.zeros(7), "0.1")])
def test_no_accuracy_without_gold_or_texts(gold: np.ndarray | None, eta: str) -> None:
    assert chosen(gold, eta)[1].accuracy is None
