"""Exact match and F1 of answers: cases worked by hand."""

from __future__ import annotations

import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.errors import UserError
from xl_plugins.functional.scores.answers import MLQA_LANGUAGES, em_f1, normalise_mlqa, normalise_squad, token_f1

SQUAD = [
    ("The  Cat, the HAT!", "cat hat"),
    ("a an the", ""),
    ("theatre and another", "theatre and another"),
    ("don't", "dont"),  # punctuation is deleted, not replaced by a space
    ("the-end", "theend"),  # so punctuation goes before articles
    ("U.S.A.", "usa"),
    ("$1,234.50", "123450"),
    ("北京大学。", "北京大学。"),  # only ASCII punctuation; Chinese is one token
    ("《红楼梦》,曹雪芹", "《红楼梦》曹雪芹"),
    ("กรุงเทพ มหานคร ฯ", "กรุงเทพ มหานคร ฯ"),
    ("الكتاب، الجديد.", "الكتاب، الجديد"),  # the Arabic comma stays
    ("“quoted”", "“quoted”"),
    ("l’an 1990", "l’ 1990"),  # ’ is no letter: an is a word of its own
    ("\u00a0The\u3000end\u2003", "end"),
    ("Straße ÉTÉ İ", "straße été i\u0307"),
]
MLQA = [
    ("en", "The Eiffel Tower, “a tower”", "eiffel tower tower"),
    ("en", "¡$5+5=10!", "5510"),  # ASCII symbols count as punctuation
    ("en", "€5 – £6", "€5 £6"),  # other symbols do not; the dash is punctuation
    ("es", "¿El niño y las niñas?", "niño y niñas"),
    ("es", "unas eles, la-la", "eles lala"),
    ("de", "Der Hund des Mannes; einem Deich", "hund mannes deich"),
    ("de", "„Die Räuber“", "räuber"),
    ("vi", "Những con của bà là cái gì?", "con bà gì"),
    ("vi", "chiếc lá", "lá"),
    ("hi", "राम, श्याम।", "राम श्याम"),  # the danda is punctuation
    ("hi", "the राम", "the राम"),
    ("ar", "الكتاب، الجديد", "كتاب جديد"),
    ("ar", "سالم", "س م"),  # inside a word as well
    ("ar", "قال الرجل؟", "ق رجل"),
    ("zh", "北京大学（Peking University）", "北 京 大 学 peking university"),
    ("zh", "1949年10月", "1949 年 10 月"),
    ("zh", "㐀龦龥", "㐀龦 龥"),  # only U+4E00 to U+9FA5 are split
    ("zh", "the 中", "the 中"),
]


@pytest.mark.parametrize(("text", "expected"), SQUAD)
def test_squad_normalisation(text: str, expected: str) -> None:
    assert normalise_squad(text) == expected


@pytest.mark.parametrize(("language", "text", "expected"), MLQA)
def test_mlqa_normalisation(language: str, text: str, expected: str) -> None:
    assert normalise_mlqa(text, language) == expected


def test_every_language_of_mlqa_is_covered() -> None:
    assert set(MLQA_LANGUAGES) == {language for language, *_ in MLQA} == set("en es de vi hi zh ar".split())


def test_articles_one_by_one() -> None:
    articles = {
        "en": "a an the", "es": "un una unos unas el la los las", "vi": "của là cái chiếc những",
        "de": "ein eine einen einem eines einer der die das den dem des",
    }  # fmt: skip
    for language, words in articles.items():
        for word in words.split():
            assert normalise_mlqa(f"{word.capitalize()} x {word}y", language) == f"x {word}y"


@pytest.mark.parametrize("language", ["th", "fr", "EN", ""])
def test_other_languages_are_refused(language: str) -> None:
    with pytest.raises(UserError, match=f"language '{language}': MLQA's scorer has rules for ar, de, en, es, hi, vi"):
        em_f1("x", ["x"], "mlqa", language)


def test_other_metrics_are_refused() -> None:
    with pytest.raises(ValueError, match="expected squad or mlqa"):
        em_f1("x", ["x"], "bleu")


def test_maximum_over_gold_answers_each_for_itself() -> None:
    assert em_f1("Paris, France", ["Paris", "the Paris France"]) == (1.0, 1.0)
    assert em_f1("in Paris France", ["Paris", "France of Paris"]) == (0.0, pytest.approx(2 / 3))
    assert em_f1("x", []) == (0.0, 0.0)


def test_repeated_tokens_count_as_often_as_both_have_them() -> None:
    assert token_f1("to be to be", "to be or") == pytest.approx(2 * 2 / 7)
    assert token_f1("a b", "c d") == 0.0


def test_empty_prediction_against_an_article() -> None:
    """Both normalise to nothing: exact match 1, but no token is shared, so F1 is 0."""
    assert em_f1("", ["the"]) == (1.0, 0.0)
    assert em_f1("", ["cat"]) == (0.0, 0.0)
    assert em_f1("A", ["The"], "mlqa", "en") == (1.0, 0.0)


def test_languages_without_spaces() -> None:
    """SQuAD's F1 is all or nothing in Chinese and Thai; MLQA's compares Chinese characters."""
    assert em_f1("北京大", ["北京大学"]) == (0.0, 0.0)
    assert em_f1("กรุงเทพ", ["กรุงเทพมหานคร"]) == (0.0, 0.0)
    assert em_f1("北京大", ["北京大学"], "mlqa", "zh") == (0.0, pytest.approx(6 / 7))
    assert em_f1("北京大学。", ["北京大学"]) == (0.0, 0.0)
    assert em_f1("北京大学。", ["北京大学"], "mlqa", "zh") == (1.0, 1.0)
    assert em_f1("كتاب", ["الكتاب"]) == (0.0, 0.0)
    assert em_f1("كتاب", ["الكتاب"], "mlqa", "ar") == (1.0, 1.0)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=3), st.sampled_from(["squad", *MLQA_LANGUAGES]))
def test_properties(prediction: str, golds: list[str], rule: str) -> None:
    """Scores lie in 0..1 and grow with more gold answers; gold itself matches; no punctuation survives."""
    metric, language = ("squad", "en") if rule == "squad" else ("mlqa", rule)
    em, f1 = em_f1(prediction, golds, metric, language)
    assert em in (0.0, 1.0) and 0.0 <= f1 <= 1.0
    more = em_f1(prediction, [*golds, prediction], metric, language)
    assert more[0] == 1.0 and more[1] >= f1
    clean = normalise_squad(prediction) if metric == "squad" else normalise_mlqa(prediction, language)
    assert more[1] == (1.0 if clean else 0.0)
    assert not set(clean) & set(string.punctuation)
    if metric == "mlqa":
        assert not any(unicodedata.category(char).startswith("P") for char in clean)
    assert token_f1(clean, prediction) == token_f1(prediction, clean)
