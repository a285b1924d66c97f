"""Mistakes that show when a co-training run labels texts, trains on them or goes on."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.cotrain import ALL, TASK, begin, copy_of, make, message, run_through, small
from user_dir_tests.helpers.cotrain import folders as folders  # a fixture
from user_dir_tests.helpers.cotrain import problem as problem
from user_dir_tests.helpers.running.training import train
from user_dir_tests.helpers.setups.salt import read_rows
from user_dir_tests.helpers.toys.tiny import Setup
from user_dir_tests.helpers.toys.toy import write_rows
from xl_plugins.methods.xla.cotraining import distil
from xl_plugins.methods.xla.cotraining.labelling import PoolLabels

# -- labels and selections --


def test_a_stage_without_enough_data(folders: dict, problem: str) -> None:
    options = {"xla_datasets": "1:tgt,src_virt", "distill_eta": "4", "xla_warmup_passes": 0.0}
    stages = begin(make(folders, problem, **options))
    text = message(stages.next_epoch_itr)
    assert text.startswith(
        "stage 1: XLA epoch 1, members 1 and 2 teach member 3: not enough data for one update of 4 (tgt: 24 texts, kept"
        " 0 and 0, agreed on 0; src_virt: 38 texts, kept 1 and 1, agreed on "
    )
    assert text.endswith("); take a larger --distill-eta, smaller batches, or better members")


def test_a_warm_up_shorter_than_an_update(folders: dict, problem: str) -> None:
    text = message(begin(make(folders, problem, xla_warmup_passes=0.1)).next_epoch_itr)
    assert text == (
        "stage 1: warm-up of member 1: not enough data for one update of 4 (src: 24 texts); take more"
        " --xla-warmup-passes than 0.1, or smaller batches"
    )


def test_a_stage_shorter_than_an_update(folders: dict, problem: str) -> None:
    options = {"xla_datasets": "1:tgt", "xla_warmup_passes": 0.0, "xla_passes": 0.01, "agreement": "union"}
    text = message(begin(make(folders, problem, **options)).next_epoch_itr)
    assert text.endswith("); take more --xla-passes than 0.01, a larger --distill-eta, or smaller batches")


def test_a_stage_without_agreement(folders: dict) -> None:
    """More than all cannot be kept."""
    options = {"xla_datasets": "1:tgt", "xla_warmup_passes": 0.0, "distill_eta": "100", "batch_size": 25}
    text = message(begin(make(folders, "tagging", **options)).next_epoch_itr)
    assert text.endswith("); take --agreement union, smaller batches, or better members")


def test_clustering_needs_two_texts(folders: dict) -> None:
    options = {"xla_datasets": "1:src,tgt", "distill_type": "gmm", "xla_warmup_passes": 0.0, "xla_target_percent": "5"}
    text = message(begin(make(folders, "sentence_pair", **options)).next_epoch_itr)
    assert text == ("--distill-type gmm: member 1, pool tgt has 1 text, a mixture of two needs two; use confidence")


def test_equal_losses_keep_all(folders: dict, caplog: pytest.LogCaptureFixture) -> None:
    pool = make(folders, "sentence_pair").task.stages.pools["tgt"]
    labels = PoolLabels(np.full(24, 0.9), np.full(24, 0.1), np.zeros(24, np.int64))
    kept = distil.distil(labels, pool, "80", distil.DistilOptions(kind="gmm"), "member 2, pool tgt")
    assert kept.tolist() == list(range(24))
    lines = [r.getMessage() for r in caplog.records if "losses" in r.getMessage()]
    assert lines == ["--distill-type gmm: all losses of member 2, pool tgt are equal, so all texts are kept"]


def test_a_loss_that_is_not_finite(folders: dict, problem: str) -> None:
    """Names the member and the rows of the files."""
    setup = make(folders, problem, xla_source_percent="50")
    stages = begin(setup)
    stages.next_epoch_itr()
    sample = run_through(stages)[0]
    stages.first_update(SimpleNamespace(optimizer=SimpleNamespace(state={})))
    with torch.no_grad():
        setup.model.members[0].encoder.sentence_encoder.layers[1].fc2.bias[3] = float("inf")
    text = message(lambda: setup.criterion(setup.model, sample))
    rows = [f"en:{stages.pools['src'].row(int(unit))}" for unit in sample["unit"]]
    assert text.startswith(f"the loss of member 1 is not finite in a batch with rows {', '.join(rows)}; lower --lr")


# -- going on --


def interrupted(setup: Setup) -> dict:
    """The iterator's state within the second stage."""
    stages = begin(setup)
    for score in (10.0, 20.0):
        stages.next_epoch_itr()
        next(stages._current)
        if score < 20:
            run_through(stages)
            stages.validated(score, 6)
    return copy.deepcopy(stages.state_dict())


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"xla_epochs": 2, "xla_datasets": f"{ALL}|2:src", "distill_eta": "80,80"}, "9 then, 15 now"),
        ({"distill_eta": "70"}, "other --xla-datasets or --distill-eta"),
        ({"xla_datasets": "1:tgt,src,src_virt,tgt_virt"}, "other --xla-datasets or --distill-eta"),
        ({"sampling_alpha": 0.5}, "--sampling-alpha was 0.7, is 0.5"),
        ({"agreement": "union"}, "--agreement was intersection, is union"),
        ({"xla_select": "last"}, "--xla-select was best, is last"),
        ({"distill_type": "gmm"}, "--distill-type was confidence, is gmm"),
        ({"gmm_standardize": "yes"}, "--gmm-standardize was no, is yes"),
        ({"gmm_features": "loss,length"}, "--gmm-features was loss, is loss,length"),
        ({"gmm_threshold": 0.6}, "--gmm-threshold was 0.5, is 0.6"),
        ({"stage_warmup_ratio": 0.2}, "--stage-warmup-ratio was 0.1, is 0.2"),
        ({"xla_passes": 2.0}, "--xla-passes was 1.0, is 2.0"),
        ({"xla_warmup_passes": 2.0}, "--xla-warmup-passes was 3.0, is 2.0"),
        ({"xla_member_seeds": "1,2,3"}, "--xla-member-seeds was 1000,3000,4000, is 1,2,3"),
        ({"xla_warmup_lr": 1e-5}, "--xla-warmup-lr was 3e-05, is 1e-05"),
        ({"seed": 7}, "--seed was 1, is 7"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_changed_plan(folders: dict, changed: dict, expected: str) -> None:
    state = interrupted(make(folders, "tagging"))
    text = message(lambda: begin(make(folders, "tagging", **changed)).load_state_dict(state))
    assert text.startswith("the stages are not those that the run began with (") and f"({expected})" in text
    assert text.endswith("resume with the same options, or begin anew in another --save-dir")


def test_changed_pools(folders: dict, problem: str, tmp_path: Path) -> None:
    state = interrupted(make(folders, problem))
    data = copy_of(folders, problem, tmp_path)
    rows = read_rows(data, "de/vicinity", "input0")
    rows[0][0] = 4 + (rows[0][0] - 3) % 60
    write_rows(data / "de" / "vicinity" / "input0" / "train", rows, 64)
    text = message(lambda: begin(make({problem: data}, problem)).load_state_dict(state))
    assert text.startswith("the pools tgt_virt are not those that the run began with; restore the data, or begin anew")
    text = message(lambda: begin(make(folders, problem, xla_target_percent="50")).load_state_dict(state))
    assert text.startswith("the pools tgt, tgt_virt are not those")


def test_other_members_and_other_checkpoints(folders: dict) -> None:
    state, stages = interrupted(make(folders, "tagging")), begin(make(folders, "tagging"))
    fewer = {**state, "scores": state["scores"][:2]}
    assert message(lambda: stages.load_state_dict(fewer)) == (
        "the checkpoint has 2 members, this run 3; resume with as many"
    )
    plain = {"version": 2, "epoch": 1, "iterations_in_epoch": 4, "shuffle": True}
    assert message(lambda: stages.load_state_dict(plain)).startswith("the checkpoint is not one of a co-training run")


def test_other_batches_within_a_stage(folders: dict) -> None:
    state = interrupted(make(folders, "tagging"))
    for changed, loading, name, old, new in (
        ({"batch_size": 6}, {}, "--batch-size", 4, 6), ({"update_freq": [2]}, {}, "--update-freq", 1, 2),
        ({}, {"num_shards": 2}, "processes", 1, 2),
    ):  # fmt: skip
        stages = begin(make(folders, "tagging", **changed), **loading)
        text = message(lambda stages=stages: stages.load_state_dict(state))
        assert text.startswith(f"the checkpoint lies within a stage with {old} as {name}, this run has {new}")


def test_another_split_of_the_same_updates_within_a_stage(folders: dict) -> None:
    """Two processes go on where one that accumulated two micro-batches had stopped, with the same ones."""

    def rest(loading: dict, freq: int) -> list[list[int]]:
        stages = begin(make(folders, "tagging", update_freq=[freq]), **loading)
        stages.model.remember()  # as the checkpoint's model would
        stages.load_state_dict(state)
        return [batch["id"].tolist() for batch in stages.next_epoch_itr()]

    state = interrupted(make(folders, "tagging", update_freq=[2])) | {"iterations_in_epoch": 2}  # one update
    alone, pair = rest({}, 2), [rest({"num_shards": 2, "shard_id": shard}, 1) for shard in (0, 1)]
    assert alone == [ids for step in zip(*pair) for ids in step] and len(alone) >= 2


def test_an_optimizer_that_starts_anew_within_a_stage(folders: dict) -> None:
    """Its updates would count from 0, so that the rate were negative; at the end of a stage that is no matter."""
    state = interrupted(make(folders, "tagging"))
    setup = make(folders, "tagging")
    setup.task.forgets_updates = True
    assert message(lambda: begin(setup).load_state_dict(state)).startswith(
        "--reset-optimizer: the checkpoint lies within a stage, whose rates follow the number of updates; leave it out"
    )
    begin(setup).load_state_dict({name: value for name, value in state.items() if name != "stage"})


def test_a_snapshot_of_another_run_is_forgotten(folders: dict) -> None:
    setup = make(folders, "tagging", xla_select="last")
    setup.model.remember()
    begin(setup).next_epoch_itr()
    assert setup.model.best is None


# -- the command itself --


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"distill_eta": "0.8"}, "--distill-eta 0.8: these are percentages, not shares; write 80 for 80 %"),
        ({"fp16": True}, "--fp16: fairseq's copies of half-precision weights do not survive the change of members;"),
        ({"xla_datasets": "1:src,tgtt"}, "--xla-datasets: unknown pool 'tgtt'; expected src, tgt, src_virt, tgt_virt"),
    ],
    ids=["option", "precision", "pool"],
)
def test_command_ends_with_one_line_and_status_two(folders: dict, tmp_path: Path, changed: dict, expected: str) -> None:
    ended = train(folders["tagging"], tmp_path / "run", TASK, **small(folders, "tagging", **changed))
    last = ended.output.rstrip().splitlines()[-1]
    assert ended.code == 2 and last.startswith(f"fairseq-train: error: {expected}"), ended.output[-2000:]
    assert "Traceback" not in ended.output
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
