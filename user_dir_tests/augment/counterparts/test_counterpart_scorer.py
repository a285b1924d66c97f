"""The best candidates of every position: a worked example, and the whole softmax of one sentence after the other."""

from __future__ import annotations

import math
from argparse import Namespace

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary
from torch import nn

from user_dir_tests.helpers.references.counterparts import Oracle
from user_dir_tests.helpers.toys.toy_counterparts import LANGUAGES, LISTS, World, make_texts, make_world
from user_dir_tests.helpers.toys.toy_pieces import make_dictionary
from xl_plugins.augment.counterparts.options import CounterpartOptions
from xl_plugins.augment.counterparts.scorer import CounterpartScorer
from xl_plugins.augment.primitives.piece_classes import PieceClasses
from xl_plugins.augment.primitives.vocabulary import LanguageVocabulary, build_vocabulary
from xl_plugins.augment.primitives.word_lists import WordList
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.data.binary.layout import load_with_mask
from xl_plugins.models.pretrained import load_language_model

PIECES = ["▁dog", "▁the", "▁hound", "▁chien", "▁le", "▁Dog", "s", "<mask>"]  # after <s> <pad> </s> <unk>
THE = [-9, -9, -9, -9, 1, 12, 0, -6, 2, -9, -9, -9]
DOG = [-9, -9, -9, -9, 12, 1, 6, 0, -6, 8, -9, -9]


def known(language: str, ids: list[int], dictionary: Dictionary) -> LanguageVocabulary:
    words = [dictionary[piece].removeprefix("▁") for piece in ids]
    source = WordList(f"{language}.txt", "0" * 64, words, {}, len(words))
    return LanguageVocabulary(language, np.array(ids, dtype=np.int64), words, len(ids), len(ids), source)


def table_model(rows: dict[int, list[float]]) -> Namespace:
    """A model whose logits at a token are the token's row, whatever stands around it."""
    table = torch.full((12, 12), -50.0)
    for token, logits in rows.items():
        table[token] = torch.tensor(logits, dtype=torch.float32)
    same = nn.Identity()
    head = Namespace(weight=torch.eye(12), bias=torch.zeros(12), dense=same, activation_fn=same, layer_norm=same)
    return Namespace(encoder=Namespace(lm_head=head, extract_features=lambda tokens: (table[tokens], {})))


@pytest.mark.parametrize(
    ("changed", "en", "fr"),
    [
        ({}, [(4, 1.670056e-5), (6, 2.428204e-3)], [(8, 4.539683e-5), (7, 6.018915e-6)]),
        # ``Dog`` is still the word itself when case does not matter
        ({"case": "any"}, [(4, 1.670056e-5), (6, 2.428204e-3)], [(8, 4.539683e-5), (7, 6.018915e-6)]),
        # of another source language the word itself stays a candidate, and so does ``Dog``
        ({"source": "xx"}, [(5, 0.9999317), (4, 0.9796071)], [(8, 4.539683e-5), (7, 6.018915e-6)]),
        ({"source": "xx", "case": "any", "exclude_identity": True}, [(4, 1.670056e-5), (9, 1.794213e-2)], None),
        ({"source": "xx", "exclude_identity": True}, [(4, 1.670056e-5), (6, 2.428204e-3)], None),
    ],
)
def test_worked_sentence(changed: dict, en: list[tuple[int, float]], fr: list[tuple[int, float]] | None) -> None:
    dictionary = make_dictionary(PIECES)
    assert [dictionary.index(piece) for piece in ("▁dog", "▁Dog", "<mask>")] == [4, 9, 11]
    vocabularies = [known("en", [4, 5, 6, 9], dictionary), known("fr", [7, 8], dictionary)]
    options = CounterpartOptions(**{"source": "en", "languages": ("en", "fr"), **changed})
    scorer = CounterpartScorer(table_model({5: THE, 4: DOG}), PieceClasses(dictionary), vocabularies, options)
    ids, scores = scorer.score(torch.tensor([[0, 5, 4, 2]]), torch.tensor([0, 0]), torch.tensor([1, 2]))
    assert ids.dtype == torch.int64 and scores.dtype == torch.float32 and ids.shape == scores.shape == (2, 2)
    for column, expected in enumerate([en, fr or [(8, 4.539683e-5), (7, 6.018915e-6)]]):
        assert ids[:, column].tolist() == [piece for piece, _ in expected]
        assert scores[:, column].exp().tolist() == pytest.approx([p for _, p in expected], rel=1e-5)


