"""Co-training that is killed goes on as if nothing had happened: within a stage, while labelling, between stages; on
one rank and on two."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from user_dir_tests.helpers.cotrain import ALL, DROPOUT, PROBLEMS, TASK, small, stage_log, without_times
from user_dir_tests.helpers.cotrain import folders as folders  # a fixture
from user_dir_tests.helpers.running.training import finish, load, start, start_ranks, train_here, two_ranks, words
from xl_plugins.methods.xla.cotraining.iterator import StageIterator
from xl_plugins.methods.xla.cotraining.labelling import Labeller
from xl_plugins.methods.xla.schedule import StageLinearSchedule

# die by SIGKILL within batch number XL_DIE_IN_LABELLING that is labelled, counted from 1
DIE_IN_LABELLING = """
import os, signal
from xl_plugins.methods.xla.cotraining.labelling import Labeller
batches, check = [0], Labeller._check
def counted_check(self, *args):
    batches[0] += 1
    if batches[0] == int(os.environ.get("XL_DIE_IN_LABELLING", 0)):
        os.kill(os.getpid(), signal.SIGKILL)
    return check(self, *args)
Labeller._check = counted_check
"""
# a stage's number, pool and texts per line in the file that XL_SEEN names, for every pool that is labelled
WRITE_LABELLED = """
import os
from xl_plugins.methods.xla.cotraining.labelling import Labeller
label = Labeller._label
def noted_label(self, member, pool):
    with open(os.environ["XL_SEEN"], "a") as file:
        file.write(f"{self.task.stages.epoch} {pool.name}\\n")
    return label(self, member, pool)
Labeller._label = noted_label
"""
OPTIONS = {
    **DROPOUT, "xla_warmup_passes": 1, "xla_datasets": ALL, "xla_label_tokens": 60, "save_interval_updates": 4,
    "keep_interval_updates": 1, "no_epoch_checkpoints": True,
}  # fmt: skip
WHERE = ["within a stage", "in the first labelling", "in a later labelling", "between stages"]


class Whole(NamedTuple):
    """An uninterrupted run: last checkpoint, log, rate of every update, batches labelled before each stage's own."""

    last: Path
    log: list[dict]
    rates: dict[int, float]
    labelled: list[int]

    def updates_before(self, stage: int) -> int:
        return sum(line["updates"] for line in self.log if line["stage"] < stage)


class Watched(NamedTuple):
    """The record of a run in this process: last rate asked for each number of updates, labelled batches by stage."""

    rates: dict[int, float]
    batches: Counter


def go(monkeypatch: pytest.MonkeyPatch, folders: dict, problem: str, save: Path, **changed: object) -> Watched:
    """Train in this process."""
    watched, current = Watched({}, Counter()), [0]
    step_update, begin, check = StageLinearSchedule.step_update, StageIterator._begin, Labeller._check

    def noted_rate(self: Any, updates: int) -> float:
        watched.rates[updates] = step_update(self, updates)
        return watched.rates[updates]

    def noted_begin(self: Any) -> Any:
        current[0] = self.epoch
        return begin(self)

    def noted_check(self: Any, *args: Any) -> None:
        watched.batches[current[0]] += 1
        check(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(StageLinearSchedule, "step_update", noted_rate)
        patch.setattr(StageIterator, "_begin", noted_begin)
        patch.setattr(Labeller, "_check", noted_check)
        train_here(patch, words(folders[problem], save, TASK, **small(folders, problem, **{**OPTIONS, **changed})))
    return watched


@pytest.fixture(scope="module")
def wholes(folders: dict, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Whole]]:
    """One of each problem, made when it is asked for."""

    class Made(dict):
        def __missing__(self, problem: str) -> Whole:
            save = tmp_path_factory.mktemp(problem)
            with pytest.MonkeyPatch.context() as patch:
                watched = go(patch, folders, problem, save)
            log = stage_log(save)
            before = [sum(watched.batches[n] for n in range(number)) for number in range(len(log) + 2)]
            self[problem] = Whole(save / "checkpoint_last.pt", log, watched.rates, before)
            return self[problem]

    yield Made()


