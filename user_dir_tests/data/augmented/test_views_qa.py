"""Views of questions: windows cut on x, which pieces both views share, and the answer in each."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from user_dir_tests.helpers.references.windows import LONG, N, context_of, expected_window, open_set, place, words_of
from user_dir_tests.helpers.toys.toy_views import views
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.data.training.questions import FIRST, LAST

PAIRS = [("none", "ss"), ("ss", "ss"), ("cs", "cs"), ("ss", "none"), ("gn", "ss"), ("none", "cs")]


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
    short = open_set(data, epoch, max_length=length, doc_stride=stride, **options)
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
    """Facts that the test above needs to mean something."""
    texts = open_set(data, second_view="ss").base.parts[0].target
    seen: Counter = Counter()
    for question in range(N):
        origin = words_of(pieces, texts.contexts[int(texts.paragraphs[question])][:-1].tolist())
        (first, one), (last, two) = (place(origin, int(texts.spans[question, c])) for c in (FIRST, LAST))
        inside = one > 0 or two < len(origin[last]) - 1
        seen["inside" if inside else "whole", last - first >= 2] += 1
    assert all(seen[kind, long] for kind, long in (("inside", True), ("whole", True), ("whole", False))), seen


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