def test_overflowing_logits_are_no_small_probabilities() -> None:
    dictionary = make_dictionary(PIECES)
    model = table_model({5: THE, 4: [*DOG[:-1], math.inf]})
    options = CounterpartOptions(source="en", languages=("fr",))
    scorer = CounterpartScorer(model, PieceClasses(dictionary), [known("fr", [7, 8], dictionary)], options)
    _, scores = scorer.score(torch.tensor([[0, 5, 4, 2]]), torch.tensor([0, 0]), torch.tensor([1, 2]))
    assert torch.isnan(scores[:, 0]).tolist() == [False, True]


# -- against the oracle --


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


class Toy:
    """The toy model's scorer and everything it is made of."""

    def __init__(self, world: World, options: CounterpartOptions, **limits: int) -> None:
        self.dictionary = load_with_mask(world.pairs / "dict.txt")
        self.pieces = WordPieces(self.dictionary, str(world.spm.model))
        lists = {name: WordList(name, "", LISTS[name].split(), {}, 0) for name in LANGUAGES}
        self.vocabularies = [build_vocabulary(name, lists[name], self.pieces) for name in LANGUAGES]
        self.model = load_language_model(str(world.model), self.dictionary)
        self.scorer = CounterpartScorer(self.model, PieceClasses(self.dictionary), self.vocabularies, options, **limits)

    def encode(self, words: list[str]) -> list[int]:
        return [piece for word in words for piece in self.pieces.encode(word)][:22]

    def score(self, texts: list[list[int]], places: list[list[int]], width: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """One padded batch."""
        width = max(width, *(len(text) + 2 for text in texts))
        tokens = torch.tensor([[0, *text, 2] + [1] * (width - len(text) - 2) for text in texts])
        rows = torch.tensor([row for row, found in enumerate(places) for _ in found], dtype=torch.int64)
        columns = torch.tensor([place + 1 for found in places for place in found], dtype=torch.int64)
        ids, scores = self.scorer.score(tokens, rows, columns)
        return ids.numpy(), scores.numpy()


RULES = [
    {},
    {"positions": "all"},
    {"case": "any"},
    {"exclude_identity": True},
    {"case": "any", "exclude_identity": True, "positions": "all"},
    {"renormalize": True, "source_threshold": 0.3, "threshold": 0.3},
]


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: "-".join(rules) or "default")
def test_best_candidates_are_those_of_the_whole_softmax(world: World, rules: dict) -> None:
    toy = Toy(world, CounterpartOptions("en", **rules))
    taus = dict.fromkeys(LANGUAGES, 0.3) if "renormalize" in rules else {}
    shared = {name: value for name, value in rules.items() if "threshold" not in name}
    oracle = Oracle(world, thresholds=taus, **shared)
    assert {v.language: v.ids.tolist() for v in toy.vocabularies} == oracle.words
    texts = [toy.encode(words) for words in make_texts(25)]
    expected = {name: [oracle.find(name, text) for text in texts] for name in LANGUAGES}
    places = [[one.place for one in found] for found in expected["en"]]
    ids, scores = toy.score(texts, places)
    assert len(ids) > 100
    for column, name in enumerate(LANGUAGES):
        flat = [one for found in expected[name] for one in found]
        assert min(one.gap for one in flat) > 1e-4  # else rounding decides
        none = [one.best is None for one in flat]
        assert np.isneginf(scores[:, column]).tolist() == none and sum(none) < len(none) / 5
        there = ~np.array(none)
        assert ids[there, column].tolist() == [one.best for one in flat if one.best is not None]
        logs = [math.log(one.p) for one in flat if one.p is not None]
        np.testing.assert_allclose(scores[there, column], logs, atol=2e-5)
        assert min(logs) < (-0.6 if "renormalize" in rules else -15)  # a range worth a comparison


