"""Differences between a checkpoint and what is expected of it, in the words that all messages share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from xl_plugins.problems.tagging.problem import Tagging
from xl_plugins.resuming.fitting import DICTIONARY, Difference, compare, compare_encoders, compare_heads

RECORD = {"problem": "tagging", "labels": ["O", "B-PER"], DICTIONARY: "ab"}


def test_nothing_differs() -> None:
    assert not [*compare(RECORD, RECORD)]
    assert not [*compare({}, RECORD)] and not [*compare(RECORD, {"problem": None})]  # what one lacks is not compared


def test_the_order_is_that_of_the_names() -> None:
    other = {"problem": "qa", "labels": [], DICTIONARY: "cd"}
    assert [found.name for found in compare(RECORD, other)] == ["problem", "labels", DICTIONARY]
    assert [found.name for found in compare(RECORD, other, (DICTIONARY, "problem"))] == [DICTIONARY, "problem"]


@pytest.mark.parametrize(
    "name, before, now, sentence, place",
    [
        ("problem", "tagging", "qa", "another problem (tagging there, qa here) than X", "data"),
        ("labels", ["O", "B"], ["B", "O"], "other labels (O, B there, B, O here) than X", "data/label/dict.txt"),
        (DICTIONARY, "ab", "cd", "another dictionary than X", "data/dict.txt"),
        ("unanswerable", False, True, "another unanswerable questions (False there, True here) than X", "data"),
    ],
)
def test_words(name: str, before: Any, now: Any, sentence: str, place: str) -> None:
    found = Difference(name, before, now)
    assert found.than("X") == f"was trained with {sentence}" and found.place("data") == place


def test_digests_are_not_shown() -> None:
    found = Difference(DICTIONARY, "ab", "cd")
    assert found.values is None and found.detail == "other pieces or order" and found.is_of_file()


def test_options_of_the_head() -> None:
    saved = {"word_pooling": None, "preset": "official"}
    (found,) = compare_heads(Tagging, saved, {"word_pooling": "first"})
    assert found.told() == "was trained with --word-pooling sum, this run has first"
    assert not [*compare_heads(Tagging, saved, {"word_pooling": "sum"})]


def test_options_of_the_encoder() -> None:
    now = SimpleNamespace(encoder_attention_heads=4, layer_norm_eps=1e-5)
    ((option, found),) = compare_encoders({"encoder_attention_heads": 2}, now)
    assert option == "encoder_attention_heads"
    assert found.told() == "was trained with --encoder-attention-heads 2, this run has 4"
