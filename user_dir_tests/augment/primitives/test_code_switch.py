"""Code-switch: worked probabilities, what counts as selected, protected words, the baseline's mode, errors."""

from __future__ import annotations

import math
import random
from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from user_dir_tests.helpers.toys.toy_pieces import make_pieces, shares, spellings
from xl_plugins.augment.primitives import code_switch
from xl_plugins.augment.primitives.base import Word, generator
from xl_plugins.augment.primitives.code_switch import CodeSwitch
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.errors import UserError

WORKED = {"de": {"dog": "Hund"}, "fr": {"dog": "chien", "cat": ["chat", "minou"]}}


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> WordPieces:
    return make_pieces(tmp_path_factory.mktemp("spelling"), spellings())


def read(pieces: WordPieces, text: str) -> list[Word]:
    return [pieces.encode(word) for word in text.split()]


def outcomes(pieces: WordPieces, switch: CodeSwitch, word: str) -> dict[object, float]:
    """Shares of (text, selected) over many draws."""
    words = read(pieces, word)

    def draw(rng: random.Random) -> object:
        out = switch(words, rng)
        return pieces.text(out.words[0]), out.selected[0]

    return shares(draw)


@pytest.mark.parametrize(
    "word, expected",
    [
        ("dog", {"Hund": 0.25, "chien": 0.25}),
        ("Dog", {"Hund": 0.25, "chien": 0.25}),
        ("DOG", {"Hund": 0.25, "chien": 0.25}),
        ("cat", {"chat": 0.125, "minou": 0.125}),
        ("dog.", {}),
        ("house", {}),
    ],
)
def test_worked_probabilities(pieces, word: str, expected: dict[str, float]) -> None:
    found = outcomes(pieces, CodeSwitch(pieces, WORKED, 0.5), word)
    full = {(text, True): share for text, share in expected.items()}
    full[word, False] = 1 - sum(expected.values())
    assert found.keys() == full.keys()
    assert found == pytest.approx(full, abs=0.012)  # four standard deviations of 20,000 draws
    if not expected:
        assert found == {(word, False): 1.0}


class Scripted(random.Random):
    """Gives the numbers of a list one after the other."""

    def __init__(self, numbers: tuple[float, ...]) -> None:
        super().__init__()
        self.numbers = iter(numbers)

    def random(self) -> float:
        return next(self.numbers)


def test_worked_probabilities_exactly(pieces) -> None:
    """Halves of the unit interval decide each of gate, word, language and translation, so 16 paths weigh the same."""
    switch, counts = CodeSwitch(pieces, WORKED, 0.5), Counter()
    for numbers in product((0.25, 0.75), repeat=4):
        for text in ("dog", "cat", "Dog", "house"):
            out = switch(read(pieces, text), Scripted(numbers))
            counts[text, pieces.text(out.words[0])] += 1
    assert counts == {
        ("dog", "Hund"): 4, ("dog", "chien"): 4, ("dog", "dog"): 8,
        ("Dog", "Hund"): 4, ("Dog", "chien"): 4, ("Dog", "Dog"): 8,
        ("cat", "chat"): 2, ("cat", "minou"): 2, ("cat", "cat"): 12, ("house", "house"): 16,
    }  # fmt: skip


def test_covered_draws_from_the_languages_that_list_the_word(pieces) -> None:
    switch = CodeSwitch(pieces, WORKED, 0.5, choice="covered")
    assert outcomes(pieces, switch, "cat") == pytest.approx(
        {("chat", True): 0.25, ("minou", True): 0.25, ("cat", False): 0.5}, abs=0.015
    )
    assert outcomes(pieces, switch, "dog") == pytest.approx(
        {("Hund", True): 0.25, ("chien", True): 0.25, ("dog", False): 0.5}, abs=0.015
    )
    assert outcomes(pieces, switch, "house") == {("house", False): 1.0}


def test_duplicates_count_as_often_as_they_are_listed(pieces) -> None:
    switch = CodeSwitch(pieces, {"de": {"dog": ["Hund", "Hund", "Rüde"]}}, 1.0)
    assert outcomes(pieces, switch, "dog") == pytest.approx({("Hund", True): 2 / 3, ("Rüde", True): 1 / 3}, abs=0.015)


def test_identity_is_selected_but_not_changed(pieces) -> None:
    words = read(pieces, "taxi bus")
    out = CodeSwitch(pieces, {"de": {"taxi": "taxi"}}, 1.0)(words, random.Random(1))
    assert out == (words, [True, False])


def test_translation_of_several_words_takes_one_place(pieces) -> None:
    switch = CodeSwitch(pieces, {"fr": {"potato": "pomme de terre"}}, 1.0)
    out = switch(read(pieces, "a potato salad"), random.Random(1))
    assert [pieces.text(word) for word in out.words] == ["a", "pomme de terre", "salad"]
    assert out.words[1] == pieces.encode("pomme de terre")
    assert out.selected == [False, True, False]


