"""The order of trainings (XLA, ACL 2021, Algorithm 1), and how options become stages."""

from __future__ import annotations

from itertools import pairwise

import pytest

from xl_plugins.errors import UserError
from xl_plugins.methods.xla.cotraining.plan import (
    DATASETS,
    ETA,
    Stage,
    count_stages,
    make_plan,
    parse_datasets,
    parse_eta,
    parse_seeds,
)

ORDER = [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)]  # (k, j, l)


def triples(stages: list[Stage]) -> list[tuple[int, ...]]:
    return [(*(peer + 1 for peer in stage.peers), stage.member + 1) for stage in stages]


def test_the_articles_run() -> None:
    plan = make_plan(3, DATASETS, ETA, with_warmup=False)
    assert triples(plan) == 3 * ORDER
    assert [stage.number for stage in plan] == list(range(1, 19))
    assert [stage.epoch for stage in plan] == 6 * [1] + 6 * [2] + 6 * [3]
    first, second, third = ("src", "tgt"), ("tgt_virt",), ("src", "tgt", "src_virt", "tgt_virt")
    assert [stage.pools for stage in plan] == 6 * [first] + 6 * [second] + 6 * [third]
    assert [stage.eta for stage in plan] == 6 * ["80"] + 6 * ["100"] + 6 * ["100"]
    assert [stage.number for stage in plan if stage.ends_epoch] == [6, 12, 18]
    assert not any(stage.is_warmup for stage in plan)


def test_warm_up_of_every_member_comes_first() -> None:
    plan = make_plan(2, "1:src,tgt|2:tgt", "50,62.5", with_warmup=True)
    assert [stage.number for stage in plan] == list(range(1, 16))
    warmup, rest = plan[:3], plan[3:]
    assert [(s.epoch, s.peers, s.member, s.pools) for s in warmup] == [(0, (), m, ("src",)) for m in range(3)]
    assert all(s.is_warmup and not s.ends_epoch for s in warmup)
    assert triples(rest) == 2 * ORDER and not any(s.is_warmup for s in rest)
    assert [s.number for s in rest if s.ends_epoch] == [9, 15]
    assert {s.eta for s in rest[6:]} == {"62.5"}


@pytest.mark.parametrize("epochs, warmup, count", [(3, False, 18), (3, True, 21), (1, False, 6), (2, True, 15)])
def test_number_of_stages(epochs: int, warmup: bool, count: int) -> None:
    sets, eta = "|".join(f"{e + 1}:src" for e in range(epochs)), ",".join(epochs * ["80"])
    assert count_stages(epochs, warmup) == count == len(make_plan(epochs, sets, eta, warmup))


def test_no_member_teaches_itself_and_peers_are_the_latest() -> None:
    """Every member is trained by both orders of its peers, and the one just trained teaches in the next stage or is
    trained again after the other peer changed."""
    plan = make_plan(1, "1:src", "80", with_warmup=False)
    for stage in plan:
        assert sorted([*stage.peers, stage.member]) == [0, 1, 2]
    assert sorted(stage.member for stage in plan) == [0, 0, 1, 1, 2, 2]
    assert len({(stage.peers, stage.member) for stage in plan}) == 6
    assert all(before.member in after.peers for before, after in pairwise(plan))


def test_description_counts_from_one() -> None:
    plan = make_plan(1, "1:src", "80", with_warmup=True)
    assert plan[1].describe() == "stage 2: warm-up of member 2"
    assert plan[3].describe() == "stage 4: XLA epoch 1, members 1 and 2 teach member 3"
    assert plan[8].describe() == "stage 9: XLA epoch 1, members 3 and 2 teach member 1"


# -- options --


def test_datasets() -> None:
    assert parse_datasets(" 2 : tgt | 1: src , en/counterparts/de ", 2) == [("src", "en/counterparts/de"), ("tgt",)]


@pytest.mark.parametrize(
    "text, epochs, expected",
    [
        ("src,tgt", 1, "'src,tgt' is not EPOCH:POOL,POOL; write for example 1:src"),
        ("one:src", 1, "'one:src' is not EPOCH"),
        ("1:", 1, "'1:' is not EPOCH"),
        ("²:src", 1, "'²:src' is not EPOCH"),
        ("", 1, "'' is not EPOCH"),
        ("1:src|", 1, "'' is not EPOCH"),
        ("1:src,tgt,src", 1, "a pool is named twice in '1:src,tgt,src'"),
        ("1:src|1:tgt", 1, "XLA epoch 1 is given twice"),
        ("1:src|2:tgt", 3, "gives pools of XLA epochs 1, 2, expected 1, 2, 3 because of --xla-epochs 3"),
        ("1:src|2:tgt", 1, "gives pools of XLA epochs 1, 2, expected 1 because"),
        ("0:src", 1, "gives pools of XLA epochs 0, expected 1"),
    ],
)
def test_datasets_that_are_refused(text: str, epochs: int, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_datasets(text, epochs)
    assert str(caught.value).startswith(f"--xla-datasets {text}") and expected in str(caught.value)


def test_shares_stay_as_given() -> None:
    assert parse_eta("80, 77.5,100", 3) == ["80", "77.5", "100"]
    assert parse_eta("1,80", 2) == ["1", "80"]  # one per cent, as the other shows


@pytest.mark.parametrize(
    "text, epochs, expected",
    [
        ("0,80,80", 3, "expected percentages above 0 and up to 100, such as 80,100,100"),
        ("80,100.5,80", 3, "expected percentages"),
        ("-5", 1, "expected percentages"),
        ("nan", 1, "expected percentages"),
        ("inf", 1, "expected percentages"),
        ("half", 1, "expected percentages"),
        ("80,", 2, "expected percentages"),
        ("80,100", 3, "2 percentages, expected 3, one for each of --xla-epochs 3"),
        ("80,100", 1, "2 percentages, expected 1"),
        ("0.8,1,1.0", 3, "these are percentages, not shares; write 80 for 80 %"),
        ("0.5", 1, "these are percentages, not shares"),
    ],
)
def test_shares_that_are_refused(text: str, epochs: int, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_eta(text, epochs)
    assert str(caught.value).startswith(f"--distill-eta {text}: ") and expected in str(caught.value)


def test_seeds() -> None:
    assert parse_seeds("1000, 3000,4000") == (1000, 3000, 4000)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("1,2", "expected 3 numbers from 0 to 2^32 - 1, such as 1000,3000,4000"),
        ("1,2,3,4", "expected 3 numbers"),
        ("1,2,-3", "expected 3 numbers"),
        ("1,2,x", "expected 3 numbers"),
        ("1,2,3²", "expected 3 numbers"),
        ("1,2,4294967296", "expected 3 numbers"),
        ("7,3,7", "two members would be the same; give different seeds"),
        ("7,3,07", "two members would be the same; give different seeds"),
    ],
)
def test_seeds_that_are_refused(text: str, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_seeds(text)
    assert str(caught.value).startswith(f"--xla-member-seeds {text}: ") and expected in str(caught.value)


@pytest.mark.parametrize("epochs", [0, -1])
def test_at_least_one_epoch(epochs: int) -> None:
    with pytest.raises(UserError, match=rf"^--xla-epochs {epochs}: expected at least 1"):
        make_plan(epochs, DATASETS, ETA, with_warmup=False)
