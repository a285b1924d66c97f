"""Views of tagged sentences: the same words in both, cut in step, with their labels."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from user_dir_tests.helpers.toys.toy import write_rows
from user_dir_tests.helpers.toys.toy_positions import TAGS
from user_dir_tests.helpers.toys.toy_views import (
    make_dictionaries,
    make_folder,
    make_spm,
    open_pieces,
    open_task,
    open_training_set,
    views,
)
from xl_plugins.data.augmented.views_tagging import words_that_fit
from xl_plugins.data.training.tagging import NO_LABEL

N = 9
LONG = 500  # positions in which every sentence fits
PAIRS = [("ss", "ss"), ("none", "ss"), ("cs", "ss"), ("ss", "none"), ("mt", "ss"), ("gn", "cs")]
_Words = list[tuple[int, ...]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tagging")
    made = make_folder(root / "data", make_spm(root), "tagging", train=N)
    make_dictionaries(root / "dictionaries", made)
    return made


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Translations with tags of their own."""
    root = tmp_path_factory.mktemp("tagged")
    return make_folder(root / "data", make_spm(root), "tagging", train=N, tagged=True)


open_set = partial(open_training_set, "tagging")


def words_of(row: tuple[torch.Tensor, torch.Tensor]) -> _Words:
    """Pieces of the words of ``<s> words </s>``, whose numbers go up from 1 without a gap."""
    tokens, numbers = (part.tolist() for part in row)
    assert tokens[0] == 0 and tokens[-1] == 2 and numbers[0] == numbers[-1] == 0
    inner = numbers[1:-1]
    assert inner == sorted(inner) and set(inner) == set(range(1, inner[-1] + 1))
    return [tuple(t for t, n in zip(tokens, numbers) if n == word) for word in range(1, inner[-1] + 1)]


def chunks(words: _Words, budget: int) -> list[int]:
    """Words per chunk of at most ``budget`` pieces."""
    counts, room = [0], budget
    for word in words:
        if len(word) > room and counts[-1]:
            counts, room = [*counts, 0], budget
        counts[-1] += 1
        room -= len(word)
    return counts


def in_step(one: _Words, other: _Words, budget: int) -> tuple[_Words, _Words]:
    """Add words to both views until either reaches the budget; cut it there."""
    kept: tuple[_Words, _Words] = ([], [])
    for pair in zip(one, other):
        for view, word in zip(kept, pair):
            view.append(word[: budget - sum(map(len, view))])
        if any(sum(map(len, view)) == budget for view in kept):
            break
    return kept


@pytest.mark.parametrize("augment, second", PAIRS)
@settings(max_examples=25, deadline=None)
@given(length=st.integers(3, 60), epoch=st.integers(1, 10**6))
def test_rows_of_any_length_hold_the_same_words(data: Path, augment: str, second: str, length: int, epoch: int) -> None:
    options = {"augment": augment, "second_view": second, "ss_ratio": 0.7, "cs_ratio": 0.7}
    whole, short = (open_set(data, epoch, max_length=size, **options) for size in (LONG, length))
    plain = open_set(data, second_view="gn", max_length=LONG)
    for index in range(len(short)):
        full, item = whole[index], short[index]
        origin = words_of(full["rows"][0] if augment == "mt" and index >= N else plain[index % N]["rows"][0])
        first = words_of(full["rows"][0])
        other = words_of(full["second"][0]) if second != "none" else first
        assert len(origin) == len(first) == len(other)
        start = 0
        sizes = chunks(origin, length - 2)
        assert len(item["rows"]) == len(sizes)
        for number, count in enumerate(sizes):
            stop = start + count
            expected = in_step(first[start:stop], other[start:stop], length - 2)
            assert words_of(item["rows"][number]) == expected[0]
            assert all(expected[0]) and all(expected[1])
            if second != "none":
                assert words_of(item["second"][number]) == expected[1]
            if "labels" in full:
                kept = full["labels"][0][start : start + len(expected[0])]
                assert torch.equal(item["labels"][number], kept)
                tags = [word[0] % len(TAGS) for word in origin[start:stop]][: len(kept)]
                assert kept.tolist() == tags
            start = stop
        assert start == len(origin)


_WORDS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


@given(st.data(), st.integers(1, 30))
def test_words_that_fit(drawn: st.DataObject, budget: int) -> None:
    one = drawn.draw(_WORDS)
    other = drawn.draw(st.lists(st.integers(1, 9), min_size=len(one), max_size=len(one)))
    first, second = ([tuple(range(count)) for count in counts] for counts in (one, other))
    kept = in_step(first, second, budget)
    assert words_that_fit(first, second, budget) == len(kept[0]) == len(kept[1])


