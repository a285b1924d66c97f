"""A training set of counterparts: which instances there are, what they hold, how they are batched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.setups.salt import FIELDS, LANGUAGES, make, read_rows, write_counterparts
from user_dir_tests.helpers.setups.salt import problem as problem  # a fixture
from user_dir_tests.helpers.toys.toy import make_data
from user_dir_tests.helpers.toys.toy_positions import make_tagging
from user_dir_tests.helpers.toys.toy_views import batches, drain, open_task, same
from xl_plugins.data.training.pairs import truncated_lengths

LIMIT = {"sentence_pair": 12, "tagging": 8}  # pairs are cut, sentences become several chunks
PAD = 1


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("counterparts")
    made = {"sentence_pair": make_data(root / "pairs"), "tagging": make_tagging(root / "tagging")}
    for data in made.values():
        write_counterparts(data)
    return made


def open_set(folders: dict[str, Path], problem: str, **options: object) -> Any:
    return open_salt(folders[problem], problem=problem, max_length=LIMIT[problem], **options).datasets["train"]


def open_salt(data: Path, **options: object) -> Any:
    return make(data, **options).task


# -- instances --


@pytest.mark.parametrize("original", [False, True])
def test_three_examples_in_four_languages(tmp_path: Path, original: bool) -> None:
    """12 instances, 15 with the originals; every example once per language."""
    data = make_data(tmp_path / "data", train=3)
    write_counterparts(data)
    task = open_salt(data, include_original=original)
    dataset = task.datasets["train"]
    names = [*LANGUAGES, "original"] if original else list(LANGUAGES)
    assert len(dataset) == 3 * len(names) == (15 if original else 12) and len(dataset.base) == 3
    assert [name for name, _ in dataset.copies] == names
    ids = [i for one in batches(task) for i in one["id"].tolist()]
    assert sorted(ids) == list(range(len(dataset)))
    assert [dataset[i]["id"] for i in range(len(dataset))] == list(range(len(dataset)))
    assert dataset.describe([0, 5, 7, 11]) == "en:1 (en), en:3 (fr), en:2 (es), en:3 (de)"
    if original:
        assert dataset.describe([14]) == "en:3 (original)"


def test_sizes_are_those_of_the_examples(folders: dict, problem: str) -> None:
    dataset = open_set(folders, problem)
    plain, count = dataset.base, len(dataset.base)
    assert len(dataset.sizes) == len(dataset.tokens_per_unit) == len(dataset) == 4 * count
    for index in range(len(dataset)):
        assert dataset.size(index) == plain.size(index % count)
        assert dataset.num_tokens(index) == plain.num_tokens(index % count)
    assert dataset.num_tokens_vec(np.array([0, count])).tolist() == [plain.num_tokens(0)] * 2
    assert dataset.sizes.max() <= LIMIT[problem]


def encoded(rows: dict[str, list[list[int]]], unit: int, limit: int) -> list[int]:
    """``<s> a </s> </s> b </s>``, written a second time."""
    first, second = rows["input0"][unit], rows["input1"][unit]
    (keep,), (other,) = truncated_lengths(np.array([len(first)]), np.array([len(second)]), limit - 4)
    return [0, *first[:keep], 2, 2, *second[:other], 2]


def test_pairs_item_by_item(folders: dict) -> None:
    """Text and label of the example, ids of the language's files, cut in the same places."""
    data = folders["sentence_pair"]
    dataset = open_set(folders, "sentence_pair")
    count, changed = len(dataset.base), 0
    original = {field: read_rows(data, "en", field) for field in FIELDS["sentence_pair"]}
    for number, language in enumerate(LANGUAGES):
        rows = {field: read_rows(data, f"en/counterparts/{language}", field) for field in original}
        for unit in range(count):
            item = dataset[number * count + unit]
            assert item["label"] == dataset.base[unit]["label"]
            assert item["target"].tolist() == encoded(original, unit, 12)
            (tokens,) = item["counterpart"]
            assert tokens.tolist() == encoded(rows, unit, 12)
            changed += int((tokens != item["target"]).sum())
    assert changed > 100 and (dataset.sizes == 12).any()


def test_sentences_item_by_item(folders: dict) -> None:
    """Every chunk of a long sentence has its stretch of the counterpart."""
    dataset = open_set(folders, "tagging")
    count, chunks = len(dataset.base), 0
    for number, language in enumerate(LANGUAGES):
        rows = read_rows(folders["tagging"], f"en/counterparts/{language}", "input0")
        for unit in range(count):
            item = dataset[number * count + unit]
            found = item["counterpart"]
            assert [len(row) for row in found] == [len(tokens) for tokens, _ in item["rows"]]
            assert [p for row in found for p in row[1:-1].tolist()] == rows[unit]
            assert all(row[0] == 0 and row[-1] == 2 for row in found)
            chunks += len(found) > 1
    assert chunks >= 8


