"""Eligible positions and the best candidates: worked numbers, and loops over Python numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from xl_plugins.functional.substitution import NOTHING, best_candidates, blockwise_logits, eligible_positions, passes

LOGITS = torch.tensor([9, 1, -4, -7.5, 2, -9, -6, 0.5])
SHARES = [0.9985486, 3.349757e-4, 2.257049e-6, 6.815696e-8, 9.105584e-4, 1.520787e-8, 3.054583e-7, 2.031731e-4]
EN, FR, DE = [0, 1, 4], [2, 3], [5, 6]
SOURCE, OTHER = 1e-3, 1e-7  # thresholds


def best(vocabulary: list[int], removed: list[int], whole: bool = True) -> tuple[int, float, Tensor]:
    """Id, probability and log-probability of one position."""
    columns = [vocabulary.index(v) for v in removed] or [len(vocabulary)]
    normaliser = torch.logsumexp(LOGITS, 0)[None] if whole else None
    column, score = best_candidates(LOGITS[vocabulary][None], normaliser, banned=torch.tensor([columns]))
    return vocabulary[int(column)], math.exp(score.item()), score


def test_worked_probabilities() -> None:
    assert torch.logsumexp(LOGITS, 0).item() == pytest.approx(9.0014524, rel=1e-7)
    for number, share in enumerate(SHARES):
        assert best([number], [])[:2] == (number, pytest.approx(share, rel=1e-5))


@pytest.mark.parametrize(
    ("vocabulary", "removed", "threshold", "piece", "p", "passed"),
    [
        (EN, [0], SOURCE, 4, 9.105584e-4, False),
        (EN, [], SOURCE, 0, 0.9985486, True),  # what removing the word itself is for
        (FR, [], OTHER, 2, 2.257049e-6, True),
        (DE, [], OTHER, 6, 3.054583e-7, True),
        ([3], [], OTHER, 3, 6.815696e-8, False),
    ],
)
def test_worked_substitutes(
    vocabulary: list[int], removed: list[int], threshold: float, piece: int, p: float, passed: bool
) -> None:
    found, probability, score = best(vocabulary, removed)
    assert (found, probability) == (piece, pytest.approx(p, rel=1e-5))
    assert passes(score, threshold).tolist() == [passed]


@pytest.mark.parametrize(
    ("vocabulary", "removed", "piece", "p"),
    [(FR, [], 2, 0.970688), (DE, [], 6, 0.952574), (EN, [0], 4, 0.731059), ([3], [], 3, 1.0)],
)
def test_worked_renormalised_probabilities(vocabulary: list[int], removed: list[int], piece: int, p: float) -> None:
    assert best(vocabulary, removed, whole=False)[:2] == (piece, pytest.approx(p, abs=5e-7))


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("width", [1, 7, 50, 51])
def test_blocks_of_logits(kind: torch.dtype, width: int) -> None:
    draw = torch.Generator().manual_seed(1)
    states, weight, bias = (torch.randn(*shape, generator=draw).to(kind) for shape in ((6, 8), (50, 8), (50,)))
    for columns in ([], [0], [49], [6, 7, 8, 13, 14, 48], range(50)):
        kept, normaliser = blockwise_logits(states, weight, bias, torch.tensor([*columns], dtype=torch.int64), width)
        assert kept.dtype == normaliser.dtype == torch.float32 and kept.shape == (6, len(columns))
        exact = states.double() @ weight.double().T + bias.double()
        tolerance = 1e-5 if kind == torch.float32 else 0.05
        torch.testing.assert_close(kept.double(), exact[:, [*columns]], rtol=0, atol=tolerance)
        torch.testing.assert_close(normaliser.double(), exact.logsumexp(1), rtol=0, atol=tolerance)


def test_blocks_of_logits_overflow() -> None:
    """Minus infinity throughout a block is no obstacle, infinity stays infinite."""
    bias = torch.tensor([-math.inf, -math.inf, 1.0, 2.0])
    nothing = torch.zeros(1, 3), torch.zeros(4, 3)
    columns = torch.tensor([1, 3])
    kept, normaliser = blockwise_logits(*nothing, bias, columns, 2)
    assert kept.tolist() == [[-math.inf, 2.0]] and normaliser.item() == pytest.approx(math.log(math.e + math.e**2))
    assert blockwise_logits(*nothing, -bias, columns, 2)[1].tolist() == [math.inf]


def test_no_candidate() -> None:
    """An empty vocabulary, all banned, all penalised: -inf, which passes no threshold, with and without normaliser."""
    normaliser = torch.tensor([3.0, 4.0])
    for share in (normaliser, None):
        empty = best_candidates(torch.zeros(2, 0), share, banned=torch.zeros(2, 1, dtype=torch.int64))
        banned = best_candidates(torch.ones(2, 2), share, banned=torch.tensor([[0, 1], [1, 0]]))
        cased = best_candidates(torch.ones(2, 2), share, penalty=torch.full((2, 2), NOTHING))
        for column, score in (empty, banned, cased):
            assert column.shape == (2,) and score.tolist() == [NOTHING] * 2
            assert passes(score, 0.0).tolist() == [False] * 2
    assert best_candidates(torch.zeros(0, 3), torch.zeros(0))[1].shape == (0,)


def test_ties_go_to_the_first_column() -> None:
    logits = torch.tensor([[1.0, 2.0, 2.0, 2.0], [2.0, 2.0, 0.0, 2.0]])
    assert best_candidates(logits, torch.zeros(2))[0].tolist() == [1, 0]
    assert best_candidates(logits, torch.zeros(2), banned=torch.tensor([[1], [0]]))[0].tolist() == [2, 1]


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_scored_in_float32(kind: torch.dtype) -> None:
    """1e-7 is at the bottom of float16's range; float16 log-probabilities near -16 are 1/64 apart."""
    logits = torch.tensor([[-8.0, -9.0]]).to(kind)
    column, score = best_candidates(logits, torch.tensor([8.1180957]))
    assert column.item() == 0 and score.dtype == torch.float32
    assert score.item() == pytest.approx(-16.1180957, abs=2e-6)
    assert passes(score, 0.99e-7).item() and not passes(score, 1.01e-7).item()


