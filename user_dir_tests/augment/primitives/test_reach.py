"""The bound on the pieces that augmentations of words bring in holds for every draw, and is no wider than it must."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from user_dir_tests.helpers.toys.toy_pieces import make_pieces, random_words, spellings, train_pieces
from xl_plugins.augment.primitives.code_switch import CodeSwitch
from xl_plugins.augment.primitives.reach import Spellings, needs_words, reachable
from xl_plugins.augment.primitives.subword import SubwordSampling
from xl_plugins.augment.primitives.words import WordPieces


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> WordPieces:
    return train_pieces(tmp_path_factory.mktemp("reach"))


def drawn(augmentation, words: list, draws: int = 30) -> set[int]:
    """Pieces seen in many views of these words."""
    rng = random.Random(3)
    return {piece for _ in range(draws) for word in augmentation(words, rng).words for piece in word}


def test_bound_is_close() -> None:
    made = make_pieces_of("abcdef", "xabcd", "bcde", "abce", "abc", "abx", "fabcd", "▁ab", "b")
    spelt = Spellings()
    spelt.add("▁abcdef")
    found = {made.symbols[number] for number in spelt.pieces(made)}
    assert found == {"abcdef", "bcde", "abc", "▁ab", "b"}
    assert {made.symbols[number] for number in spelt.pieces(made, begin_words=True)} == found


def make_pieces_of(*symbols: str):
    from user_dir_tests.helpers.toys.toy_pieces import make_dictionary

    return make_dictionary(symbols)


@pytest.mark.parametrize("nbest", [-1, 8])
def test_sampling(trained: WordPieces, nbest: int) -> None:
    sampling = SubwordSampling(trained, 1.0, 0.0, nbest)
    words = [trained.encode(word) for word in random_words(12, seed=4)]
    bound = reachable([sampling], [list(word) for word in words])
    assert needs_words([sampling])
    seen = drawn(sampling, words, 300)
    assert seen <= bound and len(bound) < len(trained.dictionary) / 2
    if nbest < 0:
        usable = {piece for piece in bound if sampling._scores[piece] > float("-inf")}
        assert len(seen) > 0.9 * len(usable)


@pytest.mark.parametrize("lower", [False, True])
def test_switched_then_sampled(trained: WordPieces, lower: bool) -> None:
    """As with --r1-view-source first: the second view is made of the first one."""
    tables = {"de": {"ab": ["nort seed", "ode"]}, "fr": {"cab": "deal"}}
    switch, sampling = CodeSwitch(trained, tables, 1.0, lower=lower), SubwordSampling(trained, 1.0, 0.0)
    words = [trained.encode(word) for word in ("ab", "cab", "blonde", "Ab", "İb")]
    bound = reachable([switch, sampling], [list(word) for word in words])
    rng, seen = random.Random(5), set()
    for _ in range(500):
        first = switch(words, rng).words
        seen |= {piece for word in [*first, *sampling(first, rng).words] for piece in word}
    assert seen <= bound | {trained.dictionary.unk()}
    assert bound != set(range(len(trained.dictionary)))


def test_switching_alone(tmp_path: Path) -> None:
    """Needs the dictionaries alone; in lower case the words too."""
    pieces = make_pieces(tmp_path, spellings())
    switch = CodeSwitch(pieces, {"de": {"dog": "Hund"}, "fr": {"dog": "chien", "cat": ["chat", "minou"]}}, 0.5)
    assert not needs_words([switch])
    spelt = {pieces.dictionary.symbols[piece] for piece in reachable([switch], [])}
    assert spelt == {"▁H", "▁c", "▁m", *"undhienatmou"} - {"m"}
    lower = CodeSwitch(pieces, {"de": {"dog": "Hund"}}, 0.5, lower=True)
    assert needs_words([lower])
    words = [pieces.encode("NATO")]
    assert drawn(lower, words) <= reachable([lower], [list(word) for word in words])
