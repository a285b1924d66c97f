"""D_A and its views: counts, ids, identity at ratio 0, and draws that depend on seed, epoch and example alone."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq.data import iterators

from user_dir_tests.helpers.toys.toy_views import (
    OPTIONS,
    PROBLEMS,
    batches,
    drain,
    make_dictionaries,
    make_folder,
    make_spm,
    open_task,
    same,
    views,
)
from user_dir_tests.helpers.toys.toy_views import problem as problem  # a fixture

SS = {"augment": "ss", "second_view": "ss", "ss_ratio": 0.7}
VIEWS: dict[str, dict] = {
    "ss": SS,
    "cs": {"augment": "cs", "second_view": "cs", "cs_ratio": 0.7},
    "mt": {"augment": "mt", "second_view": "ss"},
    "gn": {"augment": "gn", "second_view": "gn"},
    "second": {"second_view": "ss"},
    "copies": {"augment": "ss"},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("augmented")
    spm = make_spm(root)
    made = {problem: make_folder(root / problem, spm, problem) for problem in PROBLEMS}
    for name, data in made.items():
        make_dictionaries(root / f"{name}-dictionaries", data)
    return made


def open_views(folders: dict[str, Path], problem: str, name: str, **options: object) -> Any:
    if name == "cs":
        options["cs_dictionaries"] = str(folders[problem].parent / f"{problem}-dictionaries")
    return open_task(folders[problem], problem, **VIEWS[name], **options)


# -- what D_A is --


@pytest.mark.parametrize("name", ["ss", "cs", "mt", "gn", "copies"])
def test_one_copy_of_every_example(folders: dict, problem: str, name: str) -> None:
    """Exactly half of the units (of translated questions: as many windows as the translations have) are copies."""
    task = open_views(folders, problem, name)
    dataset = task.datasets["train"]
    count = len(dataset.base)
    units = [unit for batch in batches(task) for unit in batch["unit"].tolist()]
    assert sorted(units) == list(range(len(dataset)))
    copies = [int(i) for batch in batches(task) for i, copy in zip(batch["id"], batch["augmented"]) if copy]
    assert sorted(set(copies)) == list(range(count, len(dataset)))
    if (problem, name) != ("qa", "mt"):
        assert len(dataset) == 2 * count
    if problem != "tagging":
        assert len(copies) == len(dataset) - count


def test_without_augmentation_there_are_no_copies(folders: dict, problem: str) -> None:
    task = open_views(folders, problem, "second")
    assert len(task.datasets["train"]) == len(task.datasets["train"].base)
    for batch in batches(task):
        assert not batch["augmented"].any() and "second" in batch


def test_without_second_view_there_is_none(folders: dict, problem: str) -> None:
    for batch in batches(open_views(folders, problem, "copies")):
        assert "second" not in batch and "aligned" not in batch and "noise" not in batch


@pytest.mark.parametrize("second", ["none", "ss", "cs", "gn"])
@pytest.mark.parametrize("augment", ["none", "ss", "cs", "gn"])
def test_at_ratio_zero_all_views_are_the_canonical_text(folders: dict, problem: str, augment: str, second: str) -> None:
    dictionaries = str(folders[problem].parent / f"{problem}-dictionaries")
    options = {"augment": augment, "second_view": second, "ss_ratio": 0.0, "cs_ratio": 0.0}
    dataset = open_task(folders[problem], problem, cs_dictionaries=dictionaries, **options).datasets["train"]
    plain = open_task(folders[problem], problem).datasets["train"]
    if augment == second == "none":
        assert type(dataset) is type(plain)
        return
    count = len(plain)
    assert len(dataset) == (1 if augment == "none" else 2) * count
    for index in range(len(dataset)):
        item, canonical = dataset[index], plain[index % count]
        for name in canonical.keys() - {"id"}:
            assert str(item[name]) == str(canonical[name]), name
        rows = views(canonical)
        assert views(item) == rows * (1 if second == "none" else 2)
        if problem == "tagging" and second != "none":
            assert all(torch.equal(a[1], b[1]) for a, b in zip(item["second"], canonical["rows"]))
        if problem == "qa" and second != "none":
            start = canonical["windows"][0][0]
            everything = [0, *range(start, len(rows[0]) - 1)]
            assert item["aligned"][0].tolist() == item["second_aligned"][0].tolist() == everything
        if second in ("ss", "cs"):
            assert item["view_words"][1:].tolist() == [0, 0] and item["view_words"][0] > 0


def test_batches_of_originals_equal_plain_training(folders: dict, problem: str) -> None:
    """A second view leaves the first as it is (a tagged sentence may lose words)."""
    plain = open_task(folders[problem], problem).datasets["train"]
    dataset = open_views(folders, problem, "second", max_length=200).datasets["train"]
    plain = open_task(folders[problem], problem, max_length=200).datasets["train"]
    ids = list(range(6))
    one, other = (found.collater([found[i] for i in ids]) for found in (plain, dataset))
    assert same(one, {name: other[name] for name in one})
    extra = {"augmented", "second", "view_words"} | ({"aligned"} if problem == "qa" else set())
    assert other.keys() - one.keys() == extra


def test_empty_batch(folders: dict, problem: str) -> None:
    assert open_views(folders, problem, "ss").datasets["train"].collater([]) == {}


def test_batches_keep_the_size_limits(folders: dict, problem: str) -> None:
    """Rows of D_A count, by the lengths that the data set reports."""
    task = open_views(folders, problem, "mt")
    dataset = task.datasets["train"]
    assert (dataset.sizes <= task.max_positions()).all() and len(dataset.sizes) == len(dataset)
    assert dataset.num_tokens_vec(np.arange(len(dataset))).tolist() == [
        dataset.num_tokens(index) for index in range(len(dataset))
    ]
    for batch in batches(task, max_sentences=None, max_tokens=150):
        units = batch["unit"].tolist()
        assert len(units) * max(dataset.num_tokens(unit) for unit in units) <= 150
        longest = batch["net_input"]["src_tokens"].size(1)
        assert longest <= max(dataset.size(unit) for unit in units)


# -- determinism --


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "gn"])
def test_views_depend_on_seed_epoch_and_example_alone(folders: dict, problem: str, name: str) -> None:
    first, again, other = (open_views(folders, problem, name, seed=seed).datasets["train"] for seed in (1, 1, 2))

    def everything(dataset: Any, epoch: int, backwards: bool = False) -> list[str]:
        dataset.set_epoch(epoch)
        order = list(range(len(dataset)))
        items = {index: str(dataset[index]) for index in (reversed(order) if backwards else order)}
        return [items[index] for index in order]

    one, two = everything(first, 1), everything(first, 2)
    assert one == everything(again, 1, backwards=True) == everything(first, 1)
    assert two != one and everything(again, 2) == two
    assert everything(other, 1) != one
    changed = sum(a != b for a, b in zip(one, two)) / len(one)
    assert changed > 0.25, "most views are new"


def test_views_leave_the_global_generators_alone(folders: dict, problem: str) -> None:
    dataset = open_views(folders, problem, "cs").datasets["train"]
    before = random.getstate(), str(np.random.get_state()), torch.get_rng_state()
    dataset.set_epoch(2)
    dataset.collater([dataset[index] for index in range(len(dataset))])
    assert before[:2] == (random.getstate(), str(np.random.get_state()))
    assert torch.equal(before[2], torch.get_rng_state())
    one = str([dataset[index] for index in range(len(dataset))])
    random.seed(7), np.random.seed(7), torch.manual_seed(7)
    assert str([dataset[index] for index in range(len(dataset))]) == one


@pytest.mark.parametrize("name", ["ss", "mt"])
def test_any_number_of_workers_gives_the_same_batches(folders: dict, problem: str, name: str) -> None:
    task = open_views(folders, problem, name)
    alone = batches(task, epoch=2)
    for workers in (1, 4):
        assert same(alone, batches(task, epoch=2, workers=workers))
    assert not same(alone, batches(task, epoch=3))


@pytest.mark.parametrize("name", ["ss", "mt"])
def test_shards_are_the_batches_of_one_rank(folders: dict, problem: str, name: str) -> None:
    """Which takes as many of them for an update."""
    whole = batches(open_views(folders, problem, name, update_freq=[2]), epoch=2)
    for shard in (0, 1):
        part = batches(open_views(folders, problem, name, update_freq=[1]), epoch=2, num_shards=2, shard_id=shard)
        assert same([batch for batch in part if batch], whole[shard::2])


@pytest.mark.parametrize("name, workers", [("ss", 0), ("ss", 1), ("cs", 0), ("mt", 0)])
def test_restored_iterator_goes_on_with_the_same_batches(folders: dict, problem: str, name: str, workers: int) -> None:
    """Saved in the middle of epoch 2, restored by a new task, and into epoch 3."""

    def iterator(task: Any, epoch: int) -> Any:
        dataset = task.datasets["train"]
        return task.get_batch_iterator(dataset, max_sentences=4, seed=1, epoch=epoch, num_workers=workers)

    task = open_views(folders, problem, name, update_freq=[1])
    running = iterator(task, 2)
    epoch = running.next_epoch_itr(shuffle=True)
    for _ in range(3):
        next(epoch)
    state = running.state_dict()
    assert (state["epoch"], state["iterations_in_epoch"]) == (2, 3)
    rest = drain(epoch)
    restored = iterator(open_views(folders, problem, name, update_freq=[1]), state["epoch"])
    restored.load_state_dict(state)
    assert same(drain(restored.next_epoch_itr(shuffle=True)), rest) and len(rest) >= 2
    following = [drain(iterator(open_views(folders, problem, name, update_freq=[1]), 3).next_epoch_itr(shuffle=True))]
    assert same(following, [batches(task, epoch=3, workers=workers)])


def test_batches_are_made_anew_every_epoch(folders: dict, problem: str) -> None:
    task = open_views(folders, problem, "ss")
    dataset = task.datasets["train"]
    assert not task.can_reuse_epoch_itr(dataset)
    assert isinstance(task.get_batch_iterator(dataset, max_sentences=4, epoch=1), iterators.EpochBatchIterator)
    units = [[batch["unit"].tolist() for batch in batches(task, epoch=epoch)] for epoch in (1, 2)]
    assert sorted(map(sorted, units[0])) != sorted(map(sorted, units[1]))


# -- validation --


@pytest.mark.parametrize("name", ["ss", "mt", "gn"])
def test_validation_is_untouched(folders: dict, problem: str, name: str) -> None:
    plain, task = open_task(folders[problem], problem), open_views(folders, problem, name)
    for each in (plain, task):
        each.load_dataset("valid")
    assert type(task.datasets["valid"]) is type(plain.datasets["valid"])
    expected = batches(plain, split="valid")
    training = batches(task, epoch=1)
    assert same(batches(task, split="valid"), expected)
    assert same(batches(task, epoch=1), training), "validation takes no random numbers from training"


def test_options_of_the_toy_make_long_units(folders: dict) -> None:
    """Sentences of several chunks, contexts of several windows and pairs that are cut."""
    assert OPTIONS["tagging"]["max_length"] == 20
    counts = {problem: open_task(folders[problem], problem).datasets["train"] for problem in PROBLEMS}
    assert any(len(counts["tagging"][index]["rows"]) > 1 for index in range(len(counts["tagging"])))
    assert len(counts["qa"]) > len(counts["qa"].parts[0].target)
    assert (counts["sentence_pair"].sizes == OPTIONS["sentence_pair"]["max_length"]).any()
