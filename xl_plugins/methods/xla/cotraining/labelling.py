"""Labels and confidences that members give to pools, in batches, shared by the ranks (XLA, ACL 2021, section 3.3)."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fairseq import utils

from ....data.binary.rows import spread
from ....errors import UserError
from ....functional.selection import unit_confidence
from .autocast import autocast
from .pools import Pool
from .ranks import rank_and_size, sum_over_ranks

logger = logging.getLogger(__name__)
_ENOUGH = 64  # batches for which loader workers are worth their start


@dataclass
class PoolLabels:
    """A member's labels of a pool: confidence (N,), loss (N,) float64, and those of all units one after the other."""

    confidence: np.ndarray
    losses: np.ndarray
    labels: np.ndarray


class Labeller:
    """Runs members over pools and data sets. A member's labels are kept until it changes.

    ``passes`` counts runs over a pool; ``seconds`` their time.
    """

    def __init__(self, task: Any, model: Any, max_tokens: int, precision: str, workers: int) -> None:
        self.task, self.problem, self.model = task, task.problem, model
        self.max_tokens, self.precision, self.workers = max_tokens, precision, workers
        self.versions = [0] * len(model.members)  # how often each member has changed
        self.passes, self.seconds = 0, 0.0
        self._cache: dict[tuple[int, str], tuple[int, PoolLabels]] = {}
        self._batches: weakref.WeakKeyDictionary[Any, list[np.ndarray]] = weakref.WeakKeyDictionary()

    def changed(self, member: int) -> None:
        """Forget the labels of a member whose weights are not what they were."""
        self.versions[member] += 1
        self._cache = {key: value for key, value in self._cache.items() if key[0] != member}

    def labels(self, member: int, pool: Pool) -> PoolLabels:
        """A member's labels of a pool."""
        version, key = self.versions[member], (member, pool.name)
        found = self._cache.get(key)
        if found is None or found[0] != version:
            self._cache[key] = found = (version, self._label(member, pool))
        return found[1]

    def _label(self, member: int, pool: Pool) -> PoolLabels:
        begin = time.perf_counter()
        self.passes += 1
        scores, labels = np.zeros((2, len(pool))), np.zeros(int(pool.sizes.sum()), np.int64)

        def note(sample: Any, values: list[np.ndarray], sizes: np.ndarray) -> None:
            units = sample["unit"].cpu().numpy()
            if not np.array_equal(sizes, pool.sizes[units]):
                raise RuntimeError(f"pool {pool.name}: predictions and texts differ in their words")
            confidence, found, losses = unit_confidence(values[0], sizes)
            self._check(member, pool, units, confidence, losses)
            scores[0, units], scores[1, units] = confidence, losses
            labels[spread(pool.starts[units], sizes)] = found

        self._run([member], pool.dataset, note)
        sum_over_ranks(scores, labels)
        self.seconds += time.perf_counter() - begin
        return PoolLabels(scores[0], scores[1], labels)

    def _check(self, member: int, pool: Pool, units: np.ndarray, confidence: np.ndarray, losses: np.ndarray) -> None:
        bad = ~(np.isfinite(confidence) & np.isfinite(losses))
        if bad.any():
            raise UserError(
                f"member {member + 1} gives row {pool.row(int(units[bad][0]))} of pool {pool.name} a confidence that is"
                " not finite; its training has diverged: lower --lr or --xla-warmup-lr"
            )

    # -- running members --

    def counters(self, members: Sequence[int], dataset: Any) -> dict[str, float]:
        """Sums of the problem's counters over a labelled data set; several members are averaged by probability."""
        names = [f"_{name}_{lang}" for name in self.problem.counter_names for lang in self.task.languages]
        table = np.zeros(len(names))

        def count(sample: Any, values: list[np.ndarray], sizes: np.ndarray) -> None:
            mean = torch.from_numpy(np.sum(values, axis=0) / len(values))
            sample = utils.move_to_cpu(sample)
            found = self.problem.counters(mean, torch.from_numpy(sizes), sample, self.task.languages)
            np.add(table, [found[name] for name in names], out=table)

        self._run(members, dataset, count)
        sum_over_ranks(table)
        return dict(zip(names, table.tolist()))

    def scores(self, members: Sequence[int], dataset: Any, languages: Sequence[str]) -> dict[str, float]:
        """The problem's metric of a member, or of several as an ensemble, per language of a labelled data set."""
        sums = self.counters(members, dataset)
        return {
            lang: self.problem.scores({n: sums[f"_{n}_{lang}"] for n in self.problem.counter_names})[
                self.problem.metric
            ]
            for lang in languages
        }

    def _run(
        self, members: Sequence[int], dataset: Any, handle: Callable[[Any, list[np.ndarray], np.ndarray], None]
    ) -> None:
        """Give ``handle`` every batch of this rank with the members' probabilities (K, C) and the rows of each unit."""
        device = next(self.model.parameters()).device
        with self.model.evaluating(), autocast(self.precision, device):
            for sample in self._samples(dataset):
                sample = utils.move_to_cuda(sample, device) if device.type == "cuda" else sample
                values = []
                for member in members:
                    output, _ = self.model.members[member](
                        **sample["net_input"], classification_head_name=self.problem.head_name
                    )
                    probabilities, sizes = self.problem.values(output, sample)
                    values.append(probabilities.float().cpu().numpy())
                handle(sample, values, sizes.cpu().numpy())

    def _samples(self, dataset: Any) -> Any:
        """Batches by (length, number), dealt to the ranks: their composition depends on no rank."""
        if dataset not in self._batches:
            order = np.argsort(dataset.sizes, kind="stable")
            limit = max(self.max_tokens, int(dataset.tokens_per_unit.max()))
            self._batches[dataset] = dataset.batch_by_size(order, max_tokens=limit)
        rank, ranks = rank_and_size()
        batches = self._batches[dataset][rank::ranks]
        return torch.utils.data.DataLoader(
            dataset, batch_sampler=[batch.tolist() for batch in batches], collate_fn=dataset.collater,
            num_workers=self.workers if len(batches) >= _ENOUGH else 0,
            generator=torch.Generator(),  # draws nothing from the generator that dropout uses
        )  # fmt: skip
