"""Translated questions as augmentation: their windows, second views, and questions without a translation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from user_dir_tests.helpers.references.windows import LONG, N, context_of, open_set
from user_dir_tests.helpers.toys.toy_views import forget, make_folder, make_spm, views
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.errors import UserError


def remove_questions(data: Path, language: str, gone: list[int]) -> None:
    """Leave the rows ``gone`` out of a language's questions."""
    path = data / language / "spans" / "train.npy"
    spans = np.load(path)
    spans[gone, 0] += 500  # ids that English does not have
    np.save(path, spans)


def windows_of(part: Any, question: int) -> list[list[int]]:
    return [part.target.tokens(question, number).tolist() for number in range(int(part.target.window_counts[question]))]


def test_translations_bring_their_windows_and_answers(data: Path) -> None:
    dataset = open_set(data, augment="mt", max_length=24, doc_stride=8)
    parts = {part.language: part for part in dataset.views.translations.parts}
    seen: Counter = Counter()
    for epoch in range(1, 40):
        dataset.set_epoch(epoch)
        copies = [dataset[index] for index in range(len(dataset.base), len(dataset))]
        made = [item["rows"][0].tolist() for item in copies]
        expected_count = 0
        for question in range(N):
            ways = {language: windows_of(part, question) for language, part in parts.items()}
            (language,) = [
                name for name, way in ways.items() if made[expected_count : expected_count + len(way)] == way
            ]
            for number in range(len(ways[language])):
                item = copies[expected_count + number]
                assert item["labels"] == [parts[language].target.positions(question, number)]
                assert item["language"] == parts[language].language_index
                index = len(dataset.base) + expected_count + number
                assert item["id"] == index
                full = number < len(ways[language]) - 1
                length = len(item["rows"][0])
                assert dataset.size(index) == dataset.num_tokens(index) >= length
                assert not full or dataset.size(index) == length
            expected_count += len(ways[language])
            seen[language] += 1
        assert expected_count == len(copies)
    assert seen.keys() == {"de", "fr"} and abs(seen["de"] / (39 * N) - 0.5) < 0.12
    first = len(dataset.base)
    assert dataset.describe([0, first]) == "en:q0, en:q0 (copy)"
    assert dataset.describe([len(dataset) - 1]) == f"en:q{N - 1} (copy)"


def test_second_views_of_translations(data: Path, pieces: WordPieces) -> None:
    dataset = open_set(data, augment="mt", second_view="ss", ss_ratio=0.9, max_length=LONG)
    assert len(dataset) == 2 * N
    changed = 0
    for index in range(N, 2 * N):
        item = dataset[index]
        assert dataset.size(index) == dataset.num_tokens(index) == len(item["rows"][0])
        x, second = (context_of(row) for row in views(item))
        assert pieces.join(x[1]) == pieces.join(second[1]) and x[0] == second[0]
        changed += x != second
        tokens, other = item["rows"][0], item["second"][0]
        assert torch.equal(tokens[item["aligned"][0]], other[item["second_aligned"][0]])
        first, last = item["labels"][0]
        assert {first, last} <= set(item["aligned"][0].tolist())
    assert changed == N


@pytest.fixture
def gaps(tmp_path: Path) -> Path:
    """Question 0 is not translated, question 3 into French alone."""
    made = make_folder(tmp_path / "data", make_spm(tmp_path), "qa", train=N)
    remove_questions(made, "de", [0, 3])
    remove_questions(made, "fr", [0])
    return made


def questions_of_copies(dataset: Any) -> list[tuple[str, int]]:
    """(language, row) of every copy, each with one window."""
    found = []
    for index in range(len(dataset.base), len(dataset)):
        row = dataset[index]["rows"][0].tolist()
        (pair,) = [
            (part.language, question)
            for part in dataset.views.translations.parts
            for question in range(N)
            if windows_of(part, question) == [row]
        ]
        found.append(pair)
    return found


def test_missing_translations_are_an_error(gaps: Path) -> None:
    with pytest.raises(UserError) as caught:
        open_set(gaps, augment="mt")
    text = str(caught.value)
    assert text.startswith("--mt-missing error: 3 translations are missing") and "example 'q0' in language 'de'" in text


def test_missing_translations_are_skipped(gaps: Path) -> None:
    dataset = open_set(gaps, augment="mt", mt_missing="skip", max_length=LONG)
    seen = Counter()
    for epoch in range(1, 40):
        dataset.set_epoch(epoch)
        assert len(dataset) == 2 * N - 1 and dataset.describe([N]) == "en:q1 (copy)"
        found = questions_of_copies(dataset)
        assert [question for _, question in found] == list(range(1, N)) and found[2] == ("fr", 3)
        seen.update(language for language, question in found if question != 3)
    assert abs(seen["de"] / sum(seen.values()) - 0.5) < 0.12


def test_missing_translations_become_random_questions(gaps: Path) -> None:
    dataset = open_set(gaps, augment="mt", mt_missing="random", max_length=LONG)
    zero, three = Counter(), Counter()
    for epoch in range(1, 150):
        dataset.set_epoch(epoch)
        assert len(dataset) == 2 * N and dataset.describe([N, N + 3]) == "en:q0 (copy), en:q3 (copy)"
        found = questions_of_copies(dataset)
        assert all(question == row for row, (_, question) in enumerate(found) if row not in (0, 3))
        zero[found[0]] += 1
        three[found[3]] += 1
    assert len(zero) == 2 * N and max(zero.values()) < 30  # any row of both languages
    assert abs(three["fr", 3] / 149 - 0.5) < 0.15 and sum(language == "de" for language, _ in three) > N // 2


def test_repeated_question_ids(tmp_path: Path) -> None:
    """Paired by their order where all languages have the same ones, refused otherwise."""
    made = make_folder(tmp_path / "data", make_spm(tmp_path), "qa", train=N)
    paths = {lang: made / lang / "spans" / "train.npy" for lang in ("en", "de", "fr")}
    tables = {lang: np.load(path) for lang, path in paths.items()}
    for lang, table in tables.items():
        table[5, 0] = table[2, 0]
        np.save(paths[lang], table)
    dataset = open_set(made, augment="mt", max_length=LONG)
    assert [question for _, question in questions_of_copies(dataset)] == list(range(N))
    tables["fr"][[0, 1]] = tables["fr"][[1, 0]]
    np.save(paths["fr"], tables["fr"])
    forget()
    with pytest.raises(UserError, match="occurs more than once"):
        open_set(made, augment="mt", max_length=LONG)


def test_translations_in_another_order_are_joined_by_id(tmp_path: Path) -> None:
    made = make_folder(tmp_path / "data", make_spm(tmp_path), "qa", train=N)
    path = made / "de" / "spans" / "train.npy"
    table = np.load(path)
    table[:, 0] = table[::-1, 0]
    np.save(path, table)
    dataset = open_set(made, augment="mt", mt_languages="de", max_length=LONG)
    assert questions_of_copies(dataset) == [("de", N - 1 - question) for question in range(N)]
