"""Which member trains on what in which stage (XLA, ACL 2021, Algorithm 1 and Table 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ....errors import UserError
from ....functional.selection import training_order
from ....ranges import LARGEST_SEED, POSITIVE
from ..model import MEMBERS

SOURCE, TARGET, SOURCE_VIRTUAL, TARGET_VIRTUAL = "src", "tgt", "src_virt", "tgt_virt"
DATASETS = "1:src,tgt|2:tgt_virt|3:src,tgt,src_virt,tgt_virt"
ETA = "80,100,100"
EPOCHS = POSITIVE.said("at least 1 (XLA: 3)")


@dataclass(frozen=True)
class Stage:
    """One training of one member, which is one fairseq epoch.

    number: from 1, as fairseq counts epochs; epoch: XLA epoch from 1, 0 in the warm-up; peers: the two members (from 0)
    that label, none in the warm-up; member: the one that trains; pools: what it trains on; eta: share in percent that
    each peer keeps, as given.
    """

    number: int
    epoch: int
    peers: tuple[int, ...]
    member: int
    pools: tuple[str, ...]
    eta: str

    @property
    def is_warmup(self) -> bool:
        return self.epoch == 0

    @property
    def ends_epoch(self) -> bool:
        """Whether an XLA epoch is over after it."""
        return not self.is_warmup and self.member == 0 and self.peers == (2, 1)

    def describe(self) -> str:
        """For messages and the log; members are counted from 1, as in the article."""
        if self.is_warmup:
            return f"stage {self.number}: warm-up of member {self.member + 1}"
        k, j = (peer + 1 for peer in self.peers)
        return f"stage {self.number}: XLA epoch {self.epoch}, members {k} and {j} teach member {self.member + 1}"


def make_plan(epochs: int, datasets: str, eta: str, with_warmup: bool) -> list[Stage]:
    """All stages of a run, with the warm-up of three members before or without.

    Raises:
        UserError: data sets or shares that do not fit the number of XLA epochs.
    """
    EPOCHS.check("--xla-epochs", epochs)
    pools, shares = parse_datasets(datasets, epochs), parse_eta(eta, epochs)
    stages = [Stage(m + 1, 0, (), m, (SOURCE,), "100") for m in range(MEMBERS if with_warmup else 0)]
    for epoch, k, j, member in training_order(epochs):
        stages.append(Stage(len(stages) + 1, epoch, (k, j), member, pools[epoch - 1], shares[epoch - 1]))
    return stages


def count_stages(epochs: int, with_warmup: bool) -> int:
    """How many stages, that is fairseq epochs, a run has."""
    return MEMBERS * (MEMBERS - 1) * epochs + (MEMBERS if with_warmup else 0)


def parse_datasets(text: str, epochs: int) -> list[tuple[str, ...]]:
    """``1:src,tgt|2:tgt_virt``: the pools of every XLA epoch."""
    option = f"--xla-datasets {text}"
    found: dict[int, tuple[str, ...]] = {}
    for entry in text.split("|"):
        number, colon, names = entry.partition(":")
        pools = tuple(name.strip() for name in names.split(",") if name.strip())
        if not colon or not number.strip().isdecimal() or not pools:
            raise UserError(f"{option}: '{entry}' is not EPOCH:POOL,POOL; write for example {DATASETS}")
        if len(set(pools)) < len(pools):
            raise UserError(f"{option}: a pool is named twice in '{entry}'; name each once")
        if int(number) in found:
            raise UserError(f"{option}: XLA epoch {int(number)} is given twice; give each once")
        found[int(number)] = pools
    wanted = list(range(1, epochs + 1))
    if sorted(found) != wanted:
        raise UserError(
            f"{option}: gives pools of XLA epochs {_listed(sorted(found))}, expected {_listed(wanted)} because of"
            f" --xla-epochs {epochs}"
        )
    return [found[number] for number in wanted]


def parse_eta(text: str, epochs: int) -> list[str]:
    """``80,100,100``: the share in percent of every XLA epoch, as text, so that counting stays exact."""
    option, shares = f"--distill-eta {text}", [part.strip() for part in text.split(",")]
    values = [_number(part) for part in shares]
    if any(value is None or not 0 < value <= 100 for value in values):
        raise UserError(f"{option}: expected percentages above 0 and up to 100, such as {ETA}")
    if len(values) != epochs:
        raise UserError(
            f"{option}: {len(values)} percentages, expected {epochs}, one for each of --xla-epochs {epochs}"
        )
    if all(value is not None and value <= 1 for value in values):
        raise UserError(f"{option}: these are percentages, not shares; write 80 for 80 %")
    return shares


def parse_seeds(text: str) -> tuple[int, ...]:
    """``1000,3000,4000``: a seed for each member."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != MEMBERS or not all(part.isdecimal() and int(part) <= LARGEST_SEED for part in parts):
        raise UserError(
            f"--xla-member-seeds {text}: expected {MEMBERS} numbers from 0 to 2^32 - 1, such as 1000,3000,4000"
        )
    seeds = tuple(map(int, parts))
    if len(set(seeds)) < MEMBERS:
        raise UserError(f"--xla-member-seeds {text}: two members would be the same; give different seeds")
    return seeds


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))
