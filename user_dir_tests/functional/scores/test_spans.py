"""XTREME's span counts against seqeval and against a plain reading of the rules."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.functional.scores.spans import SpanScheme, f1
from xl_plugins.functional.scores.tag_schemes import XTREME

PANX = ["B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O"]
UPOS = "O ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
MIXED = ["B-LOC", "I-LOC", "E-LOC", "S-LOC", "B-ORG", "I-ORG", "E-ORG", "S-ORG", "O"]


def spans(tags: list[str]) -> set[tuple[str, int, int]]:
    """The rules, one tag after the other: (type, first, last) of every span in one sentence."""
    found, first, was, was_type = set(), 0, "O", "O"
    for place, tag in enumerate([*tags, "O"]):
        now, type_ = tag[0], tag.split("-")[-1]
        changed = type_ != was_type
        if was in "ES" or (was in "BI" and now in "BSO") or (was != "O" and changed):
            found.add((was_type, first, place - 1))
        if now in "BS" or (was in "ESO" and now in "EI") or (now != "O" and changed):
            first = place
        was, was_type = now, type_
    return found


def by_hand(gold: list[list[str]], predicted: list[list[str]]) -> list[list[int]]:
    pairs = [(spans(g), spans(p)) for g, p in zip(gold, predicted)]
    return [[len(g), len(p), len(g & p)] for g, p in pairs]


def count(labels: list[str], gold: list[list[str]], predicted: list[list[str]]) -> np.ndarray:
    index = {label: number for number, label in enumerate(labels)}
    flat = [np.array([index[tag] for sentence in side for tag in sentence], dtype=int) for side in (gold, predicted)]
    return SpanScheme(labels, XTREME).counts(flat[0], flat[1], np.array([len(sentence) for sentence in gold]))


def test_panx_against_seqeval() -> None:
    """3,000 pairs of tag sequences, every other one malformed (I- without B-, types that change inside)."""
    seqeval = pytest.importorskip("seqeval.metrics")
    draw = random.Random(3)
    gold, predicted = [], []
    for number in range(3000):
        length = draw.randint(1, 15)
        tags = [draw.choice(PANX) for _ in range(length)]
        if number % 2:  # well formed
            tags = ["B" + t[1:] if t[0] == "I" and (i == 0 or tags[i - 1][1:] != t[1:]) else t
                    for i, t in enumerate(tags)]  # fmt: skip
        gold.append(tags)
        predicted.append([tag if draw.random() < 0.7 else draw.choice(PANX) for tag in tags])
    found = count(PANX, gold, predicted)
    assert found.tolist() == by_hand(gold, predicted)
    assert f1(*found.sum(axis=0)) == pytest.approx(100 * seqeval.f1_score(gold, predicted), abs=1e-9)
    for number in range(0, 3000, 3):  # sentence by sentence
        theirs = seqeval.f1_score(gold[number : number + 1], predicted[number : number + 1], zero_division=0)
        assert f1(*found[number]) == pytest.approx(100 * theirs, abs=1e-9)
    from seqeval.metrics.sequence_labeling import get_entities

    for number in range(0, 3000, 7):
        assert set(get_entities(gold[number])) == spans(gold[number])
    assert int(found[:, 0].sum()) == len(get_entities(gold))


@pytest.mark.parametrize("labels", [PANX, UPOS, MIXED], ids=["iob2", "upos", "iobes"])
def test_against_the_rules_one_by_one(labels: list[str]) -> None:
    draw = random.Random(len(labels))
    gold = [[draw.choice(labels) for _ in range(draw.randint(0, 12))] for _ in range(700)]
    predicted = [[tag if draw.random() < 0.8 else draw.choice(labels) for tag in sentence] for sentence in gold]
    assert count(labels, gold, predicted).tolist() == by_hand(gold, predicted)


def test_upos_runs() -> None:
    """Equal neighbours merge, SYM and SCONJ never do, CCONJ and SCONJ are different types."""
    gold = [["NOUN", "NOUN", "VERB"], ["SYM", "SYM"], ["CCONJ", "SCONJ"], ["INTJ", "INTJ"]]
    assert count(UPOS, gold, gold).tolist() == [[2, 2, 2], [2, 2, 2], [2, 2, 2], [1, 1, 1]]
    swapped = [["NOUN", "VERB", "VERB"], ["SYM", "NOUN"], ["SCONJ", "CCONJ"], ["INTJ", "NOUN"]]
    assert count(UPOS, gold, swapped).tolist() == [[2, 2, 0], [2, 2, 1], [2, 2, 0], [1, 2, 0]]


def test_one_wrong_tag_of_a_run_loses_the_run() -> None:
    found = count(UPOS, [["NOUN", "NOUN", "NOUN", "PUNCT"]], [["NOUN", "ADJ", "NOUN", "PUNCT"]])
    assert found.tolist() == [[2, 4, 1]]
    assert f1(2, 4, 1) == pytest.approx(100 / 3)


def test_runs_do_not_cross_sentences() -> None:
    one, two = [["NOUN", "NOUN"]], [["NOUN"], ["NOUN"]]
    assert count(UPOS, one, one).tolist() == [[1, 1, 1]]
    assert count(UPOS, two, two).tolist() == [[1, 1, 1], [1, 1, 1]]
    assert count(PANX, [["B-LOC"], ["I-LOC"]], [["B-LOC"], ["I-LOC"]]).tolist() == [[1, 1, 1], [1, 1, 1]]


def test_all_outside_scores_zero() -> None:
    found = count(PANX, [["B-LOC", "I-LOC", "O"]], [["O", "O", "O"]])
    assert found.tolist() == [[1, 0, 0]]
    assert f1(*found[0]) == 0.0
    assert f1(0, 0, 0) == 0.0


def test_empty_sentences_and_no_sentences() -> None:
    assert count(PANX, [[], ["B-PER"], []], [[], ["B-PER"], []]).tolist() == [[0, 0, 0], [1, 1, 1], [0, 0, 0]]
    assert count(PANX, [], []).shape == (0, 3)


def test_wrong_arguments() -> None:
    scheme = SpanScheme(PANX, XTREME)
    with pytest.raises(ValueError, match="2 gold and 3 predicted"):
        scheme.counts(np.zeros(2, int), np.zeros(3, int), np.array([2]))
    with pytest.raises(ValueError, match=r"label index outside 0\.\.6"):
        scheme.counts(np.array([7]), np.array([0]), np.array([1]))


TAGS = st.lists(st.lists(st.sampled_from(PANX + UPOS[1:]), max_size=8), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(TAGS, st.randoms(use_true_random=False))
def test_properties(gold: list[list[str]], draw: random.Random) -> None:
    """Gold against itself is perfect; swapping the sides swaps the columns; counts add up over batches."""
    labels = PANX + UPOS[1:]
    predicted = [[draw.choice(labels) for _ in sentence] for sentence in gold]
    found, back = count(labels, gold, predicted), count(labels, predicted, gold)
    assert (found[:, [1, 0, 2]] == back).all()
    assert (found[:, 2] <= found[:, :2].min(axis=1)).all()
    perfect = count(labels, gold, gold)
    assert (perfect[:, 0] == perfect[:, 2]).all() and (perfect[:, 0] == found[:, 0]).all()
    half = len(gold) // 2
    parts = [count(labels, gold[s], predicted[s]) for s in (slice(None, half), slice(half, None))]
    assert np.concatenate(parts).tolist() == found.tolist()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([PANX, UPOS, MIXED]), st.integers(0, 5), st.randoms(use_true_random=False))
def test_spans_are_found_where_they_are_counted(labels: list[str], count: int, draw: random.Random) -> None:
    """Those of the rules one by one, in their order."""
    tags = [[draw.choice(labels) for _ in range(draw.randint(0, 9))] for _ in range(count)]
    flat = np.array([labels.index(tag) for row in tags for tag in row], dtype=np.int64)
    found = SpanScheme(labels, XTREME).find(flat, np.array([len(row) for row in tags], dtype=np.int64))
    assert [{(kind, first, stop - 1) for first, stop, kind in row} for row in found] == [spans(row) for row in tags]
    assert all(row == sorted(row) for row in found)


def test_types_of_spans_have_no_hyphen() -> None:
    labels = ["B-LOC", "I-LOC", "O", "B-PER"]
    assert SpanScheme(labels, "iob").find(np.array([0, 1, 3, 2]), np.array([4])) == [[(0, 2, "LOC"), (2, 3, "PER")]]
