"""Word noise: its rate, its kinds, its limits."""

from random import Random

import pytest

from xl_plugins.mini.grammar import Token, grammar
from xl_plugins.mini.meaning import draw_clause
from xl_plugins.mini.noise import corrupt, pools

# distinct made-up words: what happened to each can be read off the result
SENTENCE = tuple(Token(f"w{index}", "NOUN") for index in range(1000))


def test_rate_zero_changes_nothing_and_draws_nothing() -> None:
    rng = Random(1)
    before = rng.getstate()
    assert corrupt(SENTENCE, "en", 0.0, rng) == SENTENCE
    assert rng.getstate() == before


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.3])
def test_rate_is_the_share_of_words_hit(rate: float) -> None:
    rng, words = Random(7), {token.form for token in SENTENCE}
    dropped = replaced = moved = 0
    for _ in range(40):
        forms = [token.form for token in corrupt(SENTENCE, "en", rate, rng)]
        kept = [int(form[1:]) for form in forms if form in words]
        replaced += len(forms) - len(kept)
        dropped += len(SENTENCE) - len(forms)
        moved += sum(kept[i] > kept[i + 1] for i in range(len(kept) - 1))
    total = 40 * len(SENTENCE)
    # a word cannot move behind one that itself moves, or that is dropped: a little below a third of the hits
    assert dropped / total == pytest.approx(rate / 3, rel=0.12)
    assert replaced / total == pytest.approx(rate / 3, rel=0.12)
    assert 0.6 * rate / 3 < moved / total < 1.05 * rate / 3
    assert 0.85 * rate < (dropped + replaced + moved) / total < 1.05 * rate


def test_replacements_are_words_of_the_same_class() -> None:
    rng = Random(3)
    for _ in range(200):
        tokens = grammar("sw").say(draw_clause(rng))
        for token in corrupt(tokens, "sw", 0.5, rng):
            assert token in tokens or token.form in pools("sw")[token.pos]


def test_a_word_always_stays() -> None:
    rng = Random(0)
    short = SENTENCE[:2]
    assert all(len(corrupt(short, "en", 1.0, rng)) >= 1 for _ in range(300))
