"""Counterparts of training texts against an oracle that reads them one by one, and what holds for all of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from user_dir_tests.helpers.references.counterparts import Oracle
from user_dir_tests.helpers.toys.toy_counterparts import LANGUAGES, LISTS, POSITIONS, World, make_world
from xl_plugins.augment.counterparts.finder import CounterpartFinder, TrainingTexts
from xl_plugins.augment.counterparts.options import CounterpartOptions
from xl_plugins.augment.counterparts.report import Counts
from xl_plugins.augment.counterparts.scorer import CounterpartScorer
from xl_plugins.augment.primitives.piece_classes import PieceClasses
from xl_plugins.augment.primitives.vocabulary import build_vocabulary
from xl_plugins.augment.primitives.word_lists import WordList
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError
from xl_plugins.models.pretrained import load_language_model

Text = list[int]


class Toy:
    """The toy world's sentence pairs, its model and its vocabularies."""

    def __init__(self, world: World) -> None:
        self.world, self.data = world, DataBin(world.pairs)
        self.dictionary, self.unknown = self.data.dictionary, self.data.dictionary.unk()
        self.classes = PieceClasses(self.dictionary)
        self.model = load_language_model(str(world.model), self.dictionary)
        self.texts = TrainingTexts.open(self.data)
        pieces = WordPieces(self.dictionary, str(world.spm.model))
        self.vocabularies = {
            name: build_vocabulary(name, WordList(name, "", LISTS[name].split(), {}, 0), pieces) for name in LANGUAGES
        }
        self.rows = [self.text(number) for number in range(len(self.texts.texts))]

    def text(self, number: int) -> Text:
        own = self.texts.texts
        return own.ids[own.starts[number] : own.starts[number] + own.sizes[number] - 1].tolist()

    def finder(self, max_length: int = POSITIONS, max_tokens: int = 4096, **rules: Any) -> CounterpartFinder:
        options = CounterpartOptions("en", **rules)
        chosen = [self.vocabularies[name] for name in options.languages]
        scorer = CounterpartScorer(self.model, self.classes, chosen, options)
        return CounterpartFinder(
            scorer, self.texts.texts, self.classes, chosen, options, self.dictionary, max_length, max_tokens,
            self.vocabularies["en"].ids if options.source_in_list else None,
        )  # fmt: skip

    def find(self, numbers: np.ndarray | None = None, **rules: Any) -> tuple[dict[str, list[Text]], dict[str, Counts]]:
        """Substituted texts by language, and counts."""
        numbers = np.arange(len(self.rows)) if numbers is None else numbers
        changes, counts = self.finder(**rules).find(numbers)
        block = self.texts.texts.take(numbers)
        made = {}
        for name, (places, ids) in changes.items():
            assert ids.dtype == np.int32 and (np.diff(places) > 0).all()
            flat = np.concatenate([[*self.rows[number], 2] for number in numbers])
            assert (flat[places] != ids).all(), "only changes are stored"
            flat[places] = ids
            parts = np.split(flat, np.cumsum(block.sizes)[:-1])
            assert all(part[-1] == 2 for part in parts)
            made[name] = [part[:-1].tolist() for part in parts]
        return made, counts


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return Toy(make_world(tmp_path_factory.mktemp("world")))


RULES = {
    "default": {},
    "all-positions": {"positions": "all"},
    "any-case": {"case": "any"},
    "source-in-list": {"source_in_list": True},
    "exclude-identity": {"exclude_identity": True},
    "thresholds": {"source_threshold": 1e-5, "threshold": 1e-4, "thresholds": {"de": 0.02}},
    "everything": {"positions": "all", "case": "any", "source_in_list": True, "exclude_identity": True},
    "renormalize": {"renormalize": True, "source_threshold": 0.7, "threshold": 0.7},
}


@pytest.mark.parametrize("name", list(RULES))
def test_copies_and_counts_are_the_oracles(toy: Toy, name: str) -> None:
    rules = RULES[name]
    options = CounterpartOptions("en", **rules)
    kept = {key: value for key, value in rules.items() if "threshold" not in key}
    oracle = Oracle(toy.world, thresholds={language: options.tau(language) for language in LANGUAGES}, **kept)
    copies, counts = toy.find(**rules)
    for language in LANGUAGES:
        assert copies[language] == [oracle.copy(language, text) for text in toy.rows]
        summary = counts[language].summary()
        expected = oracle.counts(language, toy.rows)
        assert {key: summary[key] for key in expected} == expected
        assert summary["rate"] == expected["substituted"] / expected["eligible"]
        assert 0 < expected["substituted"] < expected["candidates"] <= expected["eligible"]
    if name == "exclude-identity":
        assert all(counts[language].kept == 0 for language in LANGUAGES)
    if name == "default":
        assert counts["en"].kept == counts["es"].kept == 0 < counts["fr"].kept < counts["de"].kept


