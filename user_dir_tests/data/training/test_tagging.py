"""Tagged sentences: chunks and truncation, labels that follow their words, batches, worker processes."""

from __future__ import annotations

import gc
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from user_dir_tests.helpers.toys.tiny import build
from user_dir_tests.helpers.toys.toy_positions import TAGS, make_tagging
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.binary.rows import Rows
from xl_plugins.data.training.tagged_texts import PlainTexts, TaggedTexts, split_words
from xl_plugins.data.training.tagging import NO_LABEL, TagDataset, TagPart
from xl_plugins.data.training.units import BUCKET
from xl_plugins.errors import UserError

C = len(TAGS)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataBin:
    return DataBin(make_tagging(tmp_path_factory.mktemp("tagging") / "data", longest=16))


def test_rows_outlive_their_file(data: DataBin) -> None:
    """A batch may hold views of a map after the data set is gone."""
    rows = Rows(data.prefix("de", "raw", "train"), np.uint8)
    text, row = rows.text(3), rows[3]
    del rows
    gc.collect()
    assert row.tobytes().decode() == text and text.startswith("de")


def part(data: DataBin, language: str, index: int, limit: int = 14, views: bool = True) -> TagPart:
    target = TaggedTexts(data, language, "train", limit, truncate=views, soft=views and language != "en")
    made = TagPart(language, index, target, C, soft=views)
    if views:
        made.source = TaggedTexts(data, "en", "train", limit, truncate=True)
        made.back_translation = PlainTexts(data, language, "train", limit, into_source=language != "en")
    return made


@pytest.fixture(scope="module")
def paired(data: DataBin) -> TagDataset:
    return TagDataset([part(data, lang, i) for i, lang in enumerate(("de", "en", "fr"))], data.dictionary, True)


def pieces_of(data: DataBin, language: str, split: str, sentence: int) -> list[list[int]]:
    """Pieces of each word, from the stored files alone."""
    flat = data.open_text(language, "input0", split)[sentence].tolist()[:-1]
    counts = TaggedTexts(data, language, split, 500).counts[sentence].tolist()
    ends = np.cumsum(counts)
    return [flat[end - count : end] for end, count in zip(ends, counts)]


# -- chunks --


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.integers(1, 12))
def test_chunks_are_filled_from_the_left_and_cover_every_word_once(counts: list[int], budget: int) -> None:
    ranges = split_words(np.array(counts, np.uint16), budget)
    assert [word for first, last in ranges for word in range(first, last)] == list(range(len(counts)))
    for number, (first, last) in enumerate(ranges):
        size = sum(counts[first:last])
        assert size <= budget or last == first + 1
        if number + 1 < len(ranges):
            assert size + counts[last] > budget, "the next word would have fitted"


@settings(max_examples=15, deadline=None)
@given(st.integers(3, 40))
def test_rows_hold_every_word_in_order(data: DataBin, limit: int) -> None:
    texts = TaggedTexts(data, "de", "train", limit)
    for sentence in range(len(texts)):
        wanted, found = pieces_of(data, "de", "train", sentence), []
        rows = texts.rows(sentence)
        for row in rows:
            ids, numbers = row.tokens.tolist(), row.words.tolist()
            assert len(ids) == len(numbers) <= limit and ids[0] == 0 and ids[-1] == 2
            assert numbers[0] == numbers[-1] == 0 and numbers[-2] == row.last - row.first == max(numbers)
            found += [[p for p, n in zip(ids, numbers) if n == word] for word in range(1, numbers[-2] + 1)]
        assert len(found) == len(wanted) == texts.word_counts[sentence]
        assert found == [word[: limit - 2] for word in wanted]  # a word above the limit keeps its first pieces
        assert texts.token_counts[sentence] == sum(len(row.tokens) for row in rows)
        assert max(len(row.tokens) for row in rows) <= texts.lengths[sentence] <= limit


@settings(max_examples=15, deadline=None)
@given(st.integers(3, 40))
def test_truncation_leaves_out_words_whose_first_piece_is_cut(data: DataBin, limit: int) -> None:
    texts = TaggedTexts(data, "de", "train", limit, truncate=True)
    for sentence in range(len(texts)):
        words = pieces_of(data, "de", "train", sentence)
        flat = [(piece, number) for number, word in enumerate(words, start=1) for piece in word][: limit - 2]
        (row,) = texts.rows(sentence)
        assert row.tokens.tolist() == [0, *(piece for piece, _ in flat), 2]
        assert row.words.tolist() == [0, *(number for _, number in flat), 0]
        assert (row.first, row.last) == (0, flat[-1][1])
        assert len(row.tokens) == texts.lengths[sentence]


