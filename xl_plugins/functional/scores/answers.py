"""Exact match and F1 of answers, as SQuAD v1.1 (XQuAD, TyDiQA-GoldP), SQuAD 2.0 and MLQA score them.

SQuAD's English normalisation serves every language there; MLQA (Lewis et al., ACL 2020, section 5) has rules per
language. Both lower-case, then remove punctuation, then articles, and compare tokens.
"""

from __future__ import annotations

import re
import string
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache

from ...errors import UserError

_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = {  # MLQA; Hindi and Chinese have none
    "en": "a an the",
    "es": "un una unos unas el la los las",
    "de": "ein eine einen einem eines einer der die das den dem des",
    "vi": "của là cái chiếc những",
    "hi": "",
    "zh": "",
}
_ARABIC_ARTICLE = "ال"  # removed inside words as well, as the published scores have it
_CHINESE = re.compile("([\u4e00-\u9fa5])")
MLQA_LANGUAGES = ("ar", *sorted(_ARTICLES))


def _whole_words(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words.split())})\b")


_ENGLISH = _whole_words(_ARTICLES["en"])
_PATTERNS = {language: _whole_words(words) for language, words in _ARTICLES.items() if words}


@cache
def _all_punctuation() -> dict[int, None]:
    """Table that deletes every Unicode punctuation character (categories P*) and ASCII's punctuation and symbols."""
    codes = (code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith("P"))
    return dict.fromkeys([*codes, *map(ord, string.punctuation)])


def normalise_squad(text: str) -> str:
    """Lower-cased text without ASCII punctuation and without a, an, the; tokens joined by one space."""
    return " ".join(_ENGLISH.sub(" ", text.lower().translate(_ASCII_PUNCTUATION)).split())


def normalise_mlqa(text: str, language: str) -> str:
    """Lower-cased text without punctuation and the language's articles; tokens joined by one space.

    A Chinese character (U+4E00 to U+9FA5) is a token of its own in Chinese. Raises UserError for a language without
    rules.
    """
    if language not in MLQA_LANGUAGES:
        raise UserError(
            f"language '{language}': MLQA's scorer has rules for {', '.join(MLQA_LANGUAGES)} only; leave the language"
            " out or score with SQuAD's rules"
        )
    text = text.lower().translate(_all_punctuation())
    if language == "ar":
        text = text.replace(_ARABIC_ARTICLE, " ")
    elif language == "zh":
        text = _CHINESE.sub(r" \1 ", text)
    elif language in _PATTERNS:
        text = _PATTERNS[language].sub(" ", text)
    return " ".join(text.split())


def normaliser(metric: str, language: str) -> Callable[[str], str]:
    """Normalisation of ``metric`` (squad or mlqa) for answers in ``language``."""
    if metric == "squad":
        return normalise_squad
    if metric == "mlqa":
        return lambda text: normalise_mlqa(text, language)
    raise ValueError(f"answer metric '{metric}': expected squad or mlqa")


def token_f1(prediction: str, gold: str) -> float:
    """F1 of the tokens (as a multiset) of two normalised answers, in 0..1; 0 when none is shared."""
    left, right = prediction.split(), gold.split()
    shared = sum((Counter(left) & Counter(right)).values())
    return 2.0 * shared / (len(left) + len(right)) if shared else 0.0


def squad2_em_f1(
    prediction: str, golds: Sequence[str], metric: str = "squad", language: str = "en"
) -> tuple[float, float]:
    """Exact match and F1 in 0..1 as SQuAD 2.0 scores them (Rajpurkar, Jia and Liang, ACL 2018).

    Gold answers that normalise to nothing do not count, and without any other the empty answer is the right one. Where
    one of two answers is empty, F1 is 1 if both are.
    """
    normalise = normaliser(metric, language)
    guess = normalise(prediction)
    known = [gold for gold in map(normalise, golds) if gold] or [""]
    overlap = [token_f1(guess, gold) if guess and gold else float(guess == gold) for gold in known]
    return float(guess in known), max(overlap)


def em_f1(prediction: str, golds: Sequence[str], metric: str = "squad", language: str = "en") -> tuple[float, float]:
    """Exact match and F1 in 0..1, each the maximum over the gold answers; zeros without gold answers.

    An empty prediction matches a gold answer that normalises to nothing ("the") exactly, and has F1 0 against it.
    """
    normalise = normaliser(metric, language)
    guess = normalise(prediction)
    pairs = [(float(guess == gold), token_f1(guess, gold)) for gold in map(normalise, golds)]
    return max((em for em, _ in pairs), default=0.0), max((f1 for _, f1 in pairs), default=0.0)
