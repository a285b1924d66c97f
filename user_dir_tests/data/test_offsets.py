"""Pieces and the characters of the raw text that they cover."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.data.offsets import ContextEncoder, code_points, cover, raw_spans, visible
from xl_plugins.data.tokenizer import PieceEncoder
from xl_plugins.problems.qa.windows import locate

ODD = "a ①② ﬁne ½ é é 한국 カ゛ ｶﾞ \u200bx\u200b \u00a0y \U0001f600 吉尔 ไทย  क्षि …"


def test_code_points() -> None:
    assert code_points("a😀").tolist() == [97, 0x1F600]
    shown, tails = visible(" a\u200bb \u200e\u00a0吉\u200b\u200b")
    assert shown.tolist() == [1, 3, 7]
    assert tails.tolist() == [3, 4, 10]


def test_ligature_and_wide_forms() -> None:
    """'ﬁ' gives two letters: a piece that ends between them covers it, and so does the one that begins there."""
    text = "x ﬁne"  # normalised: ▁x▁fine
    spans = raw_spans(text, np.array([2, 2, 3]), np.array([0, 0, 1, 2, 2, 3, 4, 5]))
    assert spans.tolist() == [[0, 1], [2, 3], [2, 5]]
    assert cover(spans, 2, 5) == (1, 2)
    assert cover(spans, 3, 5) == (2, 2)


def test_white_space_belongs_to_no_piece() -> None:
    spans = raw_spans("a  b ", np.array([2, 1, 1]), np.array([0, 0, 1, 3, 4]))
    assert [tuple(row) for row in spans] == [(0, 1), (3, 3), (3, 4)]
    assert cover(spans, 3, 4) == (2, 2)
    assert cover(spans, 0, 4) == (0, 2)


def test_smallest_cover_of_part_of_a_piece() -> None:
    spans = np.array([[0, 3], [3, 7], [8, 12]])
    assert cover(spans, 3, 7) == (1, 1)
    assert cover(spans, 4, 6) == (1, 1)
    assert cover(spans, 2, 9) == (0, 2)
    assert cover(spans, 7, 9) == (2, 2)


@pytest.mark.parametrize("characters", [False, True])
def test_every_visible_character_is_covered(encoder: PieceEncoder, characters: bool) -> None:
    _, sizes, (spans,) = ContextEncoder(encoder, characters).encode([ODD])
    assert len(spans) == sizes[0] - 1
    shown = visible(ODD)[0]
    covered = np.zeros(len(ODD), dtype=bool)
    for start, end in spans:
        covered[start:end] = True
    assert covered[shown].all()
    assert not any(covered[i] for i, character in enumerate(ODD) if character.isspace())


def test_subword_ids_are_those_of_the_plain_encoder(encoder: PieceEncoder) -> None:
    texts = [ODD, "kabo nami", "x"]
    ids, sizes, _ = ContextEncoder(encoder).encode(texts)
    plain_ids, plain_sizes = encoder.encode(texts)
    assert ids.tolist() == plain_ids.tolist()
    assert sizes.tolist() == plain_sizes.tolist()


ALPHABET = st.sampled_from("abk ①ﬁ½é\u0301한ｶﾞカ゛吉ไ\u0e33😀क्\u200b\u00a0\u3000.,")


@settings(max_examples=200, deadline=None)
@given(text=st.text(ALPHABET, min_size=1, max_size=30), data=st.data())
def test_spans_are_in_order_and_covers_hold_the_answer(encoder: PieceEncoder, text: str, data: Any) -> None:
    for characters in (False, True):
        _, _, (spans,) = ContextEncoder(encoder, characters).encode([text])
        assert (np.diff(spans, axis=0) >= 0).all() and (spans[:, 0] <= spans[:, 1]).all()
        shown, _ = visible(text)
        if not len(shown) or not len(spans):
            continue
        first = data.draw(st.integers(0, len(shown) - 1))
        last = data.draw(st.integers(first, len(shown) - 1))
        start, end = int(shown[first]), int(shown[last]) + 1
        one, two = cover(spans, start, end)
        assert spans[one, 0] <= start and spans[two, 1] >= end and one <= two
        assert one == two or (spans[one, 1] > start and spans[two, 0] < end)  # nothing needless


def test_a_character_each_makes_every_answer_exact(encoder: PieceEncoder) -> None:
    text = "Kronberger und Saxons 1990s 吉尔吉斯 ไทยภาษา และ"
    _, _, (spans,) = ContextEncoder(encoder, True).encode([text])
    for answer in ("Kronberg", "axon", "990", "尔吉", "ภาษา"):
        start = text.index(answer)
        first, last = cover(spans, start, start + len(answer))
        assert text[spans[first, 0] : spans[last, 1]] == answer


@pytest.mark.parametrize(
    ("text", "start", "found"),
    [
        ("Anna", 5, (5, 9)),
        (" Anna ", 4, (5, 9)),  # white space around the answer does not count
        ("Anna", 8, (5, 9)),  # wrong offset: the nearest occurrence
        ("Anna", 12, (14, 18)),
        ("Anna", -1, (5, 9)),
        ("Otto", 5, (-1, -1)),
        ("\u200b", 0, (-1, -1)),
    ],
)
def test_where_an_answer_is(text: str, start: int, found: tuple[int, int]) -> None:
    assert locate("Frau Anna und Anna", text, start) == found
