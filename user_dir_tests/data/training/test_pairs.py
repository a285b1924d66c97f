"""Encoding, truncation, composition of batches, padding, ids."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.data.binary.frame import Frame
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.training.pairs import PairDataset, PairPart, PairTexts, truncated_lengths
from xl_plugins.data.training.units import BUCKET
from xl_plugins.errors import UserError


def longest_first(first: int, second: int, limit: int) -> tuple[int, int]:
    """The rule of Hugging Face's tokenizers, one token at a time: the longer text loses one, on ties the second."""
    while first + second + 4 > limit:
        if first > second:
            first -= 1
        else:
            second -= 1
    return first, second


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 80), st.integers(1, 80), st.integers(6, 64))
def test_truncation_equals_one_token_at_a_time(first: int, second: int, limit: int) -> None:
    kept = truncated_lengths(np.array([first]), np.array([second]), limit - 4)
    assert tuple(int(k[0]) for k in kept) == longest_first(first, second, limit)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 300), st.integers(1, 300)), min_size=1, max_size=9), st.integers(6, 200))
def test_truncation_of_many_rows(rows: list[tuple[int, int]], limit: int) -> None:
    first, second = (np.array(column, np.int32) for column in zip(*rows))
    kept = truncated_lengths(first, second, limit - 4)
    assert list(zip(*(k.tolist() for k in kept))) == [longest_first(a, b, limit) for a, b in rows]
    assert (kept[0] + kept[1] + 4 <= limit).all() and (kept[0] >= 1).all() and (kept[1] >= 1).all()