def test_some_words_are_left_out(data: Path) -> None:
    """The case that the rule is for occurs: x loses words because x' became longer."""
    dataset = open_set(data, max_length=20, second_view="ss", ss_ratio=1.0, ss_alpha=0.0)
    lost = [
        len(labels) < len(plain)
        for index in range(N)
        for labels, plain in zip(dataset[index]["labels"], dataset.base[index]["labels"])
    ]
    assert any(lost) and not all(lost)


def test_sampled_words_spell_the_same(data: Path) -> None:
    pieces, changed = open_pieces(data), 0
    dataset = open_set(data, max_length=LONG, augment="ss", second_view="ss", ss_ratio=0.6)
    for index in range(2 * N):
        item = dataset[index]
        plain = words_of(dataset.base[index % N]["rows"][0])
        for row in (item["rows"][0], item["second"][0]):
            assert [pieces.join(word) for word in words_of(row)] == [pieces.join(word) for word in plain]
            changed += sum(a != b for a, b in zip(words_of(row), plain))
    assert changed > N


@pytest.mark.parametrize("given_source, middle", [("source", 1), ("first", 0), (None, 1)])
def test_what_the_second_view_of_a_copy_is_made_of(data: Path, given_source: str | None, middle: int) -> None:
    """Words that x' leaves are those of the plain text (1) or of the copy (0)."""
    options = {"augment": "ss", "second_view": "ss", "ss_ratio": 0.5, "max_length": LONG}
    dataset = open_set(data, r1_view_source=given_source, **options)
    same: Counter = Counter()
    for index in range(N, 2 * N):
        item = dataset[index]
        rows = [dataset.base[index - N]["rows"][0], item["rows"][0], item["second"][0]]
        for plain, x, second in zip(*map(words_of, rows)):
            if x != plain:
                same[0] += second == x
                same[1] += second == plain
    assert same[middle] > 1.5 * same[1 - middle]


def test_chunks_become_rows_of_the_batch(data: Path) -> None:
    dataset = open_set(data, max_length=20, augment="ss", second_view="ss", ss_ratio=0.7)
    items = [dataset[index] for index in (2, N + 2, 0, N)]
    batch = dataset.collater(items)
    counts = [len(item["rows"]) for item in items]
    assert counts[0] == counts[1] > 1
    rows = sum(counts)
    ids = [item["id"] for item, count in zip(items, counts) for _ in range(count)]
    assert batch["id"].tolist() == ids and batch["unit"].tolist() == [item["id"] for item in items]
    assert batch["augmented"].tolist() == [index >= N for index in ids]
    assert batch["nsentences"] == rows == len(batch["net_input"]["src_tokens"]) == len(batch["second"]["src_tokens"])
    for name in ("net_input", "second"):
        view = batch[name]
        assert view["src_tokens"].shape == view["words"].shape
        key = "rows" if name == "net_input" else "second"
        for number, row in enumerate(row for item in items for row in item[key]):
            length = len(row[0])
            assert torch.equal(view["src_tokens"][number, :length], row[0])
            assert torch.equal(view["words"][number, :length], row[1])
            assert (view["src_tokens"][number, length:] == 1).all() and (view["words"][number, length:] == 0).all()
    assert torch.equal(batch["net_input"]["words"].max(dim=1).values, batch["second"]["words"].max(dim=1).values)
    assert torch.equal(batch["target"].ne(NO_LABEL).sum(dim=1), batch["second"]["words"].max(dim=1).values)
    assert batch["view_words"].tolist() == sum(item["view_words"] for item in items).tolist()


def test_noise_keeps_both_views_alike(data: Path) -> None:
    for augment, second in (("gn", "gn"), ("ss", "gn"), ("none", "gn")):
        dataset = open_set(data, max_length=20, augment=augment, second_view=second)
        items = [dataset[index] for index in range(len(dataset))]
        batch = dataset.collater(items)
        for name in ("src_tokens", "words"):
            assert torch.equal(batch["second"][name], batch["net_input"][name])
        assert batch["second"]["noise"].all()
        assert torch.equal(batch["noise"], batch["augmented"] & (augment == "gn"))


# -- translations --


def test_translations_have_no_labels(data: Path) -> None:
    dataset = open_set(data, augment="mt", second_view="ss", max_length=20)
    items = [dataset[index] for index in (0, N, N + 2, 1)]
    assert [("labels" in item) for item in items] == [True, False, False, True]
    batch = dataset.collater(items)
    assert torch.equal((batch["target"] != NO_LABEL).any(dim=1), ~batch["augmented"])
    assert batch["language"][batch["augmented"]].ne(1).all() and batch["language"][~batch["augmented"]].eq(1).all()


