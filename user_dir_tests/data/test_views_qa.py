"""Views of questions: windows cut on x, which pieces both views share, and the answer in each."""

from __future__ import annotations

import random
from collections import Counter
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from user_dir_tests.toy_views import (
    begin,
    make_dictionaries,
    make_folder,
    make_spm,
    open_pieces,
    open_task,
    views,
    write_questions,
)  # fmt: skip
from xl_plugins.augment.words import WordPieces
from xl_plugins.data.questions import FIRST, LAST
from xl_plugins.data.views_qa import Window
from xl_plugins.errors import UserError

N = 8
LONG = 3000  # positions in which every context fits
_Words = list[tuple[int, ...]]
_SETS: dict = {}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("qa")
    made = make_folder(root / "data", make_spm(root), "qa", train=N)
    make_dictionaries(root / "dictionaries", made, phrases=False)  # words can be told from the pieces
    return made


@pytest.fixture(scope="module")
def pieces(data: Path) -> WordPieces:
    return open_pieces(data)


def open_set(data: Path, epoch: int = 1, **options: object) -> Any:
    """A training set in an epoch; the same object for the same options."""
    key = (data, *sorted(options.items()))
    if key not in _SETS:
        if "cs" in options.values():
            options["cs_dictionaries"] = str(data.parent / "dictionaries")
        _SETS[key] = open_task(data, "qa", **options).datasets["train"]
    _SETS[key].set_epoch(epoch)
    return _SETS[key]


def context_of(row: list[int]) -> tuple[list[int], list[int]]:
    """Question and context of ``<s> question </s> </s> context </s>``."""
    assert row[0] == 0 and row[-1] == 2
    cut = row.index(2)
    assert row[cut + 1] == 2 and row[1:-1].count(2) == 2
    return row[1:cut], row[cut + 2 : -1]


# -- windows by hand --


def test_released_example_of_aligned_positions() -> None:
    """A question of one piece, words of 1, 2 and 1 pieces, the middle one cut anew into one piece."""
    window = Window([9], [(10,), (11, 12), (13,)], 0, 60, 0, 2)
    assert window.tokens().tolist() == [0, 9, 2, 2, 10, 11, 12, 13, 2]
    tokens, aligned, partner = window.partner([(10,), (14,), (13,)], [False, True, False])
    assert tokens.tolist() == [0, 9, 2, 2, 10, 14, 13, 2]
    assert aligned.tolist() == [0, 4, 7] and partner.tolist() == [0, 4, 6]


def test_ten_pieces_in_windows_of_six(tmp_path: Path) -> None:
    """Stride 3, 12 positions, a question of two pieces: [0, 6), [3, 9), [6, 10)."""
    made = begin(tmp_path / "data", make_spm(tmp_path), "qa")
    assert len(made.encode("babe")) == 2, "two pieces"
    contexts = [["b", "g", "d", "f", "k", "b", "g", "d", "f", "k"]]
    assert [len(made.encode(word)) for word in contexts[0]] == [1] * 10
    for split in ("train", "valid"):
        write_questions(tmp_path / "data" / "en", split, made, contexts, [["babe"]], random.Random(0), [(4, 5)])
    options = {"max_length": 12, "max_question_length": 4, "doc_stride": 3, "ss_ratio": 0.0}
    labels = [(9, 10), (6, 7), (0, 0)]
    dataset = open_set(tmp_path / "data", augment="ss", second_view="ss", **options)
    assert len(dataset) == 6
    whole = [piece for word in contexts[0] for piece in made.encode(word)]
    for number, (start, stop) in enumerate([(0, 6), (3, 9), (6, 10)]):
        for index in (number, 3 + number):
            item = dataset[index]
            for row in views(item):
                assert context_of(row)[1] == whole[start:stop]
            assert item["labels"][0] == labels[number]
            everything = [0, *range(5, 5 + stop - start)]
            assert item["aligned"][0].tolist() == item["second_aligned"][0].tolist() == everything


def test_changed_word_that_the_window_starts_inside_is_whole_once() -> None:
    window = Window([9], [(10, 11, 12), (13,), (14, 15)], 2, 60, 0, 2)
    assert window.tokens().tolist() == [0, 9, 2, 2, 12, 13, 14, 15, 2]
    tokens, aligned, partner = window.partner([(20, 21), (13,), (14, 15)], [True, False, False])
    assert tokens.tolist() == [0, 9, 2, 2, 20, 21, 13, 14, 15, 2]
    assert aligned.tolist() == [0, 5, 6, 7] and partner.tolist() == [0, 6, 7, 8]


