"""From the labels of two members to the sets that the third one trains on (XLA, ACL 2021, section 3.3)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ....errors import UserError
from ....functional.mixture import COMPONENTS, EQUAL, good_component
from ....functional.scores.metrics import METRICS
from ....functional.selection import agreement, most_confident
from .labelling import Labeller, PoolLabels
from .plan import SOURCE, Stage
from .pools import Pool, Pools
from .ranks import copy_from_first, rank_and_size

logger = logging.getLogger(__name__)
FEATURES = ("loss", "length")


@dataclass(frozen=True)
class DistilOptions:
    """How confident labels are told from others (XLA, Table 8)."""

    kind: str = "confidence"
    threshold: float = 0.5
    features: tuple[str, ...] = ("loss",)
    standardize: bool = False
    agreement: str = "intersection"


@dataclass
class Selected:
    """The part of a pool that a stage takes: rows (n,) of it ascending, and their labels one after the other."""

    pool: str
    rows: np.ndarray
    labels: np.ndarray


@dataclass
class PoolReport:
    """The fate of a pool: its size, how much each peer kept, how much both agreed on, and the accuracy of the labels
    in percent where gold labels are known."""

    size: int
    kept: list[int] = field(default_factory=list)
    agreed: int = 0
    accuracy: float | None = None


def parse_features(text: str) -> tuple[str, ...]:
    """``loss,length``."""
    names = tuple(part.strip() for part in text.split(","))
    if names not in (("loss",), FEATURES):
        raise UserError(f"--gmm-features {text}: expected loss, or loss,length")
    return names


def select(
    stage: Stage, pools: Pools, labeller: Labeller, options: DistilOptions
) -> tuple[list[Selected], dict[str, PoolReport]]:
    """The sets of a stage in the order of its pools, and what became of each pool."""
    chosen: list[Selected] = []
    reports: dict[str, PoolReport] = {}
    for name in stage.pools:
        pool = pools[name]
        if name == SOURCE:  # gold labels, never relabelled
            assert pool.gold is not None
            chosen.append(Selected(name, np.arange(len(pool)), pool.gold))
            reports[name] = PoolReport(len(pool), agreed=len(pool))
            continue
        first, second = (labeller.labels(peer, pool) for peer in stage.peers)
        kept_first, kept_second = (
            distil(labels, pool, stage.eta, options, f"member {peer + 1}, pool {name}")
            for labels, peer in zip((first, second), stage.peers)
        )
        rows, labels = agreement(kept_first, kept_second, first.labels, second.labels, pool.sizes, options.agreement)
        chosen.append(Selected(name, rows, labels))
        reports[name] = PoolReport(
            len(pool), [len(kept_first), len(kept_second)], len(rows), _accuracy(pool, rows, labels)
        )
    return chosen, reports


def distil(labels: PoolLabels, pool: Pool, eta: str, options: DistilOptions, where: str) -> np.ndarray:
    """Ascending indices of the units of a pool whose labels a member is sure of."""
    if options.kind == "confidence":
        return most_confident(labels.confidence, eta)
    if len(pool) < COMPONENTS:
        raise UserError(f"--distill-type gmm: {where} has {len(pool)} text, a mixture of two needs two; use confidence")
    features = {"loss": labels.losses, "length": pool.sizes if pool.sizes.max() > 1 else pool.dataset.sizes}
    columns = np.stack([np.asarray(features[name], np.float64) for name in options.features], axis=1)
    if np.ptp(columns[:, 0]) < EQUAL:
        logger.warning("--distill-type gmm: all losses of %s are equal, so all texts are kept", where)
    mask = np.zeros(len(columns), bool)
    if rank_and_size()[0] == 0:  # one fit for all ranks, whose arithmetic may differ
        mask, _ = good_component(columns, options.threshold, options.standardize)
    return np.flatnonzero(copy_from_first(mask.astype(np.uint8)))


def _accuracy(pool: Pool, rows: np.ndarray, labels: np.ndarray) -> float | None:
    """Share of pseudo-labels that are right, in percent: for the log alone."""
    if pool.gold is None or not len(labels):
        return None
    gold = pool.gold[np.repeat(np.isin(np.arange(len(pool)), rows), pool.sizes)]
    return float(METRICS["accuracy"].score((np.count_nonzero(gold == labels), len(labels))))


def refuse_empty(
    stage: Stage, reports: dict[str, PoolReport], updates: int, per_update: int, passes: float
) -> None:  # fmt: skip
    """UserError for a stage that has nothing to train on, or less than one update."""
    if updates:
        return
    pools = "; ".join(
        f"{name}: {r.size} texts" + (f", kept {' and '.join(map(str, r.kept))}, agreed on {r.agreed}" if r.kept else "")
        for name, r in reports.items()
    )
    if stage.is_warmup:
        advice = f"more --xla-warmup-passes than {passes:g}, or smaller batches"
    elif passes >= 1:
        eta = "a larger --distill-eta, " if float(stage.eta) < 100 else "--agreement union, "
        advice = f"{eta}smaller batches, or better members"
    else:
        advice = f"more --xla-passes than {passes:g}, a larger --distill-eta, or smaller batches"
    raise UserError(f"{stage.describe()}: not enough data for one update of {per_update} ({pools}); take {advice}")


def describe(reports: dict[str, PoolReport]) -> dict[str, Any]:
    """As JSON."""
    return {
        name: {"size": r.size, "kept": r.kept, "agreed": r.agreed, "accuracy": r.accuracy}
        for name, r in reports.items()
    }
