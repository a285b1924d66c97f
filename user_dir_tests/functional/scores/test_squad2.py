"""SQuAD 2.0's official scores, by hand and against a second writing of its definition; the score of no answer."""

from __future__ import annotations

import collections
import re
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xl_plugins.functional.scores.answer_span import split_null
from xl_plugins.functional.scores.answers import squad2_em_f1
from xl_plugins.functional.scores.counters import squad2_counters
from xl_plugins.functional.scores.metrics import METRICS

METRIC = METRICS["squad2"]


def tokens(text: str) -> list[str]:
    kept = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", kept).split()


def reference(golds: list[list[str]], found: list[str]) -> dict[str, float]:
    """The figures of the official definition, question by question."""
    exact, f1 = [], []
    for answers, guess in zip(golds, found):
        known = [answer for answer in answers if tokens(answer)] or [""]
        exact.append(max(int(tokens(guess) == tokens(answer)) for answer in known))
        best = 0.0
        for answer in known:
            left, right = tokens(answer), tokens(guess)
            if not left or not right:
                best = max(best, float(left == right))
                continue
            same = sum((collections.Counter(left) & collections.Counter(right)).values())
            if same:
                precision, recall = same / len(right), same / len(left)
                best = max(best, 2 * precision * recall / (precision + recall))
        f1.append(best)
    made = {}
    every = list(range(len(golds)))
    has = [row for row in every if golds[row]]
    for name, rows in (("", every), ("has_", has), ("no_", [row for row in every if not golds[row]])):
        for figure, values in (("em", exact), ("f1", f1)):
            made[name + figure] = 100 * sum(values[row] for row in rows) / len(rows) if rows else float("nan")
    return made


def figures(golds: list[list[str]], found: list[str]) -> dict[str, float]:
    totals = squad2_counters(golds, found, "squad", "en").sum(axis=0)
    return {figure.name: float(METRIC.score(totals, figure.name)) for figure in METRIC.figures}


def test_worked_by_hand() -> None:
    golds = [["Bern"], ["in Oslo", "Oslo"], [], [], ["the"]]
    found = figures(golds, ["Bern", "near Oslo", "", "Rome", ""])
    # exact: 1 0 1 0 1; F1: 1 2/3 1 0 1; the first, second and fifth question have an answer
    assert found == pytest.approx(
        {"avg": 100 * (3 / 5 + 11 / 15) / 2, "em": 60, "f1": 100 * 11 / 15, "has_em": 100 * 2 / 3,
         "has_f1": 100 * 8 / 9, "no_em": 50, "no_f1": 50}
    )  # fmt: skip
    assert squad2_em_f1("", ["Bern"]) == (0, 0)
    assert squad2_em_f1("The", []) == (1, 1)  # normalises to nothing


TEXTS = st.text(alphabet="ab .", max_size=5) | st.sampled_from(["the", "a b", "an b", ""])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.lists(TEXTS, max_size=3), TEXTS), min_size=1, max_size=6))
def test_equals_the_definition_written_again(rows: list[tuple[list[str], str]]) -> None:
    golds, found = [gold for gold, _ in rows], [guess for _, guess in rows]
    made = figures(golds, found)
    assert made.pop("avg") == pytest.approx((made["em"] + made["f1"]) / 2)
    assert made == pytest.approx(reference(golds, found), nan_ok=True)


def test_a_missing_answer_scores_nothing() -> None:
    assert squad2_counters([[], ["x"]], [None, None], "squad", "en").tolist() == [
        [0, 0, 1, 0, 0, 0, 0, 0, 1],
        [0, 0, 1, 0, 0, 1, 0, 0, 0],
    ]


def test_the_least_score_of_no_answer_counts() -> None:
    probabilities = [(0.5, 0.4), (0.1, 0.1), (0.1, 0.2), (0.2, 0.1), (0.1, 0.2), (0.9, 0.8), (0.1, 0.2)]
    context, null = split_null(np.array(probabilities), np.array([2, 1, 1]), np.array([2, 1]))
    assert context.tolist() == [[0.1, 0.1], [0.1, 0.2], [0.1, 0.2], [0.1, 0.2]]
    assert np.exp(null) == pytest.approx([0.2 * 0.1, 0.9 * 0.8])