def comparable(value: Any) -> Any:
    """A checkpoint's values without times and counts of labelling, arrays as bytes."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.contiguous().numpy().tobytes()
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [comparable(item) for item in value]
    return value


def position(path: Path) -> dict:
    """The state of the training iterator."""
    state = dict(load(path)["extra_state"]["train_iterator"])
    if "stage" in state:
        entry = json.loads(state["stage"]["entry"])
        state["stage"] = {**state["stage"], "entry": without_times([entry])[0]}
    return state


def assert_same_run(one: Path, other: Path) -> None:
    """Weights of all members, snapshot, moments, rates, scores, selection and log."""
    left, right = load(one), load(other)
    for name in ("model", "last_optimizer_state"):
        assert comparable(left[name]) == comparable(right[name]), name
    assert comparable(position(one)) == comparable(position(other))
    assert left["optimizer_history"][-1]["num_updates"] == right["optimizer_history"][-1]["num_updates"]
    states = [state["optimizer_history"][-1]["lr_scheduler_state"] for state in (left, right)]
    assert states[0] == states[1]
    assert left["extra_state"]["best"] == right["extra_state"]["best"]
    assert without_times(stage_log(one.parent)) == without_times(stage_log(other.parent))


def kill_points(whole: Whole) -> dict[str, tuple[str, int, int]]:
    """Environment variable and its value of each interruption, and the stage in which it lies."""
    long = max(whole.log[3:], key=lambda line: line["updates"])
    later = next((n for n in range(5, 10) if whole.labelled[n + 1] > whole.labelled[n]), 0)
    return {
        "within a stage": ("XL_DIE_BEFORE", whole.updates_before(long["stage"]) + long["updates"] - 1, long["stage"]),
        "in the first labelling": ("XL_DIE_IN_LABELLING", 3, 4),
        "in a later labelling": ("XL_DIE_IN_LABELLING", whole.labelled[later] + 2, later),
        "between stages": ("XL_DIE_BEFORE", whole.updates_before(6) + 1, 6),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "problem, where",
    [*(("tagging", where) for where in WHERE), ("sentence_pair", WHERE[0]), ("sentence_pair", WHERE[3])],
)
def test_killed_and_resumed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, wholes: dict, problem: str, where: str
) -> None:
    whole, save = wholes[problem], tmp_path / "run"
    variable, value, stage = kill_points(whole)[where]
    arguments = words(folders[problem], save, TASK, **small(folders, problem, **OPTIONS))
    killed = finish(start(arguments, DIE_IN_LABELLING, **{variable: value}))[0]
    assert killed.killed, killed.output[-2000:]
    assert [line["stage"] for line in stage_log(save)] == list(range(1, stage))
    saved = position(save / "checkpoint_last.pt")
    done = load(save / "checkpoint_last.pt")["optimizer_history"][-1]["num_updates"]
    if where == "within a stage":
        assert saved["epoch"] == stage and done > whole.updates_before(stage) and done % 4 == 0
        assert saved["iterations_in_epoch"] == done - whole.updates_before(stage)
    else:
        assert saved["epoch"] == stage and saved["iterations_in_epoch"] == 0 and "stage" not in saved
        assert done == whole.updates_before(stage)
    watched = go(monkeypatch, folders, problem, save)
    assert (watched.batches[0] + watched.batches[stage] == 0) == (where == "within a stage")
    assert_same_run(save / "checkpoint_last.pt", whole.last)
    rates = [{n: rate for n, rate in found.items() if n >= max(done, 1)} for found in (watched.rates, whole.rates)]
    assert rates[0] == rates[1]


@pytest.mark.slow
def test_killed_again_and_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, wholes: dict) -> None:
    """Stopped by --max-update after every fifth update or so, at whatever place that is."""
    whole, save = wholes["tagging"], tmp_path / "run"
    last = load(whole.last)["optimizer_history"][-1]["num_updates"]
    for update in [*range(3, last, 11), last]:
        go(monkeypatch, folders, "tagging", save, max_update=update)
    go(monkeypatch, folders, "tagging", save)
    assert_same_run(save / "checkpoint_last.pt", whole.last)


# -- two ranks --

TWO = {**OPTIONS, "batch_size": 3}


@pytest.fixture(scope="module")
def whole_on_two(folders: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run of tagging on two ranks; its last checkpoint."""
    save = tmp_path_factory.mktemp("two") / "run"
    two_ranks(folders["tagging"], save, TASK, **small(folders, "tagging", **TWO))
    return save / "checkpoint_last.pt"