# -- batches --


def test_batch_has_counterparts_beside_the_text(folders: dict, problem: str) -> None:
    """Special tokens and padding agree; all else is the batch of the examples."""
    dataset = open_set(folders, problem, include_original=True)
    count = len(dataset.base)
    ids = [0, count + 5, 2 * count + 1, 4 * count + 2, 3 * count + 7, 4 * count]
    items = [dataset[i] for i in ids]
    made = dataset.collater(items)
    plain = dataset.base.collater([dataset.base[i % count] for i in ids])
    for name in plain.keys() - {"id", "unit"}:
        assert same(made[name], plain[name]), name
    assert made["unit"].tolist() == ids and made.keys() - plain.keys() == {"counterpart"}
    tokens, other = made["net_input"]["src_tokens"], made["counterpart"]
    assert other.shape == tokens.shape and other.dtype == tokens.dtype and other.data_ptr() != tokens.data_ptr()
    special = (tokens < 4) | (other < 4)
    assert torch.equal(tokens[special], other[special]) and bool((tokens == PAD).any())
    start = 0
    for item in items:
        rows = item["rows"] if "rows" in item else [(item["target"], None)]
        wanted = item.get("counterpart", [tokens for tokens, _ in rows])
        assert len(wanted) == len(rows)
        for row in wanted:
            assert other[start, : len(row)].tolist() == row.tolist()
            assert bool((other[start, len(row) :] == PAD).all())
            start += 1
    assert start == len(tokens)
    originals = made["id"] >= 4 * count
    assert torch.equal(tokens[originals], other[originals])
    assert bool((tokens != other)[~originals].any(dim=1).all())


def test_empty_batch(folders: dict, problem: str) -> None:
    assert open_set(folders, problem).collater([]) == {}


def test_examples_and_languages_are_shuffled_together(folders: dict, problem: str) -> None:
    """New batches in every epoch, of lengths that are alike, with several languages in most."""
    task = open_salt(folders[problem], problem=problem)
    dataset = task.datasets["train"]
    epochs = [[one["unit"].tolist() for one in batches(task, epoch=epoch)] for epoch in (1, 2)]
    assert epochs[0] != epochs[1] and dataset.shuffle and not dataset.can_reuse_epoch_itr_across_epochs
    several = [len({unit // len(dataset.base) for unit in units}) > 1 for units in epochs[0]]
    assert sum(several) > len(several) / 2
    for units in epochs[0]:
        buckets = dataset.sizes[units] // 8
        assert buckets.max() - buckets.min() <= 1


def test_order_is_that_of_the_examples_repeated(folders: dict) -> None:
    """The same lengths in the same order give the same permutation as a text file written four times."""
    dataset = open_set(folders, "sentence_pair")
    np.random.seed(5)
    order = dataset.ordered_indices()
    np.random.seed(5)
    drawn = np.random.permutation(len(dataset))
    assert order.tolist() == drawn[np.argsort(np.tile(dataset.base.sizes, 4)[drawn] // 8, kind="stable")].tolist()


def test_any_number_of_workers_gives_the_same_batches(folders: dict, problem: str) -> None:
    task = open_salt(folders[problem], problem=problem, max_length=LIMIT[problem])
    alone = batches(task, epoch=2)
    for workers in (1, 3):
        assert same(alone, batches(task, epoch=2, workers=workers))


def test_shards_are_the_batches_of_one_rank(folders: dict, problem: str) -> None:
    """Which takes as many of them for an update."""
    whole = batches(open_salt(folders[problem], problem=problem, update_freq=[2]), epoch=2)
    for shard in (0, 1):
        task = open_salt(folders[problem], problem=problem, update_freq=[1])
        part = batches(task, epoch=2, num_shards=2, shard_id=shard)
        assert same([one for one in part if one], whole[shard::2])


def test_restored_iterator_goes_on_with_the_same_batches(folders: dict, problem: str) -> None:
    def iterator(epoch: int) -> Any:
        task = open_salt(folders[problem], problem=problem)
        return task.get_batch_iterator(task.datasets["train"], max_sentences=4, seed=1, epoch=epoch)

    running = iterator(2)
    epoch = running.next_epoch_itr(shuffle=True)
    for _ in range(3):
        next(epoch)
    state = running.state_dict()
    rest, restored = drain(epoch), iterator(state["epoch"])
    restored.load_state_dict(state)
    assert same(drain(restored.next_epoch_itr(shuffle=True)), rest) and len(rest) >= 2


def test_validation_is_untouched(folders: dict, problem: str) -> None:
    salt = open_salt(folders[problem], problem=problem, include_original=True, seed=1)
    plain = open_task(folders[problem], problem, max_length=32)
    for task in (salt, plain):
        task.load_dataset("valid")
    assert type(salt.datasets["valid"]) is type(plain.datasets["valid"])
    assert same(batches(salt, split="valid"), batches(plain, split="valid"))