def test_language_is_drawn_for_each_word(pieces) -> None:
    out = CodeSwitch(pieces, WORKED, 1.0)(read(pieces, "dog " * 50), random.Random(1))
    assert {pieces.text(word) for word in out.words} == {"Hund", "chien"}


def test_translation_that_tokenises_to_nothing_leaves_the_word(pieces) -> None:
    words = read(pieces, "dog")
    assert CodeSwitch(pieces, {"de": {"dog": " "}}, 1.0)(words, random.Random(1)) == (words, [False])


def test_words_with_unknown_characters_stay(pieces) -> None:
    words = read(pieces, "d☃g")
    switch = CodeSwitch(pieces, {"de": {"d☃g": "Hund", "d": "D"}}, 1.0, lower=True)
    assert switch(words, random.Random(1)) == (words, [False])


def test_baseline_lower_cases_everything_before_its_gate(pieces) -> None:
    words = read(pieces, "The DOG Runs")
    never = CodeSwitch(pieces, WORKED, 1.0, lower=True, sentence_ratio=0.0)
    out = never(words, random.Random(1), protected={2})
    assert [pieces.text(word) for word in out.words] == ["the", "dog", "Runs"]
    assert out.selected == [False] * 3
    switched = CodeSwitch(pieces, WORKED, 1.0, lower=True)(words, random.Random(1))
    assert [pieces.text(word) for word in switched.words][::2] == ["the", "runs"]
    assert switched.selected == [False, True, False]


def test_sentence_gate_is_drawn_once_per_text(pieces) -> None:
    words = read(pieces, "dog dog dog dog")
    switch = CodeSwitch(pieces, WORKED, 1.0, sentence_ratio=0.25)
    found = shares(lambda rng: sum(switch(words, rng).selected))
    assert found == pytest.approx({4: 0.25, 0: 0.75}, abs=0.015)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from(["dog", "Dog", "cat", "house", "d☃g", "x"]), max_size=12),
    st.integers(0, 10**6),
    st.sets(st.integers(0, 11)),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from(code_switch.CHOICES),
)
def test_words_stay_aligned(pieces, texts, seed, protected, ratio, choice) -> None:
    words = [pieces.encode(text) for text in texts]
    before = list(words)
    switch = CodeSwitch(pieces, WORKED, ratio, choice)
    out = switch(words, generator(seed, 1, 2, 3), protected)
    assert words == before and len(out.words) == len(out.selected) == len(words)
    for index, (word, new, selected) in enumerate(zip(words, out.words, out.selected)):
        if selected:
            assert index not in protected
            listed = [table[texts[index].lower()] for table in WORKED.values() if texts[index].lower() in table]
            assert any(pieces.text(new) in ([found] if isinstance(found, str) else found) for found in listed)
        else:
            assert new == word
    if ratio == 0:
        assert not any(out.selected)
    assert switch(words, generator(seed, 1, 2, 3), protected) == out


def test_full_caches_do_not_change_draws(pieces, monkeypatch: pytest.MonkeyPatch) -> None:
    words = read(pieces, "dog cat house Dog x y z cat") * 20
    expected = CodeSwitch(pieces, WORKED, 0.7)(words, random.Random(5))
    monkeypatch.setattr(code_switch, "_KEPT", 2)
    switch = CodeSwitch(pieces, WORKED, 0.7)
    assert switch(words, random.Random(5)) == expected
    assert len(switch._entries) <= 2 and len(switch._ids) <= 2


@pytest.mark.parametrize(
    "options, message",
    [
        ({"ratio": -0.1}, r"^--cs-ratio -0\.1"),
        ({"ratio": math.nan}, r"^--cs-ratio nan"),
        ({"sentence_ratio": 1.1}, r"^--cs-sentence-ratio 1\.1"),
        ({"choice": "all"}, r"^--cs-choice all: expected any or covered"),
        ({"dictionaries": {}}, r"^--cs-dictionaries"),
        ({"dictionaries": {"de": {}}}, r"^--cs-dictionaries"),
    ],
)
def test_wrong_options_are_refused(pieces, options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        CodeSwitch(pieces, **{"dictionaries": WORKED, "ratio": 0.5, **options})


def test_made_for_a_folder_of_dictionaries(pieces, tmp_path: Path) -> None:
    from xl_plugins.augment.primitives.dictionaries import load_dictionaries

    (tmp_path / "en-de.txt").write_text("dog Hund\n")
    (tmp_path / "en-fr.txt").write_text("dog chien\ncat chat\ncat minou\n")
    switch = CodeSwitch(pieces, load_dictionaries(str(tmp_path), "en", "all"), 0.5)
    words = read(pieces, "dog cat house " * 20)
    assert switch(words, random.Random(1)) == CodeSwitch(pieces, WORKED, 0.5)(words, random.Random(1))