def test_what_holds_for_every_copy(toy: Toy) -> None:
    """Same length; a changed position was eligible and holds another word of V_L; never ``<unk>`` or a special one."""
    oracle = Oracle(toy.world)
    for rules in RULES.values():
        copies = toy.find(**rules)[0]
        oracle.positions, oracle.source_in_list = rules.get("positions", "whole-word"), "source_in_list" in rules
        for language in LANGUAGES:
            words = set(toy.vocabularies[language].ids.tolist())
            for text, copy in zip(toy.rows, copies[language]):
                assert len(text) == len(copy)
                changed = {place for place, (one, other) in enumerate(zip(text, copy)) if one != other}
                assert changed <= set(oracle.eligible(text)) and {copy[place] for place in changed} <= words
                assert not toy.classes.special[[copy[place] for place in changed]].any()
                if language == "en":
                    names = [(toy.dictionary[text[i]], toy.dictionary[copy[i]]) for i in changed]
                    assert all(one.casefold() != other.casefold() for one, other in names)


def test_nothing_is_more_probable_than_one(toy: Toy) -> None:
    copies, counts = toy.find(source_threshold=1.0, threshold=1.0)
    assert all(copy == toy.rows for copy in copies.values())
    assert all(one.substituted == one.kept == 0 for one in counts.values())


@pytest.mark.parametrize("exclude", [False, True])
def test_everything_is_more_probable_than_nothing(toy: Toy, exclude: bool) -> None:
    rules = {"source_threshold": 0.0, "threshold": 0.0, "exclude_identity": exclude}
    copies, counts = toy.find(**rules)
    oracle = Oracle(toy.world, exclude_identity=exclude)
    for language, one in counts.items():
        assert one.substituted + one.kept == one.candidates < one.eligible
        for text, copy in zip(toy.rows, copies[language]):
            for found in oracle.find(language, text):
                assert copy[found.place] == (found.source if found.best is None else found.best)
    assert counts["fr"].kept == (0 if exclude else 32)


@settings(max_examples=12, deadline=None)
@given(st.floats(-12, 0), st.floats(-12, 0), st.sampled_from(LANGUAGES))
def test_a_higher_threshold_only_removes(toy: Toy, one: float, other: float, language: str) -> None:
    low, high = (
        toy.find(languages=(language,), thresholds={language: 10.0**power})[0][language]
        for power in sorted((one, other))
    )
    for text, more, fewer in zip(toy.rows, low, high):
        assert all(copy in (source, first) for source, first, copy in zip(text, more, fewer))


def test_languages_do_not_depend_on_each_other(toy: Toy) -> None:
    together, counts = toy.find()
    for languages in (("fr",), ("de", "en"), ("es", "fr", "de")):
        copies, again = toy.find(languages=languages)
        for language in languages:
            assert copies[language] == together[language]
            assert again[language].to_dict() == counts[language].to_dict()


def test_batches_and_blocks_change_nothing(toy: Toy) -> None:
    copies, counts = toy.find()
    for max_tokens in (1, 60, 333):
        again, same = toy.find(max_tokens=max_tokens)
        assert again == copies
        assert all(same[name].substituted == counts[name].substituted for name in LANGUAGES)
    draw = np.random.default_rng(3).permutation(len(toy.rows))
    for part in np.array_split(draw, 6):
        made = toy.find(part)[0]
        assert all(made[name] == [copies[name][number] for number in part] for name in LANGUAGES)


def test_batches_are_within_their_limit(toy: Toy) -> None:
    finder = toy.finder(max_tokens=60)
    sizes = toy.texts.texts.sizes
    batches = list(finder._batches(sizes))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(sizes)))
    lengths = [np.minimum(sizes[rows] + 1, POSITIONS) for rows in batches]
    assert max(len(one) * one.max() for one in lengths) <= 60 and min(map(len, lengths)) > 1
    order = np.concatenate(lengths)
    assert (np.diff(order) <= 0).all()
    assert all(len(rows) == 1 for rows in toy.finder(max_tokens=3)._batches(sizes))


@pytest.mark.parametrize("max_length", [POSITIONS, 9])
def test_long_texts_stay_as_they_are_after_the_models_positions(toy: Toy, max_length: int) -> None:
    copies, counts = toy.find(max_length=max_length, source_threshold=0.0, threshold=0.0)
    oracle = Oracle(toy.world, max_positions=max_length, thresholds=dict.fromkeys(LANGUAGES, 0.0))
    long = [number for number, text in enumerate(toy.rows) if len(text) > max_length - 2]
    assert len(long) >= 5
    for language in LANGUAGES:
        assert copies[language] == [oracle.copy(language, text) for text in toy.rows]
        assert counts[language].eligible == oracle.counts(language, toy.rows)["eligible"]
        for number in long:
            text, copy = toy.rows[number], copies[language][number]
            assert copy[max_length - 2 :] == text[max_length - 2 :] and len(copy) == len(text)
    last = [copies["fr"][number][max_length - 3] != toy.rows[number][max_length - 3] for number in long]
    assert any(last), "the last position that the model has is scored"


def test_probabilities_that_are_no_numbers(toy: Toy) -> None:
    finder = toy.finder()
    finder.scorer.score = lambda *batch: (torch.zeros(5, 4).long(), torch.full((5, 4), math.nan))  # type: ignore[method-assign]
    with pytest.raises(UserError, match=r"^the model's probabilities are not finite; leave --fp16 or --bf16 out"):
        finder.find(np.arange(3))


def test_progress_is_told_in_texts(toy: Toy) -> None:
    told: list[int] = []
    toy.finder(max_tokens=60).find(np.arange(20), told.append)
    assert sum(told) == 20 and len(told) > 3