def test_unchanged_word_that_the_window_starts_inside_keeps_its_rest() -> None:
    window = Window([9], [(10, 11, 12), (13,), (14, 15)], 2, 9, 0, 2)
    assert window.tokens().tolist() == [0, 9, 2, 2, 12, 13, 14, 15, 2]
    tokens, aligned, partner = window.partner([(10, 11, 12), (16, 17), (14, 15)], [False, True, False])
    assert tokens.tolist() == [0, 9, 2, 2, 12, 16, 17, 14, 2]  # cut at nine positions: piece 15 has no partner
    assert aligned.tolist() == [0, 4, 6] and partner.tolist() == [0, 4, 7]


def test_cut_inside_a_changed_word() -> None:
    window = Window([9], [(10,), (11,), (12,)], 0, 7, 0, 2)
    assert window.tokens().tolist() == [0, 9, 2, 2, 10, 11, 2]
    tokens, aligned, partner = window.partner([(20, 21, 22), (11,), (12,)], [True, False, False])
    assert tokens.tolist() == [0, 9, 2, 2, 20, 21, 2]
    assert aligned.tolist() == partner.tolist() == [0]


_WORD = st.lists(st.integers(4, 9), min_size=1, max_size=4).map(tuple)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_random_windows_share_what_both_hold(drawn: st.DataObject) -> None:
    """Against a list of (word, piece) of what each view holds."""
    words = drawn.draw(st.lists(_WORD, min_size=1, max_size=12))
    change = drawn.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    other = [drawn.draw(_WORD) if changed else word for word, changed in zip(words, change)]
    question = drawn.draw(st.lists(st.integers(4, 9), min_size=1, max_size=4))
    start = drawn.draw(st.integers(0, sum(map(len, words)) - 1))
    room = drawn.draw(st.integers(1, 30))
    window = Window(question, words, start, len(question) + 4 + room, 0, 2)
    tokens, aligned, partner = window.partner(other, change)
    x, second, one, two = expected_window(words, other, change, start, room)
    assert context_of(window.tokens().tolist()) == (question, x)
    assert context_of(tokens.tolist()) == (question, second)
    offset = len(question) + 3
    assert aligned.tolist() == [0, *(place + offset for place in one)]
    assert partner.tolist() == [0, *(place + offset for place in two)]
    assert torch.equal(window.tokens()[aligned], tokens[partner])


def expected_window(
    words: _Words, other: _Words, change: list[bool], start: int, room: int
) -> tuple[list[int], list[int], list[int], list[int]]:
    """Context pieces of x and x', and the places of shared pieces in both."""
    held = [(number, nth) for number, word in enumerate(words) for nth in range(len(word))][start : start + room]
    x = [words[number][nth] for number, nth in held]
    second: list[tuple[int, int | None, int]] = []  # word, piece of x that it is, id
    for number in dict.fromkeys(number for number, _ in held):
        if change[number]:
            second += [(number, None, piece) for piece in other[number]]
        else:
            second += [(number, nth, words[number][nth]) for which, nth in held if which == number]
    second = second[:room]
    shared = [(held.index((number, nth)), place) for place, (number, nth, _) in enumerate(second) if nth is not None]
    return x, [piece for _, _, piece in second], [one for one, _ in shared], [two for _, two in shared]


# -- windows of a data set --

PAIRS = [("none", "ss"), ("ss", "ss"), ("cs", "cs"), ("ss", "none"), ("gn", "ss"), ("none", "cs")]


def words_of(pieces: WordPieces, context: list[int]) -> _Words:
    """Words begin at pieces with U+2581."""
    words: _Words = []
    for piece in context:
        if pieces.dictionary.symbols[piece].startswith("▁") or not words:
            words.append(())
        words[-1] += (piece,)
    return words


def place(words: _Words, piece: int) -> tuple[int, int]:
    """Word, and piece in the word, of a piece of a text."""
    ends = list(accumulate(map(len, words)))
    number = next(i for i, end in enumerate(ends) if piece < end)
    return number, piece - (ends[number] - len(words[number]))