@pytest.mark.parametrize(("threshold", "passed"), [(0.0, [True, True, False]), (1.0, [False] * 3)])
def test_thresholds_at_the_ends(threshold: float, passed: list[bool]) -> None:
    """p > 0 is every candidate, p > 1 none, not even one that is certain."""
    assert passes(torch.tensor([0.0, -200.0, NOTHING]), threshold).tolist() == passed


def test_a_threshold_itself_does_not_pass() -> None:
    score = torch.tensor(0.25, dtype=torch.float64).log()
    assert not passes(score, 0.25) and passes(score, math.nextafter(0.25, 0) - 1e-12)


NUMBERS = st.floats(-12, 12, width=32)


@st.composite
def positions(draw: st.DrawFn) -> tuple[list[list[float]], list[list[bool]], list[list[int]]]:
    """Logits of some positions over a vocabulary, entries with a penalty, and banned columns (K for none)."""
    rows, size = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    logits = draw(st.lists(st.lists(NUMBERS, min_size=size, max_size=size), min_size=rows, max_size=rows))
    wrong = draw(st.lists(st.lists(st.booleans(), min_size=size, max_size=size), min_size=rows, max_size=rows))
    banned = draw(st.lists(st.lists(st.integers(0, size), min_size=2, max_size=2), min_size=rows, max_size=rows))
    return logits, wrong, banned


