"""Labels of pools: right, in batches that depend on no rank, once per version of a member, from nothing but text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.cotrain import (
    METRIC,
    POOLS,
    begin,
    change,
    copy_of,
    make,
    model_of,
    one_by_one,
    remove,
    run,
    run_through,
    same,
    stage_log,
    without_times,
)
from user_dir_tests.helpers.cotrain import folders as folders  # a fixture
from user_dir_tests.helpers.cotrain import problem as problem
from user_dir_tests.helpers.setups.salt import read_rows
from user_dir_tests.helpers.toys.tiny import Setup
from user_dir_tests.helpers.toys.toy import write_rows
from xl_plugins.errors import UserError
from xl_plugins.methods.xla.cotraining import labelling


@contextmanager
def counted(setup: Setup) -> Iterator[Counter]:
    """How many rows every member computes: ("rows", member), and in how many batches: ("batches", member)."""
    counts: Counter = Counter()
    hooks = []
    for number, member in enumerate(setup.model.members):

        def count(module: Any, args: Any, options: dict, output: Any, number: int = number) -> None:
            counts["rows", number] += len(options["src_tokens"])
            counts["batches", number] += 1

        hooks.append(member.register_forward_hook(count, with_kwargs=True))
    yield counts
    for hook in hooks:
        hook.remove()


def test_labels_are_those_of_texts_by_themselves(folders: dict, problem: str) -> None:
    setup = make(folders, problem, xla_label_tokens=100)
    labeller, pools = setup.task.stages.labeller, setup.task.stages.pools
    for member in (0, 2):
        for name in POOLS[1:]:
            found, pool = labeller.labels(member, pools[name]), pools[name]
            alone = one_by_one(setup, setup.model.members[member], pool.dataset)
            expected = torch.cat([p.argmax(-1) for p in alone]).tolist()
            assert found.labels.tolist() == expected and len(set(expected)) > 1
            confidence = [p.max(-1).values.mean().item() for p in alone]
            losses = [-p.max(-1).values.log().mean().item() for p in alone]
            np.testing.assert_allclose(found.confidence, confidence, atol=1e-5)
            np.testing.assert_allclose(found.losses, losses, atol=1e-5)
            assert found.confidence.dtype == np.float64 and np.ptp(found.confidence) > 0.01
    one, other = (labeller.labels(member, pools["tgt"]) for member in (0, 2))
    assert (one.labels != other.labels).any()


def test_a_text_is_read_once_until_its_member_changes(folders: dict, problem: str) -> None:
    setup = make(folders, problem)
    labeller, pools = setup.task.stages.labeller, setup.task.stages.pools
    rows = {name: len(pools[name].dataset.collater([*map(pools[name].dataset.__getitem__, range(len(pools[name])))])
                      ["net_input"]["src_tokens"]) for name in POOLS}  # fmt: skip
    with counted(setup) as counts:
        first = labeller.labels(0, pools["tgt"])
        assert counts["rows", 0] == rows["tgt"] and labeller.passes == 1
        assert labeller.labels(0, pools["tgt"]) is first and labeller.passes == 1
        labeller.labels(0, pools["tgt_virt"])
        labeller.labels(1, pools["tgt"])
        assert counts["rows", 0] == rows["tgt"] + rows["tgt_virt"] and counts["rows", 1] == rows["tgt"]
        change(setup.model.members[0])
        labeller.changed(0)
        assert (labeller.labels(0, pools["tgt"]).confidence != first.confidence).any()
        labeller.labels(1, pools["tgt"])
        assert counts["rows", 0] == 2 * rows["tgt"] + rows["tgt_virt"] and counts["rows", 1] == rows["tgt"]
        assert counts["rows", 2] == 0 and labeller.passes == 4 and labeller.versions == [1, 0, 0]


@pytest.mark.parametrize("improves, first, second", [(True, 7, 6), (False, 3, 0)])
def test_passes_of_an_epoch(folders: dict, tmp_path: Path, improves: bool, first: int, second: int) -> None:
    """At most seven per pool in place of twelve, and six in the next epoch; none where nobody changed."""
    sets = "1:src,tgt,tgt_virt|2:src,tgt,tgt_virt"
    setup = make(folders, "sentence_pair", xla_epochs=2, xla_datasets=sets, distill_eta="100,100", xla_warmup_passes=0)
    stages, passes = begin(setup, tmp_path), []
    for number in range(12):
        stages.next_epoch_itr()
        run_through(stages)
        if improves:
            change(setup.model.member, 0.02)
        stages.validated(200.0 + number if improves else -1.0, number + 1)
        passes.append(stages.labeller.passes)
    assert (passes[5], passes[11] - passes[5]) == (2 * first, 2 * second)
    assert [line["labelling_passes"] for line in stage_log(tmp_path)] == (
        [4, 2, 2, 2, 2, 2] + 6 * [2] if improves else [4, 2] + 10 * [0]
    )


def test_batches_depend_on_no_rank(monkeypatch: pytest.MonkeyPatch, folders: dict, problem: str) -> None:
    """Each of three ranks computes its share of the batches of one rank; together they give the same, bit by bit."""
    alone = make(folders, problem, xla_label_tokens=60)
    pool = alone.task.stages.pools["tgt_virt"]
    with counted(alone) as counts:
        expected = alone.task.stages.labeller.labels(1, pool)
    parts, batches = [], []
    for rank in range(3):
        setup = make(folders, problem, xla_label_tokens=60)
        monkeypatch.setattr(labelling, "rank_and_size", lambda rank=rank: (rank, 3))
        monkeypatch.setattr(labelling, "sum_over_ranks", lambda *arrays: None)
        with counted(setup) as shared:
            parts.append(setup.task.stages.labeller.labels(1, setup.task.stages.pools["tgt_virt"]))
        batches.append(shared["batches", 1])
    assert sum(batches) == counts["batches", 1] > 6 and max(batches) - min(batches) <= 1
    for field in ("confidence", "losses", "labels"):
        together = sum(getattr(part, field) for part in parts)
        assert np.array_equal(together, getattr(expected, field))
    assert all((part.confidence > 0).sum() < len(pool) for part in parts)


def test_labelling_leaves_no_trace(folders: dict, problem: str) -> None:
    """Dropout is off, no random number is drawn, no gradient kept, and the model trains on as before."""
    setup = make(folders, problem, dropout=0.5, attention_dropout=0.5, pooler_dropout=0.5)
    stages = setup.task.stages
    setup.model.activate(1)
    before, drawn = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = stages.labeller.labels(0, stages.pools["tgt"])
    assert torch.equal(torch.get_rng_state(), before) and np.array_equal(np.random.get_state()[1], drawn)
    assert setup.model.training and all(member.training for member in setup.model.members)
    stages.labeller.changed(0)
    assert np.array_equal(stages.labeller.labels(0, stages.pools["tgt"]).confidence, first.confidence)
    assert all(p.grad is None for p in setup.model.parameters())
    setup.model.eval()
    stages.labeller.labels(2, stages.pools["tgt"])
    assert not setup.model.training


def test_a_member_that_diverged_is_named(folders: dict, problem: str) -> None:
    """The row of the file, although only a part of the text is taken."""
    setup = make(folders, problem, xla_target_percent="50", xla_label_tokens=1)  # texts by themselves
    stages = setup.task.stages
    pool, shortest = stages.pools["tgt"], int(np.argmin(stages.pools["tgt"].dataset.sizes))
    with torch.no_grad():
        setup.model.members[2].encoder.sentence_encoder.layers[1].fc2.bias[3] = float("nan")
    with pytest.raises(UserError) as caught:
        stages.labeller.labels(2, pool)
    assert str(caught.value).startswith(
        f"member 3 gives row {pool.rows[shortest] + 1} of pool tgt a confidence that is not finite"
    )


def test_scores_are_the_metric_of_the_dev_set(folders: dict, problem: str) -> None:
    """Predictions of a member, and of the mean of probabilities of all."""
    setup = make(folders, problem)
    labeller, valid, tagger = setup.task.stages.labeller, setup.task.datasets["valid"], problem == "tagging"
    problem_, languages = setup.task.problem, setup.task.valid_languages
    assert languages == ["de", "en"] or languages == ["en", "de"]
    every = [one_by_one(setup, member, valid) for member in setup.model.members]
    for members in ([0], [2], [0, 1, 2]):
        found = labeller.scores(members, valid, languages)
        for language in languages:
            totals: Counter = Counter()
            for unit in range(len(valid)):
                if valid.locate(unit)[0].language != language:
                    continue
                mean = sum(every[m][unit] for m in members) / len(members)
                gold = valid.collater([valid[unit]])["target"]
                gold = gold[gold != -100]
                if tagger:
                    counts = problem_.scheme.counts(gold.numpy(), mean.argmax(-1).numpy(), np.array([len(gold)]))[0]
                    totals.update(dict(zip(("true", "predicted", "hits"), counts.tolist())), words=len(gold))
                else:
                    totals.update(correct=int(mean.argmax(-1) == gold), count=1)
            if tagger:
                expected = 200 * totals["hits"] / (totals["true"] + totals["predicted"])
            else:
                expected = 100 * totals["correct"] / totals["count"]
            assert found[language] == pytest.approx(expected, abs=1e-9), (members, language, METRIC[problem])


def other_gold(data: Path, how: str) -> None:
    """Spoil the gold labels of the German training text."""
    if how == "deleted":
        remove(data, "de", "label", "train")
        return
    rows = read_rows(data, "de", "label")
    flat = np.array([label for row in rows for label in row])
    flat = np.random.default_rng(5).permutation(flat).tolist()
    labels = [[flat.pop() for _ in row] for row in rows]
    assert labels != rows
    write_rows(data / "de" / "label" / "train", labels, 9)


def spoiled(folders: dict, problem: str, root: Path) -> dict[str, Path]:
    """Copies of the data with gold labels of the target as they were, of other rows, and without any."""
    copies = {how: copy_of(folders, problem, root / how) for how in ("there", "permuted", "deleted")}
    other_gold(copies["permuted"], "permuted")
    other_gold(copies["deleted"], "deleted")
    return copies


def test_gold_labels_of_the_target_are_in_no_batch(folders: dict, problem: str, tmp_path: Path) -> None:
    batches = {}
    for how, data in spoiled(folders, problem, tmp_path).items():
        options = {"xla_datasets": "1:tgt,src,tgt_virt", "agreement": "union", "distill_eta": "60"}
        setup = make({problem: data}, problem, xla_warmup_passes=0, **options)
        stages = begin(setup)
        stages.next_epoch_itr()
        batches[how] = run_through(stages)
        assert stages._entry["pools"]["tgt"]["agreed"] > 1
    for how in ("permuted", "deleted"):
        assert len(batches[how]) == len(batches["there"])
        for one, other in zip(batches[how], batches["there"]):
            assert torch.equal(one["target"], other["target"]) and torch.equal(one["id"], other["id"])
            assert torch.equal(one["net_input"]["src_tokens"], other["net_input"]["src_tokens"])


@pytest.mark.slow
def test_gold_labels_of_the_target_change_nothing(
    monkeypatch: pytest.MonkeyPatch, folders: dict, problem: str, tmp_path: Path
) -> None:
    """No weight, no selection; only what the log says of the labels' accuracy."""
    runs = {}
    short = {"xla_datasets": "1:src,tgt", "xla_warmup_passes": 1, "max_update": 20, "no_epoch_checkpoints": True}
    for how, data in spoiled(folders, problem, tmp_path).items():
        save = tmp_path / how / "run"
        runs[how] = model_of(run(monkeypatch, folders, problem, save, data, **short)), stage_log(save)
    accuracies = {}
    for how, (_, log) in runs.items():
        accuracies[how] = [line["pools"]["tgt"].pop("accuracy") for line in log if "tgt" in line["pools"]]
    for how in ("permuted", "deleted"):
        assert same(runs[how][0], runs["there"][0])
        assert without_times(runs[how][1]) == without_times(runs["there"][1])
    assert set(accuracies["deleted"]) == {None} and None not in accuracies["there"]
    assert accuracies["permuted"] != accuracies["there"]
