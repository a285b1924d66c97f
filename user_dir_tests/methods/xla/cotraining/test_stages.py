"""Effects of a stage on members, optimiser, rates and checkpoints, in whole runs whose every checkpoint is kept."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.cotrain import DROPOUT, POOLS, make, members, one_by_one, run, same, stage_log
from user_dir_tests.helpers.cotrain import folders as folders  # a fixture
from user_dir_tests.helpers.running.training import load
from xl_plugins.functional.selection import linear_factor
from xl_plugins.methods.xla.cotraining.plan import make_plan
from xl_plugins.methods.xla.cotraining.stage_log import StageLog
from xl_plugins.methods.xla.schedule import StageLinearSchedule

PLAN = make_plan(1, "1:" + ",".join(POOLS), "80", with_warmup=True)


class Traced(NamedTuple):
    """A run: its folder, checkpoints by stage (0: the start), those within stages, its log, (update, rate) of all."""

    save: Path
    ends: list[dict]
    within: list[tuple[int, dict]]
    log: list[dict]
    rates: list[tuple[int, float]]


@pytest.fixture(scope="module", params=[pytest.param("sentence_pair", marks=pytest.mark.slow), "tagging"])
def problem(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def traced(problem: str, folders: dict, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """Checkpoints at the end of every stage and after every fourth update, with dropout."""
    save, rates = tmp_path_factory.mktemp(problem), []
    step_update = StageLinearSchedule.step_update

    def noted(self: StageLinearSchedule, updates: int) -> float:
        rates.append((updates, step_update(self, updates)))
        return rates[-1][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StageLinearSchedule, "step_update", noted)
        keep = {"save_interval_updates": 4, "keep_interval_updates": -1, "keep_last_epochs": -1}
        run(patch, folders, problem, save, **DROPOUT, **keep)
    ends = [load(save / f"checkpoint{number}.pt") for number in range(1, len(PLAN) + 1)]
    files = {path: re.fullmatch(r"checkpoint_(\d+)_(\d+)\.pt", path.name) for path in save.iterdir()}
    order = sorted((int(found[2]), int(found[1]), path) for path, found in files.items() if found)
    yield Traced(save, ends, [(stage, load(path)) for _, stage, path in order], stage_log(save), rates)


def adam_states(checkpoint: dict) -> dict[int, dict]:
    return checkpoint["last_optimizer_state"]["state"]


def snapshot(checkpoint: dict) -> dict:
    return {k.removeprefix("snapshot."): v for k, v in checkpoint["model"].items() if k.startswith("snapshot.")}


def parameters(checkpoint: dict, member: int) -> dict:
    """The parameters of a member, the shared embedding once, as a snapshot holds them."""
    return {name: members(checkpoint["model"])[member][name] for name in snapshot(checkpoint)}


# -- 5.1 (1): a stage changes its member and nothing else --


def test_a_stage_changes_its_member_only(traced: Traced) -> None:
    changed = []
    for stage, before, after in zip(PLAN[1:], traced.ends, traced.ends[1:]):
        ours, theirs = members(before["model"]), members(after["model"])
        assert [number for number in range(3) if not same(ours[number], theirs[number])] in ([stage.member], [])
        if not same(ours[stage.member], theirs[stage.member]):
            changed.append(stage.number)
    assert changed == [line["stage"] for line in traced.log[1:] if line["improved"]]
    assert set(changed) >= {2, 3} and len(changed) > 3


def test_every_weight_of_the_member_is_trained(traced: Traced) -> None:
    """Warm-up of member 1: all parameters but those the head does not read."""
    first = [state for number, state in traced.within if number == 1][-1]
    start, now = members(traced.ends[-1]["model"])[0].keys(), members(first["model"])
    assert start == now[0].keys()
    untouched = [name for name in now[0] if torch.equal(now[0][name], now[1][name])]
    assert all("lm_head" in name or "version" in name for name in untouched), untouched


def test_the_optimiser_knows_its_member_only(traced: Traced, problem: str, folders: dict) -> None:
    """Within a stage Adam's state is that member's, with the stage's own count of steps; at its end there is none."""
    assert len(traced.within) > 15
    model = make(folders, problem, encoder_layers=2).model
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    seen = set()
    for number, checkpoint in traced.within:
        updates = checkpoint["optimizer_history"][-1]["num_updates"]
        owners = {names[index].split(".")[1] for index in adam_states(checkpoint)}
        assert owners == {str(PLAN[number - 1].member)}
        counted = {int(state["step"]) for state in adam_states(checkpoint).values()}
        assert counted == {updates - sum(line["updates"] for line in traced.log[: number - 1])}
        seen.add(number)
    assert len(seen) == len(PLAN)
    assert all(adam_states(end) == {} for end in traced.ends)