def test_chunks_of_positions_and_padding_change_nothing(world: World) -> None:
    toy = Toy(world, CounterpartOptions("en"))
    texts = [toy.encode(words) for words in make_texts(12, seed=5)]
    places = [list(range(len(text))) for text in texts]
    ids, scores = toy.score(texts, places)
    types = toy.model.encoder.lm_head.weight.size(0)
    for rows, chunk_bytes in ((1, 4 * types), (7, 1), (7, 4 * 7 * 11 + 3), (7, 4 * 7 * types), (10**6, 1 << 20)):
        small = Toy(world, CounterpartOptions("en"), rows=rows, chunk_bytes=chunk_bytes)
        again, close = small.score(texts, places)
        assert np.array_equal(again, ids)
        np.testing.assert_allclose(close, scores, atol=1e-5)
    alone = [
        toy.score([text], [found], width=len(text) + 2 + row % 4)
        for row, (text, found) in enumerate(zip(texts, places))
    ]
    assert np.array_equal(np.concatenate([part[0] for part in alone]), ids)
    np.testing.assert_allclose(np.concatenate([part[1] for part in alone]), scores, atol=1e-5)


def test_no_position(world: World) -> None:
    toy = Toy(world, CounterpartOptions("en"))
    ids, scores = toy.score([toy.encode(["dog"]), toy.encode(["4"])], [[], []])
    assert ids.shape == scores.shape == (0, 4) and ids.dtype == np.int64


def test_case_of_the_candidates(world: World) -> None:
    """Lower, title and other words get their like; scripts without case get anything; ``NATO`` is alone of its kind."""
    toy = Toy(world, CounterpartOptions("en"))
    text = toy.encode(["dog", "Dog", "NATO", "你", "I"])
    ids, scores = toy.score([text], [list(range(5))])
    names = [[toy.dictionary[piece] for piece in row] for row in ids.tolist()]
    assert all(name[1:] == name[1:].lower() for name in names[0])
    assert all(name[1:] == name[1:].title() for name in names[1] + names[4])
    assert np.isneginf(scores[2]).all()
    best = Toy(world, CounterpartOptions("en", case="any")).score([text], [[3]])
    assert np.array_equal(ids[3:4], best[0]) and np.isfinite(scores[3]).all()
    for name in (names[0][0], names[1][0]):
        assert name.casefold() != "▁dog"


def test_scores_do_not_depend_on_other_languages(world: World) -> None:
    toy = Toy(world, CounterpartOptions("en"))
    texts = [toy.encode(words) for words in make_texts(6, seed=7)]
    places = [list(range(len(text))) for text in texts]
    ids, scores = toy.score(texts, places)
    for column in range(4):
        toy.scorer = CounterpartScorer(
            toy.model, PieceClasses(toy.dictionary), [toy.vocabularies[column]], CounterpartOptions("en")
        )
        alone = toy.score(texts, places)
        assert np.array_equal(alone[0][:, 0], ids[:, column]) and np.array_equal(alone[1][:, 0], scores[:, column])


def test_words_with_more_and_with_fewer_spellings() -> None:
    """Only a word's own are removed."""
    dictionary = make_dictionary(["▁ab", "▁Ab", "▁AB", "▁cd", "▁Cd", "▁ef", "ab", "<mask>"])
    vocabulary = known("en", [4, 5, 6, 7, 9], dictionary)  # ``Cd`` is no word of it
    logits = [-9.0] * 4 + [5, 4, 3, 2, 1, 0, 6, -9]
    options = CounterpartOptions("en", ("en",), case="any")
    model = table_model(dict.fromkeys(range(4, 11), logits))
    scorer = CounterpartScorer(model, PieceClasses(dictionary), [vocabulary], options)
    text = [4, 5, 6, 7, 8, 9, 10]
    ids, _ = scorer.score(torch.tensor([[0, *text, 2]]), torch.zeros(7, dtype=torch.int64), torch.arange(1, 8))
    assert ids[:, 0].tolist() == [7, 7, 7, 4, 4, 4, 4]  # the last, without a mark, is another piece than its word


def test_words_without_case_may_stand_for_any() -> None:
    """``你`` is a candidate for words of every case, and less probable than words of their own."""
    dictionary = make_dictionary(["▁dog", "▁Dog", "▁DOG", "▁chien", "▁Chien", "▁你", "▁4x", "<mask>"])
    logits = [-9.0] * 4 + [9, 9, 9, 2, 3, 1, 0, -9]
    model = table_model(dict.fromkeys(range(4, 11), logits))
    scorer = CounterpartScorer(
        model, PieceClasses(dictionary), [known("fr", [7, 8, 9], dictionary)], CounterpartOptions("en", ("fr",))
    )
    ids, _ = scorer.score(torch.tensor([[0, 4, 5, 6, 9, 2]]), torch.zeros(4, dtype=torch.int64), torch.arange(1, 5))
    assert ids[:, 0].tolist() == [7, 8, 9, 8]
