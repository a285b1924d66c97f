"""Views of sentence pairs: words, truncation, and the languages of translations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.toys.toy_views import (
    make_dictionaries,
    make_folder,
    make_spm,
    open_pieces,
    open_task,
    same,
    views,
)

N = 12
LONG = 400  # positions in which every text fits


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pairs")
    return make_folder(root / "data", make_spm(root), "sentence_pair", train=N)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, data: Path) -> dict[str, dict]:
    return make_dictionaries(data.parent / "dictionaries", data)


def open_set(data: Path, epoch: int = 1, **options: object) -> Any:
    if "cs" in options.values():
        options["cs_dictionaries"] = str(data.parent / "dictionaries")
    dataset = open_task(data, "sentence_pair", **options).datasets["train"]
    dataset.set_epoch(epoch)
    return dataset


def texts_of(row: list[int]) -> tuple[list[int], list[int]]:
    """Both texts of ``<s> a </s> </s> b </s>``."""
    assert row[0] == 0 and row[-1] == 2
    cut = row.index(2)
    assert row[cut : cut + 2] == [2, 2] and row[1:-1].count(2) == 2
    return row[1:cut], row[cut + 2 : -1]


def shortened(row: list[int], length: int) -> list[int]:
    """Take the last piece of the longer text, of the second on ties, until the pair fits."""
    first, second = texts_of(row)
    while len(first) + len(second) + 4 > length:
        (first if len(first) > len(second) else second).pop()
    return [0, *first, 2, 2, *second, 2]


@pytest.mark.parametrize("length", [6, 9, 20, 31, 60])
@pytest.mark.parametrize("name", ["ss", "cs"])
def test_each_view_is_cut_on_its_own(data: Path, tables: dict, name: str, length: int) -> None:
    options = {"augment": name, "second_view": name, "ss_ratio": 0.8, "cs_ratio": 0.8}
    whole, short = (open_set(data, max_length=size, **options) for size in (LONG, length))
    for index in range(2 * N):
        assert views(short[index]) == [shortened(row, length) for row in views(whole[index])]


def test_subword_sampling_spells_the_same_text(data: Path) -> None:
    pieces = open_pieces(data)
    dataset = open_set(data, max_length=LONG, augment="ss", second_view="ss", ss_ratio=0.7)
    changed = 0
    for index in range(2 * N):
        plain = texts_of(dataset.base[index % N]["target"].tolist())
        for row in views(dataset[index]):
            assert [pieces.join(text) for text in texts_of(row)] == [pieces.join(text) for text in plain]
            changed += texts_of(row) != plain
    assert changed > 2 * N


def test_code_switch_puts_listed_translations_in_place_of_words(data: Path, tables: dict) -> None:
    pieces = open_pieces(data)
    dataset = open_set(data, max_length=LONG, augment="cs", second_view="cs", cs_ratio=0.6)
    counts: Counter = Counter()
    for index in range(2 * N):
        item = dataset[index]
        plain = texts_of(dataset.base[index % N]["target"].tolist())
        for view, row in enumerate(views(item)):
            for text, origin in zip(texts_of(row), plain):
                left = list(text)
                for word in pieces.split(origin):
                    found = [table.get(pieces.text(word), []) for table in tables.values()]
                    ways = [list(word), *(list(pieces.encode(text)) for texts in found for text in texts)]
                    # the longest that fits: a phrase begins like one of its words
                    fit = max((way for way in ways if left[: len(way)] == way), key=len)
                    counts[(index < N, view), fit != list(word)] += 1
                    left = left[len(fit) :]
                assert not left
    for index, expected in (((True, 0), False), ((True, 1), True), ((False, 0), True), ((False, 1), True)):
        assert (counts[index, True] > 0.2 * counts[index, False]) == expected


def test_second_view_of_a_copy_is_drawn_afresh_or_made_of_the_copy(data: Path, tables: dict) -> None:
    """Every word is replaced by a word that no dictionary lists: from the copy itself nothing can change again."""
    options = {"augment": "cs", "second_view": "cs", "cs_ratio": 1.0, "cs_choice": "covered"}
    source, first = (open_set(data, r1_view_source=given, **options) for given in (None, "first"))
    paper = open_set(data, xtune_compat="paper", **options)
    differs = 0
    for index in range(N, 2 * N):
        x, second = views(source[index])
        kept, again = views(first[index])
        assert x == kept == again
        assert views(paper[index]) == [x, x]
        differs += x != second
        assert second != views(source[index - N])[1], "views have draws of their own"
    assert differs == N
    for index in range(N):  # of examples themselves both are the same
        assert views(source[index]) == views(first[index]) == views(paper[index])
    assert views(open_set(data, xtune_compat="paper", r1_view_source="source", **options)[N]) == views(source[N])


def test_words_that_the_second_view_of_a_copy_leaves(data: Path) -> None:
    """They are those of the plain text (code), or those of the copy (article)."""
    pieces, left = open_pieces(data), {}
    for given in ("source", "first"):
        options = {"augment": "ss", "second_view": "ss", "ss_ratio": 0.5, "r1_view_source": given}
        dataset = open_set(data, max_length=LONG, **options)
        counts: Counter = Counter()
        for index in range(N, 2 * N):
            rows = [dataset.base[index - N]["target"].tolist(), *views(dataset[index])]
            for plain, x, second in zip(*([w for text in texts_of(row) for w in pieces.split(text)] for row in rows)):
                counts["x", x != plain, second == x] += 1
                counts["plain", x != plain, second == plain] += 1
        left[given] = [
            counts[key, True, True] / (counts[key, True, True] + counts[key, True, False]) for key in ("x", "plain")
        ]
    assert left["first"][0] > 0.45 > 0.35 > left["first"][1]
    assert left["source"][1] > 0.45 > 0.35 > left["source"][0]


def test_noise_keeps_the_text_and_marks_rows(data: Path) -> None:
    for augment, second in (("gn", "none"), ("gn", "gn"), ("none", "gn"), ("ss", "gn"), ("gn", "ss")):
        dataset = open_set(data, augment=augment, second_view=second, ss_ratio=1.0)
        count = len(dataset)
        items = [dataset[index] for index in range(count)]
        batch = dataset.collater(items)
        copies = [index >= N for index in range(count)]
        assert batch["augmented"].tolist() == copies
        assert batch["noise"].tolist() == [copy and augment == "gn" for copy in copies]
        if second == "none":
            assert "second" not in batch
        elif second == "gn":
            assert batch["second"]["noise"].tolist() == [True] * count
            assert torch.equal(batch["second"]["src_tokens"], batch["net_input"]["src_tokens"])
        else:
            assert batch["second"]["noise"].tolist() == [False] * count
        if augment == "gn":
            assert all(views(items[index])[0] == views(items[index - N])[0] for index in range(N, count))


def test_no_noise_no_flags(data: Path) -> None:
    dataset = open_set(data, augment="ss", second_view="ss")
    batch = dataset.collater([dataset[0], dataset[N]])
    assert "noise" not in batch and "noise" not in batch["second"]


# -- machine translation --


@pytest.fixture(scope="module")
def rows(data: Path) -> dict[str, list[list[int]]]:
    """The encoded pairs of every language."""
    task = open_task(data, "sentence_pair", train_languages="all")
    return {
        part.language: [part.target.tokens(row).tolist() for row in range(N)] for part in task.datasets["train"].parts
    }


def language_of(row: list[int], example: int, rows: dict[str, list[list[int]]]) -> str:
    (language,) = [language for language, texts in rows.items() if texts[example] == row]
    return language


def test_translations_one_language_per_example_and_epoch(data: Path, rows: dict) -> None:
    dataset = open_set(data, augment="mt", second_view="mt")
    firsts, seconds, of_copies = Counter(), Counter(), Counter()
    epochs = 120
    for epoch in range(1, epochs + 1):
        dataset.set_epoch(epoch)
        assert len(dataset) == 2 * N
        for index in range(N):
            x, second = views(dataset[index])
            assert language_of(x, index, rows) == "en"
            seconds[language_of(second, index, rows)] += 1
            item = dataset[N + index]
            x, second = views(item)
            language = language_of(x, index, rows)
            assert dataset.sizes[N + index] == dataset.num_tokens(N + index) == len(x)
            assert sorted(rows)[item["language"]] == language and item["label"] == index % 3
            firsts[language] += 1
            of_copies[language_of(second, index, rows)] += 1
            assert language_of(second, index, rows) != language
    count = epochs * N
    for counts in (firsts, seconds):
        assert counts.keys() == {"de", "fr"} and abs(counts["de"] / count - 0.5) < 0.06
    # the same language is drawn for every second copy: the English text then
    assert abs(of_copies["en"] / count - 0.5) < 0.06 and abs(of_copies["de"] / count - 0.25) < 0.06


@pytest.mark.parametrize("length", [LONG, 40])
def test_each_text_in_a_language_of_its_own(data: Path, rows: dict, length: int) -> None:
    dataset = open_set(data, augment="mt", second_view="mt", mt_different_pair=True, max_length=length)
    seen: Counter = Counter()
    halves = {language: [texts_of(row) for row in found] for language, found in rows.items()}
    lengths = []
    for epoch in range(1, 40):
        dataset.set_epoch(epoch)
        for index in range(N):
            x = views(dataset[N + index])[0]
            lengths.append((len(x), int(dataset.sizes[N + index])))
            pair = []
            for which, text in enumerate(texts_of(x)):
                near = [lang for lang in ("de", "fr") if _overlap(halves[lang][index][which], text)]
                pair += near
            assert len(pair) == 2
            seen[tuple(pair)] += 1
    assert all(abs(count / (39 * N) - 0.25) < 0.1 for count in seen.values()) and len(seen) == 4
    assert all(real == said for real, said in lengths)


def _overlap(one: list[int], other: list[int]) -> bool:
    """Whether one is a beginning of the other: they were cut with different partners."""
    count = min(len(one), len(other))
    return one[:count] == other[:count]


def test_translation_of_noised_or_sampled_copies(data: Path, rows: dict) -> None:
    """With another A the second view of a copy may be in any language, never English."""
    dataset = open_set(data, augment="ss", second_view="mt")
    languages = Counter(
        language_of(views(dataset[N + index])[1], index, rows)
        for epoch in range(8)
        for index in range(N)
        if dataset.set_epoch(epoch) is None
    )
    assert languages.keys() == {"de", "fr"}


def test_second_view_of_a_translation_is_made_of_the_translation(data: Path, rows: dict) -> None:
    pieces = open_pieces(data)
    dataset = open_set(data, augment="mt", second_view="ss", ss_ratio=1.0, max_length=LONG)
    for index in range(N, 2 * N):
        x, second = (texts_of(row) for row in views(dataset[index]))
        assert [pieces.join(text) for text in x] == [pieces.join(text) for text in second]
        assert x != second


@pytest.mark.parametrize(
    "options, expected",
    [({"mt_languages": "fr"}, {"fr"}), ({"mt_exclude": "fr"}, {"de"}), ({"mt_languages": "fr, de"}, {"de", "fr"})],
)
def test_languages_of_translations(data: Path, rows: dict, options: dict, expected: set[str]) -> None:
    dataset = open_set(data, augment="mt", **options)
    found = set()
    for epoch in range(1, 6):
        dataset.set_epoch(epoch)
        found |= {language_of(views(dataset[N + index])[0], index, rows) for index in range(N)}
    assert found == expected


# -- counts --


def test_view_words_counts_words_chosen_and_changed(data: Path, tables: dict) -> None:
    pieces = open_pieces(data)
    dataset = open_set(data, max_length=LONG, augment="ss", second_view="ss", ss_ratio=1.0)
    for index in range(2 * N):
        item = dataset[index]
        plain = [pieces.split(text) for text in texts_of(dataset.base[index % N]["target"].tolist())]
        made = [[pieces.split(text) for text in texts_of(row)] for row in views(item)][index < N :]
        words = sum(map(len, plain)) * len(made)
        changed = sum(a != b for view in made for old, new in zip(plain, view) for a, b in zip(old, new))
        known = sum(pieces.text(word) is not None for text in plain for word in text) * len(made)
        assert item["view_words"].tolist() == [words, known, changed] and changed
    batch = dataset.collater([dataset[index] for index in (0, 3, N + 1)])
    total = sum(dataset[index]["view_words"] for index in (0, 3, N + 1))
    assert batch["view_words"].tolist() == total.tolist()
    plain = open_set(data, augment="gn", second_view="gn")
    assert plain.collater([plain[0], plain[N]])["view_words"].tolist() == [0, 0, 0]


def test_identical_translations_are_chosen_but_not_changed(data: Path, tables: dict, tmp_path: Path) -> None:
    words = {word for table in tables.values() for word in table}
    (tmp_path / "en-de.txt").write_text("".join(f"{word} {word}\n" for word in sorted(words)), encoding="utf-8")
    task = open_task(data, "sentence_pair", second_view="cs", cs_ratio=1.0, cs_dictionaries=str(tmp_path))
    dataset = task.datasets["train"]
    counts = dataset.collater([dataset[index] for index in range(N)])["view_words"].tolist()
    assert counts[0] > counts[1] > 0 and counts[2] == 0
    assert all(same(*views(dataset[index])) for index in range(N))


def test_ids_and_description(data: Path) -> None:
    dataset = open_set(data, augment="mt")
    assert [dataset[index]["id"] for index in range(2 * N)] == list(range(2 * N))
    assert dataset.describe([0, N + 4, N - 1]) == f"en:1, en:5 (copy), en:{N}"
    assert np.array_equal(dataset.sizes[:N], [len(dataset[index]["target"]) for index in range(N)])