# -- 5.1 (6): the best weights of a stage, its start included --


def test_a_member_that_does_not_improve_is_its_start(traced: Traced) -> None:
    worse = [line for line in traced.log if not line["improved"]]
    for line in worse:
        before, after = (members(traced.ends[n]["model"]) for n in (line["stage"] - 2, line["stage"] - 1))
        assert same(before[line["member"] - 1], after[line["member"] - 1])
        assert line["score"] == line["start_score"]


def test_snapshots_are_in_checkpoints_within_stages_only(traced: Traced) -> None:
    assert all(not snapshot(end) for end in traced.ends)
    for name in ("checkpoint_last.pt", "checkpoint_best.pt"):
        assert not snapshot(load(traced.save / name))
    for number, checkpoint in traced.within:
        assert snapshot(checkpoint).keys() == dict(members_named(checkpoint, PLAN[number - 1].member)).keys()


def members_named(checkpoint: dict, member: int) -> list[tuple[str, torch.Tensor]]:
    state = members(checkpoint["model"])[member]
    tied = "encoder.lm_head.weight"  # the embedding again
    return [(name, value) for name, value in state.items() if name != tied]


def test_a_snapshot_is_the_best_of_the_grid(traced: Traced) -> None:
    """Validations after every third update count, those for a checkpoint after every fourth do not."""
    seen = set()
    for number, checkpoint in traced.within:
        stage, held = checkpoint["extra_state"]["train_iterator"]["stage"], snapshot(checkpoint)
        member = PLAN[number - 1].member
        if number > 1 and not stage["improved"]:
            start = members(traced.ends[number - 2]["model"])[member]
            assert all(torch.equal(start[name], value) for name, value in held.items())
            seen.add("start")
        updates = checkpoint["optimizer_history"][-1]["num_updates"]
        done = updates - sum(line["updates"] for line in traced.log[: number - 1])
        if same(parameters(checkpoint, member), held):
            assert updates % 3 == 0 or done == 1  # the rate of a stage's first update may be 0
        else:
            seen.add("before")
    assert seen == {"start", "before"}


def test_the_result_is_the_best_validated_weights(traced: Traced, problem: str, folders: dict) -> None:
    """The logged score is what the member gets on the stage's dev set: in the warm-up the source's."""
    setup = make(folders, problem, encoder_layers=2)
    for stage, end, line in zip(PLAN, traced.ends, traced.log):
        setup.model.load_state_dict(copy.deepcopy(end["model"]))
        language = "en" if stage.is_warmup else "de"
        labeller = setup.task.stages.labeller
        found = labeller.scores([stage.member], setup.task.datasets["valid"], [language])[language]
        assert found == pytest.approx(line["score"], abs=1e-9), stage
        if stage.ends_epoch:
            for number, scores in enumerate([*line["members"], line["ensemble"]]):
                who = [number] if number < 3 else [0, 1, 2]
                again = labeller.scores(who, setup.task.datasets["valid"], ["en", "de"])
                assert scores == pytest.approx(again, abs=1e-9)


# -- scores, rates, selections --