@pytest.mark.parametrize("changed_by", ["pieces", "selected"])
@pytest.mark.parametrize("augment, second", PAIRS)
@settings(max_examples=8, deadline=None)
@given(
    length=st.integers(14, 60), stride=st.integers(1, 40), epoch=st.integers(1, 10**6),
    ratio=st.sampled_from([0.2, 0.9]),
)  # fmt: skip
def test_windows_of_any_length_and_stride(
    data: Path, pieces: WordPieces, augment: str, second: str, changed_by: str, length: int, stride: int, epoch: int,
    ratio: float,
) -> None:  # fmt: skip
    """All windows against the views of the whole context: cut, aligned and labelled one piece at a time."""
    options = {
        "augment": augment, "second_view": second, "ss_ratio": ratio, "cs_ratio": ratio, "max_question_length": 8,
        "qa_changed": changed_by,
    }  # fmt: skip
    whole = open_set(data, epoch, max_length=LONG, **options)
    key = (data, *sorted({**options, "max_length": length, "doc_stride": stride}.items()))
    short = open_set(data, epoch, max_length=length, doc_stride=stride, **options)
    del _SETS[key]
    texts = short.base.parts[0].target
    for index in random.Random(epoch).sample(range(len(short)), min(len(short), 20)):
        unit = index % len(short.base)
        ((question, number),) = short.base.parts[0].rows(unit)
        item, full = short[index], whole[question + (N if index >= len(short.base) else 0)]
        origin = words_of(pieces, texts.contexts[int(texts.paragraphs[question])][:-1].tolist())
        rows = [context_of(row) for row in views(full)]
        x = words_of(pieces, rows[0][1])
        room = length - len(rows[0][0]) - 4
        step = min(stride, room)
        word, nth = place(origin, number * step)
        start = sum(map(len, x[:word])) + (nth if x[word] == origin[word] else 0)
        made = [context_of(row) for row in views(item)]
        assert all(text == rows[0][0] for text, _ in made), "the question is the same in both"
        flat = [piece for each in x for piece in each]
        assert made[0][1] == flat[start : start + room]
        # the answer
        (first, first_nth), (last, last_nth) = (place(origin, int(texts.spans[question, c])) for c in (FIRST, LAST))
        begin_piece = sum(map(len, x[:first])) + first_nth - start
        end_piece = sum(map(len, x[:last])) + last_nth - start
        inside = begin_piece >= 0 and end_piece < len(made[0][1])
        offset = len(rows[0][0]) + 3
        assert item["labels"][0] == ((begin_piece + offset, end_piece + offset) if inside else (0, 0))
        if second == "none":
            continue
        other = words_of(pieces, rows[1][1])
        # in the whole context all pieces of unchanged words are aligned, so the others are those that changed
        shared = {place(x, int(p) - offset)[0] for p in full["aligned"][0][1:]}
        change = [number not in shared for number in range(len(x))]
        if changed_by == "pieces":
            assert change == [a != b for a, b in zip(x, other)]
        else:
            assert all(changed or a == b for changed, a, b in zip(change, x, other))
        _, expected, one, two = expected_window(x, other, change, start, room)
        assert made[1][1] == expected
        assert item["aligned"][0].tolist() == [0, *(p + offset for p in one)]
        assert item["second_aligned"][0].tolist() == [0, *(p + offset for p in two)]
        # answer words at the edge keep their pieces, all of them where the answer ends inside one, or x is switched
        inner = first_nth > 0 or last_nth < len(origin[last]) - 1
        assert (x[first], x[last]) == (other[first], other[last]) == (origin[first], origin[last])
        if inner:
            assert x[first : last + 1] == other[first : last + 1] == origin[first : last + 1]
        if augment == "cs":
            assert x[first : last + 1] == origin[first : last + 1]


def test_answers_inside_words_and_of_several_words_occur(data: Path, pieces: WordPieces) -> None:
    """What the test above needs to mean something."""
    texts = open_set(data, second_view="ss").base.parts[0].target
    seen: Counter = Counter()
    for question in range(N):
        origin = words_of(pieces, texts.contexts[int(texts.paragraphs[question])][:-1].tolist())
        (first, one), (last, two) = (place(origin, int(texts.spans[question, c])) for c in (FIRST, LAST))
        seen["inside"] += one > 0 or two < len(origin[last]) - 1
        seen["three words"] += last - first >= 2
        seen["whole"] += one == 0 and two == len(origin[last]) - 1
    assert min(seen.values()) >= 1 and len(seen) == 3


def test_sampled_contexts_spell_the_same_answer(data: Path, pieces: WordPieces) -> None:
    dataset = open_set(data, augment="ss", second_view="ss", ss_ratio=0.9, max_length=24)
    texts, found = dataset.base.parts[0].target, Counter()
    for index in range(len(dataset)):
        item = dataset[index]
        ((question, _),) = dataset.base.parts[0].rows(index % len(dataset.base))
        first, last = item["labels"][0]
        found[index >= len(dataset.base), last > 0] += 1
        if last:
            context = texts.contexts[int(texts.paragraphs[question])]
            span = texts.spans[question, FIRST], texts.spans[question, LAST]
            answer = context[int(span[0]) : int(span[1]) + 1].tolist()
            assert pieces.join(item["rows"][0][first : last + 1].tolist()) == pieces.join(answer)
    assert min(found.values()) > 0 and len(found) == 4