@pytest.mark.slow
@pytest.mark.parametrize("where", ["within a stage", "in the first labelling", "between stages"])
def test_two_ranks_killed_and_resumed(tmp_path: Path, folders: dict, whole_on_two: Path, where: str) -> None:
    save, log = tmp_path / "run", stage_log(whole_on_two.parent)
    whole = Whole(whole_on_two, log, {}, [0] * 11)
    variable, value, stage = kill_points(whole)[where]
    options = small(folders, "tagging", **TWO)
    ranks = start_ranks(folders["tagging"], save, TASK, prelude=DIE_IN_LABELLING, env={variable: value}, **options)
    assert all(ended.killed for ended in finish(*ranks))
    assert [line["stage"] for line in stage_log(save)] == list(range(1, stage))
    inside = position(save / "checkpoint_last.pt")["iterations_in_epoch"] > 0
    assert inside == (where == "within a stage")
    seen = tmp_path / "seen"
    ranks = start_ranks(folders["tagging"], save, TASK, prelude=WRITE_LABELLED, env={"XL_SEEN": seen}, **options)
    for ended in finish(*ranks):
        assert ended.code == 0, ended.output[-3000:]
    stages = {int(line.split()[0]) for line in seen.read_text().splitlines()} if seen.exists() else set()
    # later stages may find the labels of unchanged members in the cache
    assert all(number > stage for number in stages) if inside else min(stages) == stage
    assert_same_run(save / "checkpoint_last.pt", whole_on_two)


@pytest.mark.slow
@pytest.mark.parametrize("problem", PROBLEMS)
def test_two_ranks_equal_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folders: dict, problem: str) -> None:
    """The same sets, the same order, weights to 1e-6 without dropout; members that do not train do not move at all."""
    options = {
        "batch_size": 3, "xla_warmup_passes": 2, "keep_last_epochs": -1, "no_epoch_checkpoints": None,
        "save_interval_updates": 5, "keep_interval_updates": -1, "dropout": 0, "attention_dropout": 0,
        "pooler_dropout": 0,
    }  # fmt: skip
    two_ranks(folders[problem], tmp_path / "two", TASK, **small(folders, problem, **{**OPTIONS, **options}))
    go(monkeypatch, folders, problem, tmp_path / "one", **options, update_freq=2)
    logs = [stage_log(tmp_path / name) for name in ("two", "one")]
    for two, one in zip(*logs):
        assert [two[name] for name in ("stage", "updates", "pools")] == [
            one[name] for name in ("stage", "updates", "pools")
        ]
        assert two["score"] == pytest.approx(one["score"], abs=1e-6)
    files = sorted(path.name for path in (tmp_path / "two").glob("checkpoint*.pt"))
    assert files == sorted(path.name for path in (tmp_path / "one").glob("checkpoint*.pt")) and len(files) > 15
    before: dict = {}
    for number in range(1, 10):
        states = [load(tmp_path / name / f"checkpoint{number}.pt")["model"] for name in ("two", "one")]
        worst = max((states[0][name].double() - states[1][name].double()).abs().max().item() for name in states[0])
        assert worst <= 1e-6, (number, worst)
        member = f"members.{logs[0][number - 1]['member'] - 1}."
        for name, value in before.items():
            assert name.startswith(member) or torch.equal(value, states[0][name]), (number, name)
        before = states[0]
    within = [name for name in files if name.count("_") == 2]
    for name in within:
        stages = [position(tmp_path / run / name)["stage"] for run in ("two", "one")]
        sets = [[(s["pool"], comparable(s.get("rows")), comparable(s.get("labels"))) for s in stage["sets"]]
                for stage in stages]  # fmt: skip
        assert sets[0] == sets[1]
    assert len(within) > 6
    shutil.rmtree(tmp_path / "two")