def test_scores_follow_the_members(traced: Traced) -> None:
    """A stage starts from its member's last score; xla_dev is the mean of all and never falls."""
    best, means = [math.nan] * 3, []
    for stage, line, end in zip(PLAN, traced.log, traced.ends):
        extra = end["extra_state"]
        if stage.is_warmup:
            assert line["start_score"] is None and extra["val_loss"] == 0.0
            continue
        if stage.number == 4:
            best = [
                row["start_score"]
                for row in sorted(traced.log[3:9], key=lambda row: row["stage"])
                if row["stage"] in (4, 5, 7)
            ][::-1]  # members 3, 2, 1 are trained first in stages 4, 5, 7
        assert line["start_score"] == best[stage.member]
        assert line["score"] >= line["start_score"] and line["improved"] == (line["score"] > line["start_score"])
        best[stage.member] = line["score"]
        means.append(extra["val_loss"])
        assert means[-1] == pytest.approx(sum(best) / 3, abs=1e-9)
        assert extra["train_iterator"]["scores"].tolist() == best
    assert means == sorted(means)
    last = load(traced.save / "checkpoint_best.pt")
    assert last["extra_state"]["best"] == means[-1] and last["extra_state"]["val_loss"] == means[-1]


def test_every_stage_has_a_schedule_of_its_own(traced: Traced) -> None:
    start = 0
    rates = dict(traced.rates)  # the last answer to each number of updates
    first: dict[int, float] = {}
    for updates, rate in traced.rates:
        first.setdefault(updates, rate)
    for stage, line in zip(PLAN, traced.log):
        total, peak = line["updates"], 1e-2 if stage.is_warmup else 5e-3
        factors = [linear_factor(step, total, total // 10) for step in range(total)]
        assert [rates[start + step] for step in range(total)] == pytest.approx([peak * f for f in factors])
        assert total < 10 or (rates[start] == 0 and max(factors) == 1)
        start += total
        assert first[start] == 0  # after the last update, before the next stage
    assert traced.ends[-1]["optimizer_history"][-1]["num_updates"] == start


def test_selections_are_those_of_the_newest_peers(traced: Traced, problem: str, folders: dict) -> None:
    """Labels of the stage's peers as they were, text by text: the most confident floor(80 %), where both agree."""
    setup = make(folders, problem, encoder_layers=2)
    stored = {number: state["extra_state"]["train_iterator"]["stage"]["sets"] for number, state in traced.within}
    for stage in (PLAN[3], PLAN[5], PLAN[8]):
        setup.model.load_state_dict(copy.deepcopy(traced.ends[stage.number - 2]["model"]))
        sets = {entry["pool"]: entry for entry in stored[stage.number]}
        assert "rows" not in sets["src"] and "labels" not in sets["src"]
        for name in POOLS[1:]:
            dataset = setup.task.stages.pools[name].dataset
            kept, labels = [], []
            for peer in stage.peers:
                found = one_by_one(setup, setup.model.members[peer], dataset)
                confidence = np.array([p.max(-1).values.mean().item() for p in found])
                order = np.argsort(-confidence, kind="stable")
                kept.append(set(order[: len(dataset) * 80 // 100].tolist()))
                labels.append([p.argmax(-1).tolist() for p in found])
            both = sorted(kept[0] & kept[1])
            agreed = [row for row in both if labels[0][row] == labels[1][row]]
            report = traced.log[stage.number - 1]["pools"][name]
            assert report["kept"] == [len(dataset) * 80 // 100] * 2 and report["agreed"] == len(agreed)
            if agreed:
                assert sets[name]["rows"].tolist() == agreed
                flat = [label for row in agreed for label in np.atleast_1d(labels[0][row]).tolist()]
                assert sets[name]["labels"].tolist() == flat


def test_labelling_passes(traced: Traced) -> None:
    """At most seven passes over each of three pools."""
    passes = [line["labelling_passes"] for line in traced.log]
    assert passes[:3] == [0, 0, 0] and passes[3] == 6 and 9 <= sum(passes) <= 21
    for before, line in zip(traced.log[3:], traced.log[4:]):
        assert line["labelling_passes"] <= 3 or not before["improved"]


def test_a_stage_that_is_trained_again_replaces_its_line(tmp_path: Path) -> None:
    """And those after it: checkpoints may be rarer than stages."""
    log = StageLog(str(tmp_path / "run"))
    for number, score in ((1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0), (2, 5.0)):
        log.end(PLAN[number - 1], {"stage": number, "start_score": None, "score": score})
    assert [(line["stage"], line["score"]) for line in stage_log(tmp_path / "run")] == [(1, 1.0), (2, 5.0)]
    assert log.read() == stage_log(tmp_path / "run") and len(list((tmp_path / "run").iterdir())) == 1