def test_changed_by_selection_shares_less(data: Path) -> None:
    """With every word selected only protected words (and those that no augmentation touches) are shared."""
    options = {"second_view": "ss", "ss_ratio": 1.0, "max_length": LONG}
    by_pieces, selected = (open_set(data, qa_changed=given, **options) for given in ("pieces", "selected"))
    official = open_set(data, xtune_compat="official", **options)
    fewer = 0
    for index in range(N):
        items = [dataset[index] for dataset in (by_pieces, selected, official)]
        assert views(items[0]) == views(items[1]) == views(items[2])
        shared = [set(item["aligned"][0].tolist()) for item in items]
        assert shared[1] == shared[2] <= shared[0]
        fewer += shared[1] < shared[0]
    assert fewer > N // 2


@pytest.mark.parametrize("given_source, middle", [("source", 1), ("first", 0), (None, 1)])
def test_what_the_second_view_of_a_copy_is_made_of(
    data: Path, pieces: WordPieces, given_source: str | None, middle: int
) -> None:
    """Words that x' leaves are those of the plain context (1) or of the copy (0)."""
    options = {"augment": "ss", "second_view": "ss", "ss_ratio": 0.5, "max_length": LONG}
    dataset = open_set(data, r1_view_source=given_source, **options)
    same: Counter = Counter()
    for index in range(N):
        rows = [views(dataset.base[index])[0], *views(dataset[N + index])]
        for plain, x, second in zip(*(words_of(pieces, context_of(row)[1]) for row in rows)):
            if x != plain:
                same[0] += second == x
                same[1] += second == plain
    assert same[middle] > 1.5 * same[1 - middle]


def test_all_windows_of_a_question_see_the_same_draws(data: Path, pieces: WordPieces) -> None:
    """The words of x' in overlapping windows agree."""
    dataset = open_set(data, second_view="ss", ss_ratio=0.9, max_length=40, doc_stride=10)
    part = dataset.base.parts[0]
    for question in range(N):
        units = np.flatnonzero(part.question == question)
        whole = views(open_set(data, second_view="ss", ss_ratio=0.9, max_length=LONG)[question])[1]
        text = pieces.join(context_of(whole)[1])
        for unit in units:
            row = context_of(views(dataset[int(unit)])[1])[1]
            assert pieces.join(row) in text
    assert len(dataset) > N


def test_noise_shares_every_context_piece(data: Path) -> None:
    for augment in ("none", "gn", "ss"):
        dataset = open_set(data, augment=augment, second_view="gn", ss_ratio=0.9)
        items = [dataset[index] for index in range(len(dataset))]
        for item in items:
            row = item["rows"][0].tolist()
            question, context = context_of(row)
            begin_piece = len(question) + 3
            assert item["aligned"][0].tolist() == [0, *range(begin_piece, begin_piece + len(context))]
            assert torch.equal(item["aligned"][0], item["second_aligned"][0]) and views(item)[1] == row
        batch = dataset.collater(items)
        assert batch["second"]["noise"].all()
        assert torch.equal(batch["noise"], batch["augmented"] & (augment == "gn"))


def test_batches_pad_positions_with_minus_one(data: Path) -> None:
    dataset = open_set(data, augment="ss", second_view="cs", cs_ratio=0.5)
    items = [dataset[index] for index in (0, len(dataset.base) + 1, 5)]
    batch = dataset.collater(items)
    assert batch["augmented"].tolist() == [False, True, False]
    for row, item in enumerate(items):
        count = len(item["aligned"][0])
        for group, key in ((batch, "aligned"), (batch["second"], "second_aligned")):
            assert torch.equal(group["aligned"][row, :count], item[key][0])
            assert (group["aligned"][row, count:] == -1).all()
        real = batch["aligned"][row, :count], batch["second"]["aligned"][row, :count]
        tokens = batch["net_input"]["src_tokens"][row], batch["second"]["src_tokens"][row]
        assert torch.equal(tokens[0][real[0]], tokens[1][real[1]])
    assert batch["target"].tolist() == [list(item["labels"][0]) for item in items]
    assert batch["view_words"].tolist() == sum(item["view_words"] for item in items).tolist()


def test_view_words(data: Path, pieces: WordPieces) -> None:
    """Words of the context, of each view that was made."""
    dataset = open_set(data, augment="ss", second_view="ss", ss_ratio=1.0, max_length=LONG)
    for index in range(2 * N):
        item = dataset[index]
        plain = words_of(pieces, context_of(views(dataset.base[index % N])[0])[1])
        made = [words_of(pieces, context_of(row)[1]) for row in views(item)][index < N :]
        changed = sum(a != b for view in made for a, b in zip(plain, view))
        words, selected, counted = item["view_words"].tolist()
        assert words == len(plain) * len(made) and counted == changed and changed <= selected < words


# -- translations --


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
    _SETS.clear()
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