def test_truncation_agrees_with_hugging_face() -> None:
    """The compiled tokenizers differ in one case: of an odd budget between two long texts the second gets the rest."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = {f"w{i}": i + 4 for i in range(40)} | {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    core = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    core.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    core.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>")
    for first, second, limit in ((10, 3, 12), (3, 10, 12), (9, 9, 12), (2, 2, 40), (1, 20, 8)):
        texts = [" ".join(f"w{i}" for i in range(n)) for n in (first, second)]
        encoded = tokenizer(*texts, truncation="longest_first", max_length=limit)["input_ids"]
        kept = truncated_lengths(np.array([first]), np.array([second]), limit - 4)
        ours = Frame(0, 2).enclose(torch.arange(4, 4 + kept[0][0]), torch.arange(4, 4 + kept[1][0]))
        assert encoded == ours.tolist(), (first, second, limit)


def test_pair_has_xlmr_form() -> None:
    ids = Frame(0, 2).enclose(torch.tensor([7, 8]), torch.tensor([9]))
    assert ids.tolist() == [0, 7, 8, 2, 2, 9, 2] and ids.dtype == torch.int64


def test_pair_has_berts_form() -> None:
    """One separator, and everything that is counted follows from it."""
    frame = Frame(0, 2, between=1)
    assert frame.enclose(torch.tensor([7, 8]), torch.tensor([9])).tolist() == [0, 7, 8, 2, 9, 2]
    assert frame.enclose_ids([7, 8], []).tolist() == [0, 7, 8, 2, 2] and frame.enclose_ids([7]).tolist() == [0, 7, 2]
    assert (frame.of_two, frame.second(2)) == (3, 4) and (Frame(0, 2).of_two, Frame(0, 2).second(2)) == (4, 5)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataBin:
    return DataBin(make_data(tmp_path_factory.mktemp("pairs") / "data", longest=20))


def part(data: DataBin, language: str, index: int, views: bool = True, limit: int = 30) -> PairPart:
    labels = data.open_labels(language, "train")
    made = PairPart(language, index, PairTexts(data, language, "train", limit), labels)
    if views:
        made.source = PairTexts(data, "en", "train", limit)
        made.back_translation = (
            made.source if language == "en" else PairTexts(data, language, "train", limit, into_source=True)
        )
    return made


@pytest.fixture(scope="module")
def dataset(data: DataBin) -> PairDataset:
    return PairDataset([part(data, "de", 0), part(data, "en", 1), part(data, "fr", 2)], data.dictionary, shuffle=True)


def test_texts_are_the_stored_ones(data: DataBin) -> None:
    texts = PairTexts(data, "de", "train", 30)
    for row in range(len(texts)):
        first, second = data.open_text("de", "input0", "train")[row], data.open_text("de", "input1", "train")[row]
        keep = longest_first(len(first) - 1, len(second) - 1, 30)
        assert texts.tokens(row).tolist() == [0, *first[: keep[0]].tolist(), 2, 2, *second[: keep[1]].tolist(), 2]
        assert texts.lengths[row] == len(texts.tokens(row)) <= 30
    assert texts.lengths.max() == 30, "some row must be truncated"


def test_ids_are_positions_in_the_concatenation(dataset: PairDataset) -> None:
    assert len(dataset) == 72
    for index in (0, 23, 24, 47, 48, 71):
        item = dataset[index]
        made, row = dataset.locate(index)
        assert (item["id"], item["language"], row) == (index, index // 24, index % 24)
        assert item["target"].tolist() == made.target.tokens(row).tolist()
        assert item["label"] == made.labels[row]
    assert dataset.describe([0, 25, 71]) == "de:1, en:2, fr:24"


def test_rows_are_parallel(dataset: PairDataset) -> None:
    """Piece p of English is piece p + 7 k of the other toy languages; the back-translation ends in another piece."""
    changed = 0
    for index in range(24):
        german, english = dataset[index], dataset[index + 24]
        assert german["source"].tolist() == english["source"].tolist()
        assert english["source"].tolist() == english["back_translation"].tolist()
        changed += german["back_translation"].tolist() != german["source"].tolist()
        assert german["label"] == english["label"]
        assert len(german["source"]) == len(german["target"])
    assert changed > 12, "back-translations must be read from the view"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 71), min_size=1, max_size=8))
def test_batch(dataset: PairDataset, ids: list[int]) -> None:
    batch = dataset.collater([dataset[i] for i in ids])
    assert batch["id"].tolist() == ids and batch["nsentences"] == len(ids)
    assert batch["language"].tolist() == [i // 24 for i in ids]
    assert batch["target"].tolist() == [dataset[i]["label"] for i in ids]
    columns = {
        "target": batch["net_input"]["src_tokens"],
        "source": batch["source"],
        "back_translation": batch["back_translation"],
    }
    for field, tokens in columns.items():
        texts = [dataset[i][field].tolist() for i in ids]
        width = max(map(len, texts))
        assert tokens.tolist() == [text + [1] * (width - len(text)) for text in texts], field
    assert batch["ntokens"] == sum(len(dataset[i]["target"]) for i in ids)


def test_empty_batch(dataset: PairDataset) -> None:
    assert dataset.collater([]) == {}


def test_without_views_a_batch_has_none(data: DataBin) -> None:
    plain = PairDataset([part(data, "fr", 0, views=False)], data.dictionary, shuffle=False)
    common = {"id", "unit", "language", "unit_language", "net_input", "nsentences", "ntokens"}
    assert set(plain.collater([plain[0]])) == common | {"target"}


def test_sizes(dataset: PairDataset) -> None:
    for index in range(72):
        item = dataset[index]
        lengths = {field: len(item[field]) for field in ("target", "source", "back_translation")}
        assert dataset.size(index) == max(lengths["target"], lengths["source"])
        assert dataset.num_tokens(index) == lengths["target"] + max(lengths["source"], lengths["back_translation"])
    assert dataset.num_tokens_vec(np.array([3, 70])).tolist() == [dataset.num_tokens(3), dataset.num_tokens(70)]


def test_order_is_a_permutation_bucketed_by_length(dataset: PairDataset) -> None:
    np.random.seed(1)
    first = dataset.ordered_indices()
    np.random.seed(2)
    second = dataset.ordered_indices()
    assert sorted(first) == list(range(72)) and first.tolist() != second.tolist()
    buckets = dataset.sizes[first] // BUCKET
    assert (np.diff(buckets) >= 0).all()
    np.random.seed(1)
    assert dataset.ordered_indices().tolist() == first.tolist()


def test_evaluation_order_is_by_length_and_fixed(data: DataBin) -> None:
    plain = PairDataset([part(data, "fr", 0)], data.dictionary, shuffle=False)
    order = plain.ordered_indices()
    assert (np.diff(plain.sizes[order]) >= 0).all() and order.tolist() == plain.ordered_indices().tolist()


def test_languages_mix_within_batches(dataset: PairDataset) -> None:
    np.random.seed(3)
    order = dataset.ordered_indices()
    batches = [set((order[i : i + 8] // 24).tolist()) for i in range(0, 72, 8)]
    assert sum(len(languages) for languages in batches) >= 2 * len(batches)


def test_max_tokens_counts_both_streams(dataset: PairDataset) -> None:
    order = np.arange(72)
    for batch in dataset.batch_by_size(order, max_tokens=200):
        width = max(dataset.num_tokens(int(i)) for i in batch)
        assert width * len(batch) <= 200


def test_no_rows_are_refused(data: DataBin) -> None:
    with pytest.raises(UserError, match="no examples"):
        PairDataset([], data.dictionary, shuffle=True)


@pytest.mark.parametrize("field", ["source", "back_translation", "labels"])
def test_unequal_rows_are_refused(data: DataBin, field: str) -> None:
    bad = part(data, "de", 0)
    short = PairTexts(data, "en", "valid", 30) if field != "labels" else bad.labels[:3]
    setattr(bad, field, short)
    with pytest.raises(UserError, match="24" if field == "labels" else "10 rows"):
        PairDataset([bad], data.dictionary, shuffle=True)