def test_some_words_are_cut_in_the_middle(data: DataBin) -> None:
    """The toy sentences exercise what the test above is about."""
    texts = TaggedTexts(data, "de", "train", 14, truncate=True)
    kept = [int((row.words == row.last).sum()) for s in range(len(texts)) for row in texts.rows(s)]
    whole = [len(pieces_of(data, "de", "train", s)[texts.rows(s)[0].last - 1]) for s in range(len(texts))]
    assert any(a < b for a, b in zip(kept, whole))
    assert sum(texts.rows(s)[0].last < texts.word_counts[s] for s in range(len(texts))) > 3


def test_plain_rows_are_stretches_of_the_text(data: DataBin) -> None:
    texts = PlainTexts(data, "de", "valid", 8, into_source=True)
    for sentence in range(len(texts)):
        stored = data.open_text("de", "input0", "valid", True)[sentence].tolist()[:-1]
        stretches = [stored[at : at + 6] for at in range(0, len(stored), 6)]
        for chunk in range(5):
            ids = texts.row(sentence, chunk).tolist()
            assert ids == [0, *stretches[min(chunk, len(stretches) - 1)], 2]
        assert texts.lengths[sentence] == min(len(stored), 6) + 2
    assert max(texts.piece_counts) > 12


# -- labels --


def test_labels_follow_the_words(data: DataBin) -> None:
    """Toy tags follow from the first piece; chunked (plain) and truncated (paired) rows keep them with their words."""
    for views in (False, True):
        made = part(data, "de", 0, views=views)
        for sentence in range(len(made)):
            item = made.item(sentence)
            for (tokens, words), labels in zip(item["rows"], item["labels"]):
                first = [int(tokens[words == n][0]) for n in range(1, int(words.max()) + 1)]
                assert labels.tolist() == [piece % C for piece in first]


def test_soft_vectors_follow_the_words(data: DataBin) -> None:
    stored = np.load(data.prefix("de", "soft", "train") + ".npy")
    made, at = part(data, "de", 0), 0
    for sentence in range(len(made)):
        (row,) = made.target.rows(sentence)
        (vectors,) = made.item(sentence)["soft"]
        assert vectors.dtype == torch.float32 and vectors.shape == (row.last, C)
        assert np.array_equal(vectors.numpy(), stored[at : at + row.last])
        at += int(made.target.word_counts[sentence])
    assert at == len(stored)


def test_the_source_language_has_one_hot_vectors(data: DataBin) -> None:
    made = part(data, "en", 1)
    for sentence in range(len(made)):
        item = made.item(sentence)
        assert torch.equal(item["soft"][0], torch.nn.functional.one_hot(item["labels"][0], C).float())
        assert item["source"][0].tolist() == item["rows"][0][0].tolist()
        assert item["source_labels"][0].tolist() == item["labels"][0].tolist()


def test_a_task_gives_the_source_language_gold_labels_even_if_it_has_soft_ones(tmp_path: Path) -> None:
    root = make_tagging(tmp_path / "data")
    (root / "en" / "soft").mkdir()
    words = len(TaggedTexts(DataBin(root), "en", "train", 32).counts.flat)
    np.save(root / "en" / "soft" / "train.npy", np.full((words, C), 1 / C, np.float32))
    made = build(root, "xmixup_tagging", mixup_layer=2).task.build_part("en", "train")
    assert made.item(0)["soft"][0].max() == 1.0


# -- batches --


def assert_batch(batch: dict, items: list[dict]) -> None:
    """Every tensor of a batch from the items' own values."""
    rows = [row for item in items for row in item["rows"]]
    width, words = max(len(t) for t, _ in rows), max(int(w.max()) for _, w in rows)
    assert batch["unit"].tolist() == [item["id"] for item in items] and batch["nsentences"] == len(batch["id"])
    assert batch["id"].tolist() == [item["id"] for item in items for _ in item["rows"]]
    assert batch["unit_language"].tolist() == [item["language"] for item in items]
    assert batch["language"].tolist() == [item["language"] for item in items for _ in item["rows"]]
    assert batch["ntokens"] == sum(len(tokens) for tokens, _ in rows)
    for got, column, pad in (("src_tokens", 0, 1), ("words", 1, 0)):
        expected = [row[column].tolist() + [pad] * (width - len(row[column])) for row in rows]
        assert batch["net_input"][got].tolist() == expected
    labels = [label for item in items for label in item["labels"]]
    assert batch["target"].tolist() == [row.tolist() + [NO_LABEL] * (words - len(row)) for row in labels]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 59), min_size=1, max_size=7))
