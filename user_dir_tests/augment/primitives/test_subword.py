"""Subword sampling: its law against enumeration and against SentencePiece's own sampler, its invariants, its errors."""

from __future__ import annotations

import math
import random
from collections import Counter
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from user_dir_tests.helpers.toys.toy_pieces import TOY, make_pieces, random_words, shares, spellings, train_pieces
from xl_plugins.augment.primitives import subword
from xl_plugins.augment.primitives.base import Word, generator
from xl_plugins.augment.primitives.subword import SubwordSampling
from xl_plugins.augment.primitives.words import WordPieces
from xl_plugins.errors import UserError


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> WordPieces:
    return make_pieces(tmp_path_factory.mktemp("toy"), TOY)


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> WordPieces:
    return train_pieces(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def always(pieces: WordPieces) -> SubwordSampling:
    return SubwordSampling(pieces, 1.0)


def segmentations(text: str, scores: dict[str, float]) -> dict[tuple[str, ...], float]:
    """All segmentations of a text and the sums of their scores."""
    if not text:
        return {(): 0.0}
    found = {}
    for end in range(1, len(text) + 1):
        if text[:end] in scores:
            for rest, score in segmentations(text[end:], scores).items():
                found[(text[:end], *rest)] = scores[text[:end]] + score
    return found


def law(text: str, scores: dict[str, float], alpha: float) -> dict[tuple[str, ...], float]:
    weights = {pieces: math.exp(alpha * score) for pieces, score in segmentations(text, scores).items()}
    return {pieces: weight / sum(weights.values()) for pieces, weight in weights.items()}


def lattice_law(table: subword.Lattice, place: int | None = None) -> dict[Word, float]:
    """Probability of each walk through a lattice, read from its cumulative sums; places count from the end."""
    place = table.length if place is None else place
    if place == 0:
        return {(): 1.0}
    found: dict[Word, float] = {}
    below = 0.0
    for cumulative, piece, to in zip(table.cumulative, table.pieces, table.places):
        if 2 * place < cumulative <= 2 * place + 1.5:
            upto = min(1.0, cumulative - 2 * place)
            for rest, share in lattice_law(table, to).items():
                found[(piece, *rest)] = (upto - below) * share
            below = upto
    return found


def by_name(pieces: WordPieces, found: dict[Word, float]) -> dict[tuple[str, ...], float]:
    return {tuple(pieces.dictionary[piece] for piece in word): share for word, share in found.items()}


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0, 5.0])
@pytest.mark.parametrize("text", ["ab", "abc", "cabca", "b"])
def test_lattice_holds_the_exact_law(toy: WordPieces, text: str, alpha: float) -> None:
    sample = SubwordSampling(toy, 1.0, alpha)
    found = by_name(toy, lattice_law(sample._lattice(toy.encode(text))))
    expected = law("▁" + text, TOY, alpha)
    assert found.keys() == expected.keys()
    for pieces, share in expected.items():
        assert found[pieces] == pytest.approx(share, abs=1e-9)
    if alpha == 0:
        assert len(set(expected.values())) == 1


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_draws_follow_the_law(toy: WordPieces, alpha: float) -> None:
    sample, word = SubwordSampling(toy, 1.0, alpha), toy.encode("abc")
    found = by_name(toy, shares(lambda rng: sample([word], rng).words[0]))
    expected = law("▁abc", TOY, alpha)
    assert sum(20_000 * (found.get(k, 0) - p) ** 2 / p for k, p in expected.items()) < 29.6  # 9 or fewer degrees, .001


@pytest.mark.parametrize("nbest", [2, 3, 512])
def test_n_best_law_is_that_of_the_best(toy: WordPieces, nbest: int) -> None:
    sample, word = SubwordSampling(toy, 1.0, 0.3, nbest), toy.encode("abc")
    table = sample._table(word)
    best = sorted(segmentations("▁abc", TOY).items(), key=lambda item: -item[1])[:nbest]
    total = sum(math.exp(0.3 * score) for _, score in best)
    steps = [b - a for a, b in zip([0.0, *table.cumulative], table.cumulative)]
    found = by_name(toy, dict(zip(table.words, steps)))
    assert found == pytest.approx({pieces: math.exp(0.3 * score) / total for pieces, score in best})
    drawn = by_name(toy, shares(lambda rng: sample([word], rng).words[0]))
    assert drawn == pytest.approx(found, abs=0.02)


@pytest.mark.parametrize("nbest", [-1, 4])
@pytest.mark.parametrize("alpha", [0.1, 0.3, 1.0])
def test_same_law_as_sentencepiece(pieces: WordPieces, alpha: float, nbest: int) -> None:
    sample = SubwordSampling(pieces, 1.0, alpha, nbest)
    sentencepiece.set_random_generator_seed(7)
    number = 3000
    for text in ("a", "tor", "nest", "erinal", "soldatene"):
        word = pieces.encode(text)
        rng = random.Random(text)
        ours = Counter(sample([word], rng).words[0] for _ in range(number))
        theirs = Counter(
            tuple(pieces.table[i] for i in pieces.model.SampleEncodeAsIds(text, nbest, alpha)) for _ in range(number)
        )
        common = [key for key in ours | theirs if ours[key] + theirs[key] >= 10]
        rare = [sum(counts[key] for key in counts if key not in common) for counts in (ours, theirs)]
        pairs = [(ours[key], theirs[key]) for key in common] + [tuple(rare)]
        statistic = sum((a - b) ** 2 / (a + b) for a, b in pairs if a + b)
        degrees = len(pairs) - 1
        assert statistic < degrees + 4 * math.sqrt(2 * degrees) + 8, (text, statistic, degrees)


