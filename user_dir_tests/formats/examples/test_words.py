"""Words of running text: at blanks, or by their characters."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xl_plugins.formats.examples.words import SEGMENTS, find_words, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Anna lives in Bern.", ["Anna", "lives", "in", "Bern", "."]),
        ("It's 3.14, (about) 1:30!", ["It's", "3.14", ",", "(", "about", ")", "1:30", "!"]),
        ("l’été d'Aix-en", ["l’été", "d'Aix", "-", "en"]),
        ("北京 2008年abc", ["北", "京", "2008", "年", "abc"]),
        ("می\u200cخواهم कि।", ["می\u200cخواهم", "कि", "।"]),
        (" \u200b\tx\u00a0y ", ["x", "y"]),
        ("'a' …", ["'", "a", "'", "…"]),
        ("", []),
    ],
)
def test_words_by_their_characters(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in find_words(text, "unicode")] == words


@given(st.text(max_size=40), st.sampled_from(list(SEGMENTS)))
def test_words_follow_each_other_and_nothing_that_is_shown_is_lost(text: str, segment: str) -> None:
    places = find_words(text, segment)
    assert all(start < end for start, end in places)
    assert all(one[1] <= other[0] for one, other in pairwise(places))
    kept = "".join(text[start:end] for start, end in places)
    if segment == "blanks":
        assert kept == text.replace(" ", "") and [text[start:end] for start, end in places] == split_words(text)
    else:
        assert [letter for letter in text if letter.isalnum()] == [letter for letter in kept if letter.isalnum()]
