"""Classes of pieces: what begins a word, what holds letters, case, and equal words but for case."""

from __future__ import annotations

import time

import numpy as np
import pytest
from fairseq.data import Dictionary
from hypothesis import assume, given
from hypothesis import strategies as st

from user_dir_tests.helpers.toys.toy_pieces import make_dictionary
from xl_plugins.augment.primitives.piece_classes import CASELESS, LOWER, OTHER, TITLE, PieceClasses, case_class


@pytest.mark.parametrize(
    ("surface", "expected"),
    [
        ("dog", LOWER),
        ("straße", LOWER),
        ("собака", LOWER),
        ("a4", LOWER),
        ("don't", LOWER),
        ("你a", LOWER),
        ("Dog", TITLE),
        ("I", TITLE),
        ("Éa", TITLE),
        ("Σκύλος", TITLE),
        ("A4", TITLE),
        ("(Dog", TITLE),
        ("3D", TITLE),
        ("D'", TITLE),
        ("\u01c5ip", TITLE),
        ("\u01c5", TITLE),
        ("DOG", OTHER),
        ("McDonald", OTHER),
        ("iPhone", OTHER),
        ("D'Arc", OTHER),
        ("你A", OTHER),
        ("a\u01c5", OTHER),
        ("你好", CASELESS),
        ("कुत्ता", CASELESS),
        ("كلب", CASELESS),
        ("1984", CASELESS),
        ("...", CASELESS),
        ("", CASELESS),
        ("\u2167", CASELESS),  # Roman numeral eight: upper-case to Unicode, but a number
        ("\u2177", CASELESS),  # its small form
    ],
)
def test_case(surface: str, expected: int) -> None:
    assert case_class(surface) == expected


def slow_case_class(surface: str) -> int:
    """The definition, letter by letter."""
    letters = [x for x in surface if x.isalpha()]
    upper = [x for x in letters if x.isupper() or x.istitle()]
    if not upper:
        return LOWER if [x for x in letters if x.islower()] else CASELESS
    return TITLE if len(upper) == 1 and letters[0] == upper[0] and upper[0] not in letters[1:] else OTHER


@given(st.text(max_size=8) | st.text("aAbBéÉßǅ你1'. ", max_size=6))
def test_case_is_its_definition(surface: str) -> None:
    assert case_class(surface) == slow_case_class(surface)


@given(st.text(st.characters(categories=["Ll"]), min_size=1, max_size=6))
def test_small_letters_are_lower(word: str) -> None:
    assert case_class(word) == case_class(f"{word}'s 1.") == LOWER
    head = word[0].upper()
    assume(len(head) == 1 and head.isupper())
    assert case_class(head + word[1:]) == case_class(head) == TITLE
    assert case_class(word + head) == case_class(head + head) == OTHER


@given(st.text(st.characters(categories=["Lo", "Nd", "Po", "Mn"]), max_size=6))
def test_scripts_without_case(word: str) -> None:
    assume(not any(x.isupper() or x.islower() for x in word))
    assert case_class(word) == CASELESS


def classes_of(*symbols: str) -> tuple[PieceClasses, list[int]]:
    dictionary = make_dictionary(symbols)
    return PieceClasses(dictionary), [dictionary.index(symbol) for symbol in symbols]


def test_classes_of_each_piece() -> None:
    #            special starts bare letter alnum case
    expected = {
        "▁dog": (0, 1, 0, 1, 1, LOWER),
        "▁Dog": (0, 1, 0, 1, 1, TITLE),
        "dog": (0, 0, 0, 1, 1, LOWER),
        "▁": (0, 1, 1, 0, 0, CASELESS),
        "▁▁": (0, 1, 0, 0, 0, CASELESS),
        "▁3": (0, 1, 0, 0, 1, CASELESS),
        "▁A4": (0, 1, 0, 1, 1, TITLE),
        "'": (0, 0, 0, 0, 0, CASELESS),
        "▁(": (0, 1, 0, 0, 0, CASELESS),
        "你好": (0, 0, 0, 1, 1, CASELESS),
        "▁.x": (0, 1, 0, 1, 1, LOWER),
        "▁²": (0, 1, 0, 0, 1, CASELESS),
        "<mask>": (1, 0, 0, 1, 1, LOWER),
        "madeupword0001": (1, 0, 0, 1, 1, LOWER),
        "▁madeupword0001": (0, 1, 0, 1, 1, LOWER),
        "<s>": (1, 0, 0, 1, 1, LOWER),
        "<pad>": (1, 0, 0, 1, 1, LOWER),
        "</s>": (1, 0, 0, 1, 1, LOWER),
        "<unk>": (1, 0, 0, 1, 1, LOWER),
    }
    classes, ids = classes_of(*expected)
    columns = (classes.special, classes.starts, classes.bare, classes.letter, classes.alnum, classes.case)
    found = {symbol: tuple(int(column[i]) for column in columns) for symbol, i in zip(expected, ids)}
    assert found == expected
    assert len(classes) == len(expected)
    assert [column.dtype for column in columns] == [np.dtype(bool)] * 5 + [np.dtype(np.int8)]


def test_padded_dictionary_has_special_symbols() -> None:
    dictionary = make_dictionary(["▁dog"])
    dictionary.pad_to_multiple_(8)
    assert PieceClasses(dictionary).special.tolist() == [True] * 4 + [False] + [True] * 3


def test_groups_of_words_but_for_case() -> None:
    symbols = ["▁dog", "▁Dog", "dog", "Dog", "▁DOG", "▁dogs", "▁straße", "▁STRASSE", "▁ΟΔΟΣ", "▁οδος", "▁οδοσ", "▁"]
    classes, ids = classes_of(*symbols)
    fold = dict(zip(symbols, classes.fold[ids].tolist()))
    assert classes.fold.dtype == np.int32
    assert fold["▁dog"] == fold["▁Dog"] == fold["▁DOG"]
    assert fold["▁straße"] == fold["▁STRASSE"] and fold["▁ΟΔΟΣ"] == fold["▁οδος"] == fold["▁οδοσ"]
    assert len(set(fold.values())) == 7  # dog, "dog", "Dog", dogs, straße, οδος, "▁"
    assert len(set(classes.fold.tolist())) == 7 + 4


@given(st.lists(st.text("aAbBßsSİiσςΣ▁", min_size=1, max_size=4), unique=True, max_size=20))
def test_groups_are_equal_casefolded_words(symbols: list[str]) -> None:
    classes, ids = classes_of(*symbols)
    fold = classes.fold[ids]
    for one, first in zip(symbols, fold):
        for other, second in zip(symbols, fold):
            both = one.startswith("▁") and other.startswith("▁")
            assert (first == second) == (one == other or (both and one[1:].casefold() == other[1:].casefold()))


def test_dictionary_of_the_size_of_xlm_r_is_fast() -> None:
    dictionary = Dictionary()
    letters = "abcdefghijklmnopqrstuvwxyzабвгдежз你好世界"
    for number in range(250_002 - len(dictionary)):
        text = letters[number % 38] + letters[number // 38 % 38] + letters[number // 1444 % 38] + str(number // 54872)
        dictionary.add_symbol(f"▁{text.title()}" if number % 3 else text)
    assert len(dictionary) == 250_002
    begin = time.perf_counter()
    assert len(PieceClasses(dictionary)) == 250_002
    assert time.perf_counter() - begin < 5  # about 0.5 s on an idle core