def test_translations_are_those_of_the_language_drawn(data: Path) -> None:
    """One language per example and epoch; their chunks and lengths are those of the translation."""
    parts = open_set(data, augment="mt", max_length=20).views.translations.parts
    rows = {
        part.language: [[row.tokens.tolist() for row in part.target.rows(sentence)] for sentence in range(N)]
        for part in parts
    }
    counts: Counter = Counter()
    for epoch in range(1, 60):
        dataset = open_set(data, epoch, augment="mt", max_length=20)
        assert len(dataset) == 2 * N
        for index in range(N):
            made = views(dataset[N + index])
            (language,) = [name for name, texts in rows.items() if texts[index] == made]
            counts[language] += 1
            longest = max(map(len, made))  # rows of a cut sentence may all stay below the limit
            assert dataset.size(N + index) == (longest if len(made) == 1 else 20)
            assert dataset.num_tokens(N + index) == sum(map(len, made))
    assert counts.keys() == {"de", "fr"} and abs(counts["de"] / (59 * N) - 0.5) < 0.1
    assert dataset.describe([2, N + 2]) == "en:3, en:3 (copy)"


@pytest.mark.parametrize("labels", ["ignore", "use"])
@pytest.mark.parametrize("target_labels", ["gold", "soft"])
def test_tags_of_translations(tagged: Path, labels: str, target_labels: str) -> None:
    """Ignored, or used; where labels are soft, those of a translation are one-hot, or zero throughout."""
    options = {"augment": "mt", "second_view": "ss", "mt_labels": labels, "target_labels": target_labels}
    dataset = open_set(tagged, **options)
    order = [N, 0, N + 2, 2]  # begins with a translation
    for ids in (order, order[::-1]):
        batch = dataset.collater([dataset[index] for index in ids])
        has_labels = (batch["target"] != NO_LABEL).any(dim=1)
        assert torch.equal(has_labels, ~batch["augmented"] | (labels == "use"))
        assert ("soft" in batch) == (target_labels == "soft")
        if target_labels == "soft":
            assert batch["soft"].shape == (*batch["target"].shape, len(TAGS))
            assert torch.equal(batch["soft"].sum(dim=-1), (batch["target"] != NO_LABEL).float())
            labelled = batch["target"] != NO_LABEL
            assert torch.equal(batch["soft"].argmax(dim=-1)[labelled], batch["target"][labelled])
    if labels == "use":
        for index in (N, N + 2):
            item = dataset[index]
            for row, tags in zip(item["rows"], item["labels"]):
                assert len(words_of(row)) == len(tags)


def test_default_exclusion_of_unspaced_languages(tmp_path: Path) -> None:
    made = make_folder(tmp_path / "data", make_spm(tmp_path), "tagging", languages=("en", "de", "ja", "th"), train=3)
    assert open_set(made, augment="mt").views.translations.languages == ["de"]
    assert open_set(made, augment="mt", mt_exclude="").views.translations.languages == ["de", "ja", "th"]
    assert open_set(made, augment="mt", mt_exclude="de, th").views.translations.languages == ["ja"]
    assert open_set(made, augment="mt", mt_languages="th,de").views.translations.languages == ["th", "de"]


# -- X-Mixup --


@pytest.mark.parametrize("length", [8, 20])
def test_views_of_xmixup_stay_with_their_source(tagged: Path, length: int) -> None:
    """Training pairs are cut at the limit and have one row; x' belongs to the same source text."""
    for lang in ("de", "fr"):
        texts = [[5 + row, 6] for row in range(N)]
        write_rows(tagged / lang / "en-view" / "input0" / "train", texts, 200)
    task = open_task(
        tagged,
        "tagging",
        "xmixup",
        target_labels="gold",
        augment="ss",
        second_view="ss",
        ss_ratio=0.8,
        max_length=length,
    )
    dataset = task.datasets["train"]
    count = len(dataset.base)
    assert count == 3 * N
    for index in range(2 * count):
        item, plain = dataset[index], dataset.base[index % count]
        assert len(item["rows"]) == len(item["second"]) == 1
        one, other = words_of(item["rows"][0]), words_of(item["second"][0])
        assert len(one) == len(other) <= len(words_of(plain["rows"][0])) and len(item["labels"][0]) == len(one)
        for name in plain.keys() - {"id", "rows", "labels"}:
            assert str(item[name]) == str(plain[name]), name
    batch = dataset.collater([dataset[index] for index in (0, count, count + N)])
    assert len(batch["source"]) == len(batch["second"]["src_tokens"]) == 3