@settings(max_examples=150, deadline=None)
@given(positions(), st.booleans(), st.lists(NUMBERS, min_size=4, max_size=4))
def test_best_candidates_equal_a_loop(given_: tuple, renormalize: bool, others: list[float]) -> None:
    logits, wrong, banned = given_
    normaliser = [math.log(sum(map(math.exp, [*row, other]))) for row, other in zip(logits, others)]
    columns, scores = best_candidates(
        torch.tensor(logits), None if renormalize else torch.tensor(normaliser),
        torch.where(torch.tensor(wrong), NOTHING, 0.0), torch.tensor(banned),
    )  # fmt: skip
    for row, values in enumerate(logits):
        left = [k for k in range(len(values)) if not wrong[row][k] and k not in banned[row]]
        if not left:
            assert scores[row] == NOTHING
            continue
        expected = max(left, key=lambda k: (values[k], -k))
        mass = math.log(sum(math.exp(values[k]) for k in left)) if renormalize else normaliser[row]
        assert columns[row] == expected
        assert scores[row].item() == pytest.approx(values[expected] - mass, abs=1e-5)
        assert scores[row] <= 1e-6


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-40, 0), min_size=1, max_size=8), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_passes_fewer(scores: list[float], one: float, other: float) -> None:
    low, high = (passes(torch.tensor(scores, dtype=torch.float64), tau) for tau in sorted((one, other)))
    assert not (high & ~low).any()
    expected = [math.exp(score) > one for score in scores if abs(score - math.log(one or 1e-300)) > 1e-9]
    found = passes(torch.tensor(scores, dtype=torch.float64), one).tolist()
    assert [x for x, score in zip(found, scores) if abs(score - math.log(one or 1e-300)) > 1e-9] == expected


# -- eligible positions --


def eligible(text: str, whole_word: bool = True) -> list[int]:
    """Classes of pieces separated by blanks; ``<s>`` and ``</s>`` are special."""
    pieces = text.split()
    special = np.array([piece in ("<s>", "</s>") for piece in pieces], dtype=bool)
    starts = np.array([piece.startswith("▁") for piece in pieces], dtype=bool)
    letter, alnum = (np.array([any(map(x, piece)) for piece in pieces], dtype=bool) for x in (str.isalpha, str.isalnum))
    return eligible_positions(starts, letter, alnum, special, whole_word).astype(int).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<s> ▁The ▁dog ▁didn ' t ▁bark . </s>", [0, 1, 1, 0, 0, 0, 1, 0, 0]),
        ("<s> ▁un believ able ▁story ! ? </s>", [0, 0, 0, 0, 1, 0, 0, 0]),
        ('<s> ▁( big ) ▁" ▁3 ▁dogs , ▁ 你 ▁A4 </s>', [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0]),
        ("<s> ▁dog 2 ▁dog . 2 ▁dog .", [0, 0, 0, 0, 0, 0, 1, 0]),  # a digit behind counts
        ("dog ▁dog", [0, 1]),  # a text that does not begin with a mark
        ("▁dog </s> s ▁dog </s> . ▁dog", [1, 0, 0, 1, 0, 0, 1]),  # words end with their text
        ("▁", [0]),
        ("", []),
    ],
)
def test_worked_positions(text: str, expected: list[int]) -> None:
    assert eligible(text) == expected


def test_all_positions_are_those_with_letters() -> None:
    assert eligible("<s> ▁un believ able ▁3 ! ▁ 你 ▁A4 </s>", whole_word=False) == [0, 1, 1, 1, 0, 0, 0, 1, 1, 0]


def slow_eligible(pieces: list[str]) -> list[int]:
    """Word by word: split, drop what is neither letter nor digit behind, look at what is left."""
    found, word = [0] * len(pieces), []
    for place, piece in enumerate([*pieces, "</s>"]):
        if piece == "</s>" or piece.startswith("▁"):
            while word and not any(map(str.isalnum, pieces[word[-1]])):
                word.pop()
            if len(word) == 1 and pieces[word[0]].startswith("▁") and any(map(str.isalpha, pieces[word[0]])):
                found[word[0]] = 1
            word = []
        if piece != "</s>":
            word.append(place)
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["▁dog", "▁", "▁3", "▁A4", "▁(", "s", "3", ".", "你", "▁你", "</s>"]), max_size=14))
def test_positions_equal_a_loop(pieces: list[str]) -> None:
    assert eligible(" ".join(pieces)) == slow_eligible(pieces)
    every = [int(piece != "</s>" and any(map(str.isalpha, piece))) for piece in pieces]
    assert eligible(" ".join(pieces), whole_word=False) == every
    assert all(one <= other for one, other in zip(slow_eligible(pieces), every))