def test_paired_batch(paired: TagDataset, ids: list[int]) -> None:
    items = [paired[i] for i in ids]
    batch = paired.collater(items)
    assert_batch(batch, items)
    assert batch["soft"].shape == (len(ids), batch["target"].size(1), C)
    for row, item in enumerate(items):
        (vectors,) = item["soft"]
        assert torch.equal(batch["soft"][row, : len(vectors)], vectors)
        assert batch["soft"][row, len(vectors) :].abs().sum() == 0, "no label where there is no word"
        for field, name, pad in (
            ("source", "source", 1), ("source_words", "source_words", 0), ("source_labels", "source_target", NO_LABEL),
            ("back_translation", "back_translation", 1),
        ):  # fmt: skip
            values = item[field][0].tolist()
            assert batch[name][row].tolist() == values + [pad] * (batch[name].size(1) - len(values)), field
    assert batch["source_target"].size(1) == int(batch["source_words"].max())


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 19), min_size=1, max_size=5, unique=True))
def test_chunked_batch(data: DataBin, ids: list[int]) -> None:
    plain = TagDataset([part(data, "fr", 0, limit=9, views=False)], data.dictionary, shuffle=False)
    items = [plain[i] for i in ids]
    batch = plain.collater(items)
    assert_batch(batch, items)
    common = {"id", "unit", "language", "unit_language", "net_input", "nsentences", "ntokens", "target"}
    assert set(batch) == common


def test_long_sentences_are_paired_chunk_by_chunk(data: DataBin) -> None:
    made = part(data, "de", 0, limit=9, views=False)
    made.source = PlainTexts(data, "de", "train", 9, into_source=True)
    longest = int(np.argmax(made.target.piece_counts))
    item = made.item(longest)
    assert len(item["rows"]) == len(item["source"]) > 2
    for chunk, ids in enumerate(item["source"]):
        assert ids.tolist() == made.source.row(longest, chunk).tolist()


def test_unlabelled_sentences_have_no_targets(tmp_path: Path) -> None:
    data = DataBin(make_tagging(tmp_path / "data", tagged=False))
    made = TagPart("de", 0, TaggedTexts(data, "de", "train", 30, truncate=True, soft=True), C, soft=True)
    batch = TagDataset([made], data.dictionary, False).collater([{"id": 0, "language": 0, **made.item(0)}])
    words = int(made.target.word_counts[0])
    assert batch["target"].tolist() == [[NO_LABEL] * words] and batch["soft"].shape == (1, words, C)


def test_empty_batch(paired: TagDataset) -> None:
    assert paired.collater([]) == {}


def test_sizes_and_messages(data: DataBin, paired: TagDataset) -> None:
    for index in range(len(paired)):
        item = paired[index]
        target, source, back = len(item["rows"][0][0]), len(item["source"][0]), len(item["back_translation"][0])
        assert paired.size(index) == max(target, source)
        assert paired.num_tokens(index) == target + max(source, back)
    plain = TagDataset([part(data, "fr", 0, limit=9, views=False)], data.dictionary, shuffle=False)
    for index in range(len(plain)):
        assert plain.num_tokens(index) == sum(len(tokens) for tokens, _ in plain[index]["rows"])
    assert paired.describe([0, 25, 59]) == "de:1, en:6, fr:20"


def test_training_order_is_a_permutation_bucketed_by_length(paired: TagDataset) -> None:
    np.random.seed(1)
    order = paired.ordered_indices()
    assert sorted(order) == list(range(60))
    assert (np.diff(paired.sizes[order] // BUCKET) >= 0).all()


def test_max_tokens_counts_both_streams_and_all_chunks(paired: TagDataset) -> None:
    for ids in paired.batch_by_size(np.arange(60), max_tokens=120):
        assert max(paired.num_tokens(int(i)) for i in ids) * len(ids) <= 120


def same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)  # type: ignore[arg-type]
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)  # type: ignore
    return one == other


@pytest.mark.parametrize("workers", [1, 2])
def test_worker_processes_give_the_same_batches(paired: TagDataset, workers: int) -> None:
    ids = [[3, 40, 21], [59], [0, 1]]

    def batches(count: int) -> list[dict]:
        loader = torch.utils.data.DataLoader(
            paired, batch_sampler=ids, collate_fn=paired.collater, num_workers=count
        )  # fmt: skip
        return list(loader)

    assert all(same(one, other) for one, other in zip(batches(0), batches(workers), strict=True))


def test_a_pickled_data_set_reads_the_same_rows(paired: TagDataset) -> None:
    """As with the spawn method of starting workers."""
    copy = pickle.loads(pickle.dumps(paired))
    for index in (0, 30, 59):
        assert same(copy.collater([copy[index]]), paired.collater([paired[index]]))


@pytest.mark.parametrize("field", ["source", "back_translation"])
def test_unequal_rows_are_refused(data: DataBin, field: str) -> None:
    bad = part(data, "de", 0)
    setattr(bad, field, PlainTexts(data, "en", "valid", 30))
    with pytest.raises(UserError, match=r"en/input0/valid.idx has 8 rows, but .*de/input0/train.idx has 20; row i of"):
        TagDataset([bad], data.dictionary, shuffle=True)
