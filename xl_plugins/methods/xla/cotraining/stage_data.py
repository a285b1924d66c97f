"""The training data of one stage: selected sets as one data set, and its micro-batches (XLA, ACL 2021, Eq. 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ....functional.selection import draw_batches, sampling_probabilities
from .distil import Selected
from .plan import SOURCE
from .pools import Pools


@dataclass
class StageData:
    """The data that a stage trains on.

    sets: as selected, empty ones left out; dataset: their units one set after the other; probabilities: p of each set.
    """

    sets: list[Selected]
    dataset: Any
    probabilities: np.ndarray

    @property
    def sizes(self) -> list[int]:
        """Units of each set, n_i."""
        return [len(one.rows) for one in self.sets]

    def batches(self, batch_size: int, count: int, seed: Sequence[int]) -> list[list[int]]:
        """``count`` micro-batches, each of one set."""
        return [batch.tolist() for batch in draw_batches(self.sizes, self.probabilities, batch_size, count, seed)]

    def state_dict(self) -> list[dict[str, Any]]:
        """The selection, for a checkpoint; gold labels are not repeated."""
        return [
            {"pool": one.pool, "rows": torch.from_numpy(one.rows.astype(np.int32)), "labels": _small(one.labels)}
            if one.pool != SOURCE
            else {"pool": one.pool}
            for one in self.sets
        ]


def make_data(sets: Sequence[Selected], pools: Pools, alpha: float) -> StageData:
    """The data of a stage; there must be something in one of the sets."""
    sets = [one for one in sets if len(one.rows)]
    parts = []
    for one in sets:
        pool = pools[one.pool]
        whole = one.pool == SOURCE
        parts.append(
            pool.part if whole else pool.problem.relabelled(pool.part, one.rows, one.labels, pool.sizes[one.rows])
        )
    dataset = pools.problem.build_dataset(parts, shuffle=False)
    return StageData(sets, dataset, sampling_probabilities([len(one.rows) for one in sets], alpha))


def restore_sets(state: Sequence[dict[str, Any]], pools: Pools) -> list[Selected]:
    """The sets of :meth:`StageData.state_dict`."""
    sets = []
    for entry in state:
        pool = pools[entry["pool"]]
        if pool.name == SOURCE:
            assert pool.gold is not None
            sets.append(Selected(pool.name, np.arange(len(pool)), pool.gold))
        else:
            rows, labels = (entry[name].numpy().astype(np.int64) for name in ("rows", "labels"))
            sets.append(Selected(pool.name, rows, labels))
    return sets


def _small(labels: np.ndarray) -> torch.Tensor:
    """Labels in as few bytes as they need; NCCL broadcasts no int16."""
    return torch.from_numpy(labels.astype(np.int8 if labels.max(initial=0) < 128 else np.int32))
