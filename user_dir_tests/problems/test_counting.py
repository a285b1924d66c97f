"""Validation logs the figures of xl-evaluate: the same counters by the same metric."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fairseq.logging import metrics

from xl_plugins.evaluation.report.result import Result
from xl_plugins.functional.scores.metrics import METRICS, macro_mean
from xl_plugins.problems import PROBLEMS
from xl_plugins.problems.base import Problem

TRAINED = [(name, score) for name, facts in PROBLEMS.items() if facts.metric for score in facts.scores]
LOGGED = {
    "sentence_pair": {"acc": "accuracy"},
    "text": {"acc": "accuracy"},
    "tagging": {"f1": "f1", "acc": "accuracy"},
    "qa": {"avg": "avg", "em": "em", "f1": "f1"},
}
SUMS = {
    "accuracy": [(3, 7), (0, 5), (2, 2)],
    "span_f1": [(7, 6, 4, 83, 90), (0, 0, 0, 11, 13), (5, 0, 0, 1, 9)],
    "qa": [(3, 10 / 3, 7), (0, 0.7, 3), (49, 49.0, 49)],
}
LANGUAGES = ["en", "de", "sw"]


def problem_of(name: str) -> Problem:
    """Counting needs neither data nor configuration."""
    cls = PROBLEMS[name].load("problem")
    return cls.__new__(cls)


def logged(problem: Problem, sums: dict[str, tuple[float, ...]]) -> dict[str, float]:
    names = problem.counter_names
    outputs = {f"_{name}_{lang}": value for lang in sums for name, value in zip(names, sums[lang])}
    with metrics.aggregate(new_root=True) as meters:
        problem.reduce_metrics([outputs], list(sums), ["de", "sw"])
    return dict(meters.get_smoothed_values())


@pytest.mark.parametrize(("name", "score"), TRAINED)
def test_the_scores_of_validation_are_those_of_test_sets(name: str, score: str) -> None:
    """To the last bit, whichever of the problem's metrics a test set has; it may count more than validation does."""
    problem, metric = problem_of(name), METRICS[score]
    sums = dict(zip(LANGUAGES, SUMS[PROBLEMS[name].scores[0]]))
    assert metric.fields[: len(problem.counter_names)] == problem.counter_names
    more = (0,) * (len(metric.fields) - len(problem.counter_names))
    result = Result("a", name, "valid", "en", {lang: (*sums[lang], *more) for lang in sums}, metric=metric)
    expected = {}
    for shown, figure in LOGGED[name].items():
        values = result.figures(figure)
        expected |= {f"{shown}_{lang}": values[lang] for lang in LANGUAGES} | {shown: macro_mean(values)}
    selected = [expected[f"{PROBLEMS[name].metric}_{lang}"] for lang in ("de", "sw")]
    expected[problem.select_metric] = sum(selected) / 2
    assert logged(problem, sums) == expected


def test_worked_scores() -> None:
    assert problem_of("tagging").scores(dict(zip(METRICS["span_f1"].fields, (7, 6, 4, 83, 90)))) == {
        "f1": pytest.approx(800 / 13), "acc": pytest.approx(8300 / 90),
    }  # fmt: skip
    assert problem_of("qa").scores({"exact": 1, "f1_sum": 2.5, "questions": 4}) == {"avg": 43.75, "em": 25, "f1": 62.5}


@pytest.mark.parametrize("name", LOGGED)
def test_a_language_without_examples_has_no_score(name: str) -> None:
    """It is left out of the mean, where a score of 0 is not."""
    problem = problem_of(name)
    sums = dict(zip(LANGUAGES, SUMS[PROBLEMS[name].scores[0]]))
    values = logged(problem, sums | {"sw": (0,) * len(problem.counter_names)})
    for score in LOGGED[name]:
        assert math.isnan(values[f"{score}_sw"])
        assert values[score] == (values[f"{score}_en"] + values[f"{score}_de"]) / 2
    assert math.isnan(logged(problem, {"en": (0,) * len(problem.counter_names)})[problem.metric])


@pytest.mark.parametrize("name", LOGGED)
def test_training_accuracy_is_the_metric_too(name: str) -> None:
    with metrics.aggregate(new_root=True) as meters:
        problem_of(name).reduce_metrics([{"_correct": 3, "_count": 4}, {"_correct": 2, "_count": 3}], ["en"], ["en"])
    assert dict(meters.get_smoothed_values()) == {"acc": float(METRICS["accuracy"].score((5, 7)))}


def test_logged_digits_of_answers_are_as_before() -> None:
    """The mean of EM and F1 was taken of the two percentages: another last bit, the same printed digits."""
    draw, problem = np.random.default_rng(1), problem_of("qa")
    for _ in range(3000):
        count = int(draw.integers(1, 12000))
        exact = int(draw.integers(0, count + 1))
        f1 = exact + float(draw.random(min(50, count - exact)).sum())
        found = problem.scores({"exact": exact, "f1_sum": f1, "questions": count})
        em, old = 100.0 * exact / count, 100.0 * f1 / count
        assert (found["em"], found["f1"]) == (em, old)
        assert f"{found['avg']:g}" == f"{(em + old) / 2:g}"
        assert abs(found["avg"] - (em + old) / 2) <= 2 * math.ulp(100.0)