def test_segmentation_is_another_spelling_of_the_same_text(pieces, always) -> None:
    texts = random_words(1000, seed=2)
    words = [pieces.encode(text) for text in texts]
    out = always(words, generator(1, 1, 1, 0))
    assert [pieces.text(word) for word in out.words] == texts
    assert out.selected == [True] * len(words)
    assert sum(a != b for a, b in zip(out.words, words)) > 500


texts = st.lists(st.text("abdefgiklmnoprstuvz.αβγδеиав", min_size=1, max_size=12), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(texts, st.integers(0, 10**6), st.sets(st.integers(0, 11)), st.sampled_from([0.0, 0.3, 0.7, 1.0]))
def test_words_stay_aligned(pieces, words: list[str], seed: int, protected: set[int], ratio: float) -> None:
    sample = SubwordSampling(pieces, ratio)
    ids = [pieces.encode(word) for word in words]
    given_words = list(ids)
    out = sample(ids, random.Random(seed), protected)
    assert ids == given_words  # the input is not written to
    assert [pieces.join(word) for word in out.words] == [pieces.join(word) for word in ids]
    for index, (before, after, selected) in enumerate(zip(ids, out.words, out.selected)):
        if not selected or index in protected or pieces.dictionary.unk() in before:
            assert after == before and not selected
    if ratio == 0:
        assert out == (ids, [False] * len(ids))
    assert sample(ids, random.Random(seed), protected) == out


def test_share_of_selected_words_is_the_ratio(toy: WordPieces) -> None:
    sample = SubwordSampling(toy, 0.3)
    out = sample([toy.encode("ab")] * 20_000, random.Random(1))
    assert sum(out.selected) / 20_000 == pytest.approx(0.3, abs=0.015)
    assert any(chosen and word == toy.encode("ab") for word, chosen in zip(out.words, out.selected))


def test_words_with_unknown_characters_stay(toy: WordPieces) -> None:
    for nbest in (-1, 5):
        word = toy.encode("abxab")
        assert toy.dictionary.unk() in word
        assert SubwordSampling(toy, 1.0, nbest=nbest)([word], random.Random(1)) == ([word], [False])


def test_pieces_that_the_dictionary_lacks_are_not_drawn(tmp_path: Path) -> None:
    scores = {**spellings(), "▁ab": -1.0}
    pieces = make_pieces(tmp_path, {**scores, "bc": 0.0}, known=list(scores))  # less than 1 % are missing
    assert "1 of its" in (pieces.warning or "")
    for nbest in (-1, 20):
        sample = SubwordSampling(pieces, 1.0, 0.0, nbest)
        word = tuple(pieces.dictionary.index(piece) for piece in ("▁ab", "c"))
        drawn = by_name(pieces, shares(lambda rng: sample([word], rng).words[0], 2000))  # noqa: B023
        assert set(drawn) == {("▁", "a", "b", "c"), ("▁a", "b", "c"), ("▁ab", "c")}


@pytest.mark.parametrize("alpha", [0.0, 0.3, 50.0, 1e300])
def test_long_words_without_underflow(pieces, alpha: float) -> None:
    text = "".join(random_words(300, seed=3))[:900]
    word = pieces.encode(text)
    out = SubwordSampling(pieces, 1.0, alpha)([word], random.Random(2))
    assert pieces.text(out.words[0]) == text
    if alpha >= 50:
        best, score = word, subword._scores(pieces)
        assert sum(score[i] for i in out.words[0]) == pytest.approx(sum(score[i] for i in best), abs=0.5)


class Fixed(random.Random):
    """A generator at the edge of its range."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def random(self) -> float:
        return self.value


@pytest.mark.parametrize("value", [0.0, 2.0**-53, 1 - 2.0**-53])
def test_draws_at_the_edges_give_the_text(pieces, value: float) -> None:
    sample = SubwordSampling(pieces, 1.0)
    word = pieces.encode("badeniro" * 40)
    assert pieces.text(sample([word], Fixed(value)).words[0]) == "badeniro" * 40


def test_cache_is_bounded_and_does_not_change_draws(pieces, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [pieces.encode(text) for text in random_words(1500, seed=4)]
    expected = SubwordSampling(pieces, 0.5)(words, random.Random(3))
    monkeypatch.setattr(subword, "_CELLS", 2000)
    sample = SubwordSampling(pieces, 0.5)
    assert sample(words, random.Random(3)) == expected
    for cache in (sample._cache, sample._older):
        assert 0 < sum(20 + table.cells for table in cache.values() if table is not None) <= 2000 + 100


@pytest.mark.parametrize(
    "options, message",
    [
        ({"ratio": -0.1}, r"^--ss-ratio -0\.1"),
        ({"ratio": 1.5}, r"^--ss-ratio 1\.5"),
        ({"ratio": math.nan}, r"^--ss-ratio nan"),
        ({"alpha": -0.1}, r"^--ss-alpha -0\.1"),
        ({"alpha": math.inf}, r"^--ss-alpha inf"),
        ({"nbest": 0}, r"^--ss-nbest 0.*2 to 512"),
        ({"nbest": 1}, r"^--ss-nbest 1"),
        ({"nbest": 513}, r"^--ss-nbest 513"),
    ],
)
def test_options_out_of_range_are_refused(toy: WordPieces, options: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        SubwordSampling(toy, **{"ratio": 0.5, **options})


@pytest.mark.parametrize("kind", ["bpe", "char"])
def test_other_types_of_model_are_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UserError, match=rf"{kind}\.model: not a unigram model"):
        SubwordSampling(train_pieces(tmp_path, kind), 0.5)
