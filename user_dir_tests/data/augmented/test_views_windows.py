"""Windows of questions by hand: what x' holds, and which pieces both views share."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from user_dir_tests.helpers.references.windows import context_of, expected_window, open_set
from user_dir_tests.helpers.toys.toy_views import begin, make_spm, views, write_questions
from xl_plugins.data.augmented.views_qa import Window
from xl_plugins.data.binary.frame import Frame


def test_released_example_of_aligned_positions() -> None:
    """A question of one piece, words of 1, 2 and 1 pieces, the middle one cut anew into one piece."""
    window = Window([9], [(10,), (11, 12), (13,)], 0, 60, Frame(0, 2))
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
    window = Window([9], [(10, 11, 12), (13,), (14, 15)], 2, 60, Frame(0, 2))
    assert window.tokens().tolist() == [0, 9, 2, 2, 12, 13, 14, 15, 2]
    tokens, aligned, partner = window.partner([(20, 21), (13,), (14, 15)], [True, False, False])
    assert tokens.tolist() == [0, 9, 2, 2, 20, 21, 13, 14, 15, 2]
    assert aligned.tolist() == [0, 5, 6, 7] and partner.tolist() == [0, 6, 7, 8]


def test_unchanged_word_that_the_window_starts_inside_keeps_its_rest() -> None:
    window = Window([9], [(10, 11, 12), (13,), (14, 15)], 2, 9, Frame(0, 2))
    assert window.tokens().tolist() == [0, 9, 2, 2, 12, 13, 14, 15, 2]
    tokens, aligned, partner = window.partner([(10, 11, 12), (16, 17), (14, 15)], [False, True, False])
    assert tokens.tolist() == [0, 9, 2, 2, 12, 16, 17, 14, 2]  # cut at nine positions: piece 15 has no partner
    assert aligned.tolist() == [0, 4, 6] and partner.tolist() == [0, 4, 7]


def test_cut_inside_a_changed_word() -> None:
    window = Window([9], [(10,), (11,), (12,)], 0, 7, Frame(0, 2))
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
    window = Window(question, words, start, len(question) + 4 + room, Frame(0, 2))
    tokens, aligned, partner = window.partner(other, change)
    x, second, one, two = expected_window(words, other, change, start, room)
    assert context_of(window.tokens().tolist()) == (question, x)
    assert context_of(tokens.tolist()) == (question, second)
    offset = len(question) + 3
    assert aligned.tolist() == [0, *(place + offset for place in one)]
    assert partner.tolist() == [0, *(place + offset for place in two)]
    assert torch.equal(window.tokens()[aligned], tokens[partner])
