"""V_L: which words of a list are pieces, in which cases, how they overlap, and what is reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fairseq.data import Dictionary
from hypothesis import assume, given
from hypothesis import strategies as st

from user_dir_tests.helpers.toys.toy_pieces import make_pieces
from xl_plugins.augment.primitives.piece_classes import LOWER, OTHER, TITLE, case_class
from xl_plugins.augment.primitives.vocabulary import (
    LanguageVocabulary,
    build_vocabulary,
    case_variants,
    describe,
    overlaps,
    ranking,
    warnings,
)
from xl_plugins.augment.primitives.word_lists import WordList, read_word_list
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.errors import UserError

# scores: longer pieces win
FRENCH = {"▁": -9.0, "▁chien": -1.0, "▁Chien": -1.0, "▁mai": -1.0, "son": -1.0, "▁le": -1.0, "l": -5.0, "'": -5.0}


def listed(*words: str) -> WordList:
    return WordList("fr.txt", "0" * 64, list(words), {}, len(words))


def made(language: str, ids: list[int], found: int, words: int) -> LanguageVocabulary:
    source = WordList(f"{language}.txt", "0" * 64, [f"w{i}" for i in range(words)], {}, words)
    return LanguageVocabulary(language, np.array(ids, dtype=np.int64), [f"w{i}" for i in ids], found, words, source)


def test_words_that_are_single_pieces(tmp_path: Path) -> None:
    pieces = make_pieces(tmp_path, FRENCH)
    (tmp_path / "fr.txt").write_text("chien\nmaison\nle\nl'\nchat noir\n1984\n\n", encoding="utf-8")
    found = build_vocabulary("fr", read_word_list(tmp_path / "fr.txt", 10000), pieces)
    find = pieces.dictionary.index
    assert found.ids.tolist() == [find("▁chien"), find("▁Chien"), find("▁le")] and found.ids.dtype == np.int64
    assert list(found.surfaces) == ["chien", "Chien", "le"]
    assert (found.found, found.words, found.coverage, len(found)) == (2, 4, 0.5, 3)  # chien, le of four words
    assert found.list.skipped == {"phrase": 1, "no letter": 1, "empty": 1}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("dog", ("dog", "Dog")),
        ("Dog", ("Dog", "dog")),
        ("NATO", ("NATO", "nato", "Nato")),
        ("i", ("i", "I")),
        ("aujourd'hui", ("aujourd'hui", "Aujourd'hui")),
        ("'tis", ("'tis", "'Tis")),
        ("ΟΔΟΣ", ("ΟΔΟΣ", "οδος", "Οδος")),
        ("ßa", ("ßa", "Ssa")),
        ("你好", ("你好",)),
        ("A4", ("A4", "a4")),
    ],
)
def test_variants_of_a_word(word: str, expected: tuple[str, ...]) -> None:
    assert case_variants(word) == expected


@given(st.text("abzéöабяΑω'1你ABZÉБ", min_size=1, max_size=8))
def test_variants_have_their_case(word: str) -> None:
    assume(any(x.isupper() or x.islower() for x in word))
    variants = case_variants(word)
    assert variants[0] == word and len(set(variants)) == len(variants)
    assert {x.casefold() for x in variants} == {word.casefold()}
    assert word.lower() in variants and case_class(word.lower()) == LOWER
    first = next(x for x in word if x.isalpha())
    if first != "你":
        assert {case_class(x) for x in variants} <= {LOWER, TITLE, OTHER} and TITLE in map(case_class, variants)


def test_a_variant_alone_makes_a_word_found(tmp_path: Path) -> None:
    pieces = make_pieces(tmp_path, {"▁": -9.0, "▁Paris": -1.0, "▁ok": -1.0, "p": -5.0, "O": -5.0, "K": -5.0})
    found = build_vocabulary("fr", listed("paris", "PARIS", "OK", "x"), pieces)
    assert (list(found.surfaces), found.found, found.words) == (["Paris", "ok"], 3, 4)


def test_pieces_must_be_whole_and_known(tmp_path: Path) -> None:
    scores = {"▁": -1.0, "a": -1.0, "▁b": -1.0, "▁c": -1.0, "d": -1.0, "▁ef": -9.0, "▁e": -1.0, "f": -1.0, "#": -9.0}
    unknown = [f"▁{letter * 3}" for letter in "qrstuvwxyz" * 10]  # keeps the missing piece under the tolerated 1 %
    scores |= dict.fromkeys(unknown + [f"filler{i}" for i in range(200)], -50.0)
    pieces = make_pieces(tmp_path, scores, [symbol for symbol in scores if symbol != "▁c"])
    found = build_vocabulary("xx", listed("a", "b", "c", "d", "ef", "é", "▁b", "mask", "<mask>", "s"), pieces)
    # a, d: two pieces; c: not in the dictionary; ef: a piece that is less probable than its parts; é: no piece at all
    assert (list(found.surfaces), found.found, found.words) == (["b"], 1, 10)


def test_unknown_word_in_one_piece_is_not_its_entry_of_the_dictionary(tmp_path: Path) -> None:
    scores = {"▁ab": -1.0, "x": -1.0}  # without ▁ a word of unknown characters becomes one <unk>
    pieces = make_pieces(tmp_path, scores, [*scores, "▁é"])
    assert len(pieces.model.EncodeAsIds("é")) == 1
    assert list(build_vocabulary("fr", listed("é", "ab"), pieces).surfaces) == ["ab"]


def test_ids_are_those_of_the_dictionary(tmp_path: Path) -> None:
    symbols = ["▁le", "x", "▁Chien", "▁chien", "▁mai", "son", "l", "'", "▁"]  # another order than the model's
    pieces = make_pieces(tmp_path, FRENCH, symbols)
    found = build_vocabulary("fr", listed("chien", "le"), pieces)
    assert dict(zip(found.surfaces, found.ids.tolist())) == {"le": 4, "Chien": 6, "chien": 7}
    assert found.ids.tolist() == [4, 6, 7]
    assert [pieces.dictionary[int(i)] for i in found.ids] == [f"▁{surface}" for surface in found.surfaces]


def test_a_trained_model_agrees_with_encoding_words_one_by_one(tiny_spm) -> None:
    pieces = WordPieces(Dictionary.load(str(tiny_spm.dict)), str(tiny_spm.model))
    words = sorted(set(tiny_spm.text.read_text(encoding="utf-8").split()))
    words = list(dict.fromkeys(word.rstrip(".?!") for word in words))
    found = build_vocabulary("xx", listed(*words), pieces)
    single = {word: pieces.encode(word) for word in words}
    expected = {ids[0]: word for word, ids in single.items() if pieces.join(ids) == f"▁{word}" and len(ids) == 1}
    assert dict(zip(found.ids.tolist(), found.surfaces)) == dict(sorted(expected.items()))
    assert found.found == len(expected) > 20 and found.words == len(words)


def test_order_of_the_list_does_not_matter(tmp_path: Path) -> None:
    pieces = make_pieces(tmp_path, FRENCH)
    one, other = (build_vocabulary("fr", listed(*x), pieces) for x in (("le", "CHIEN"), ("chien", "Chien", "le", "Le")))
    assert one.ids.tolist() == other.ids.tolist() and list(one.surfaces) == list(other.surfaces)
    assert (one.found, other.found) == (2, 4)


def test_no_word_is_a_piece(tmp_path: Path) -> None:
    pieces = make_pieces(tmp_path, FRENCH)
    with pytest.raises(UserError) as caught:
        build_vocabulary("de", listed("Hund", "Haus", "maison"), pieces, "--salt-word-lists")
    assert str(caught.value).startswith("--salt-word-lists: none of the 3 words of fr.txt is a single piece of ")
    assert "(coverage 0.0 %); give a list of words in de" in str(caught.value)


def test_overlaps_and_ranking() -> None:
    some = [made("en", [4, 5, 6, 9], 4, 10), made("fr", [6, 7, 9], 6, 10), made("de", [8], 5, 10)]
    assert overlaps(some) == {("en", "fr"): 2, ("en", "de"): 0, ("fr", "de"): 0}
    assert ranking(some) == ["fr", "de", "en"]
    assert overlaps(some[:1]) == {} and ranking([]) == []


def test_report() -> None:
    assert describe([made("en", [4, 5, 6, 9], 4, 10), made("fr", [6, 7, 9], 6, 9)]) == [
        "language  pieces  words  single pieces  coverage  in en  in fr",
        "en             4     10              4     40.0%      -      2",
        "fr             3      9              6     66.7%      2      -",
        "by coverage: fr, en",
    ]


@pytest.mark.parametrize(("found", "warned"), [(49, True), (50, False), (51, False)])
def test_low_coverage_is_told(found: int, warned: bool) -> None:
    lines = warnings([made("fr", [4], found, 1000)])
    assert lines == (
        ["fr: 49 of 1000 words of fr.txt are single pieces (4.9%, less than 5%); few positions will have a substitute"]
        if warned
        else []
    )


@pytest.mark.parametrize("language", ["zh", "ja", "ko", "th", "zh_cn", "zh-Hant", "ZH"])
def test_languages_without_blanks_are_told(language: str) -> None:
    (line,) = warnings([made(language, [4, 5], 9, 10)])
    assert line.startswith(f"{language}: most words are written without blanks") and line.endswith("2 pieces remain")
    assert warnings([made("thx", [4], 9, 10), made("fr", [4], 9, 10)]) == []
