"""Paired bootstrap: known p-values, invariances, and what cannot be compared."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xl_plugins.errors import UserError
from xl_plugins.evaluation.report.compare import System
from xl_plugins.evaluation.report.result import Result
from xl_plugins.evaluation.report.significance import compare_systems, paired_bootstrap
from xl_plugins.evaluation.report.table import compare_table, p_value
from xl_plugins.functional.scores import bootstrap
from xl_plugins.functional.scores.bootstrap import resampled_totals, two_sided_p

N = 1000


def result(name: str, task: str = "xnli", seed: int = 0, **shares: float) -> Result:
    draw = np.random.default_rng(seed)
    examples = {
        lang: np.stack([draw.permutation(np.arange(N) < share * N), np.ones(N)], 1) for lang, share in shares.items()
    }
    return Result.of_examples(name, task, "test", "en", "accuracy", examples)


def system(name: str, *results: Result) -> System:
    return System(name, list(results))


def test_identical_systems_have_p_one() -> None:
    same = [system(name, result(name, en=0.7, de=0.6)) for name in "ab"]
    test = paired_bootstrap(*same, resamples=500)
    assert test.languages == {"en": 1.0, "de": 1.0} and test.mean == 1.0


def test_clearly_better_is_significant_and_noise_is_not() -> None:
    a, better = result("a", en=0.5, de=0.5, seed=1), result("b", en=0.5, de=0.62, seed=2)
    test = paired_bootstrap(system("a", a), system("b", better), resamples=2000)
    assert test.languages["de"] == pytest.approx(1 / 2001) and test.mean < 0.01
    assert test.languages["en"] == 1.0  # equal scores, though not the same examples


@pytest.mark.parametrize("task", ["xnli", "mine"])
def test_p_is_that_of_the_normal_approximation(task: str) -> None:
    """Independent systems of 1,000 examples at 50 % and 53 %: z = 3 / sqrt(2 * 50^2 / 1000) = 1.34, p = 0.18."""
    a, b = result("a", task, en=0.50, seed=1), result("b", task, en=0.53, seed=2)
    found = paired_bootstrap(system("a", a), system("b", b), resamples=20000).languages["en"]
    difference = b.examples["en"][:, 0] - a.examples["en"][:, 0]
    z = difference.mean() / (difference.std() / math.sqrt(N))
    assert found == pytest.approx(math.erfc(z / math.sqrt(2)), abs=0.015)
    assert 0.1 < found < 0.3


def test_paired_examples_tell_more_than_two_samples() -> None:
    """The same 3 points where b is right wherever a is: p is far smaller."""
    a, b = result("a", "mine", en=0.50), result("b", "mine", en=0.53)  # the same permutation
    assert paired_bootstrap(system("a", a), system("b", b), resamples=2000).languages["en"] < 0.001


def test_order_of_systems_and_seeds_of_the_draw() -> None:
    a, b = system("a", result("a", "mine", en=0.50, seed=1)), system("b", result("b", "mine", en=0.53, seed=2))
    forth = paired_bootstrap(a, b, 3000, seed=3)
    assert forth.languages["en"] == paired_bootstrap(a, b, 3000, seed=3).languages["en"]
    assert forth.languages["en"] != paired_bootstrap(a, b, 3000, seed=4).languages["en"]
    assert forth.languages["en"] == pytest.approx(paired_bootstrap(b, a, 3000, seed=3).languages["en"], abs=0.03)


def test_parallel_rows_are_drawn_together() -> None:
    """Two languages with the same errors carry the information of one: the mean's p is theirs, not a smaller one."""
    a, b = (result(name, "xnli", en=share, seed=seed) for name, share, seed in (("a", 0.5, 1), ("b", 0.54, 2)))
    for one in (a, b):
        one.examples["de"], one.counts["de"] = one.examples["en"], one.counts["en"]
    together = paired_bootstrap(system("a", a), system("b", b), 4000)
    assert together.mean == together.languages["de"] == together.languages["en"]
    assert together.notes[0].endswith("4000 resamples of the examples, the same rows in every language")
    a.task = b.task = "mine"
    apart = paired_bootstrap(system("a", a), system("b", b), 4000)
    assert apart.mean < together.mean / 2
    assert apart.notes[0].endswith("each language by itself")


def test_rows_may_be_said_to_be_parallel() -> None:
    """SICK's are; XNLI's may be taken for independent; languages of different sizes cannot be."""
    a, b = (result(name, "sick", seed=seed, en=0.5, de=share) for name, seed, share in (("a", 1, 0.5), ("b", 2, 0.54)))
    systems = [system("a", a), system("b", b)]
    said = paired_bootstrap(*systems, 300, joint_rows=True)
    assert said.notes[0].endswith("the same rows in every language")
    assert paired_bootstrap(*systems, 300).notes[0].endswith("each language by itself")
    a.task = b.task = "xnli"
    assert paired_bootstrap(*systems, 300).languages == said.languages
    assert paired_bootstrap(*systems, 300, joint_rows=False).notes[0].endswith("each language by itself")
    for one in (a, b):
        one.examples["de"] = one.examples["de"][:900]
    assert paired_bootstrap(*systems, 300).notes[0].endswith("each language by itself")
    with pytest.raises(UserError, match=r"--joint-rows: .* \(en 1000, de 900\); leave it out"):
        paired_bootstrap(*systems, 300, joint_rows=True)


def test_a_subset_of_languages_gives_the_same_figures() -> None:
    a, b = (result(name, "mine", seed=seed, en=0.5, de=0.6) for name, seed in (("a", 1), ("b", 2)))
    whole = paired_bootstrap(system("a", a), system("b", b), 500)
    for one in (a, b):
        del one.counts["en"]
    assert paired_bootstrap(system("a", a), system("b", b), 500).languages == {"de": whole.languages["de"]}


def test_seeds_of_a_system_are_averaged() -> None:
    """Two seeds of which one is as good as the other system and one is better: half the difference, smaller spread."""
    a, same, better = (result("a", "mine", seed=seed, en=share) for seed, share in ((1, 0.5), (1, 0.5), (2, 0.6)))
    test = paired_bootstrap(system("a", a), system("b", same, better), 4000)
    alone = paired_bootstrap(system("a", a), system("b", better), 4000)
    assert alone.languages["en"] < 0.001 and test.languages["en"] < 0.001
    assert paired_bootstrap(system("a", same, a), system("b", a), 500).languages["en"] == 1.0


def test_every_metric() -> None:
    draw = np.random.default_rng(0)
    spans = draw.integers(1, 5, (400, 1)) * np.array([[1, 1, 0.0, 1, 1]])
    spans[:, 2] = np.minimum(spans[:, 0], draw.integers(0, 5, 400))
    worse = spans.copy()
    worse[:120, 2] = 0
    shares = np.column_stack([draw.random(300) < 0.4, draw.random(300), np.ones(300)])
    lower = shares * np.array([1, 0.7, 1])
    for metric, good, bad in (("span_f1", spans, worse), ("chunk_f1", spans, worse), ("qa", shares, lower)):
        a, b = (Result.of_examples(n, "own", "test", "en", metric, {"de": x}) for n, x in (("a", bad), ("b", good)))
        assert paired_bootstrap(system("a", a), system("b", b), 1000).languages["de"] < 0.01
        assert paired_bootstrap(system("a", a), system("b", a), 1000).languages["de"] == 1.0


def test_both_ways_of_drawing_have_the_same_distribution(monkeypatch) -> None:
    table = np.random.default_rng(5).integers(0, 3, (400, 2)).astype(float)
    found = []
    for limit in (0, 10**9):  # counts of equal rows; rows one by one
        monkeypatch.setattr(bootstrap, "_PER_PATTERN", limit)
        found.append(resampled_totals(table, 4000, np.random.default_rng(0)))
    for totals in found:
        np.testing.assert_allclose(totals.mean(0), table.sum(0), rtol=0.005)
        np.testing.assert_allclose(totals.std(0), table.std(0) * 20, rtol=0.05)
    monkeypatch.setattr(bootstrap, "_CELLS", 1000)  # a few resamples at a time
    np.testing.assert_array_equal(resampled_totals(table, 4000, np.random.default_rng(0)), found[1])


def test_two_sided_p() -> None:
    assert two_sided_p(2.0, np.array([2.0, 4.0, 0.0, 3.0])) == 3 / 5  # 4 and 0 lie two away
    assert two_sided_p(0.0, np.zeros(9)) == 1.0
    assert p_value(1e-9) == "<0.001" and p_value(0.0405) == "0.041" and p_value(None) == ""


def test_table_with_p_values() -> None:
    systems = [system("a", result("a", en=0.5, de=0.5)), system("b", result("b", en=0.7, de=0.5))]
    table = compare_table(systems, compare_systems(systems, 1000, 1))
    assert table.header == ["language", "a", "b", "p"]
    assert table.rows == [["en", "50.0", "70.0", "<0.001"], ["de", "50.0", "50.0", "1.000"]]
    assert table.summary[0] == ["mean", "50.0", "60.0", "<0.001"] and table.summary[1][3] == ""
    assert table.notes[-1].startswith("p: two-sided paired bootstrap against a, 1000 resamples")
    more = [*systems, system("c", result("c", en=0.5, de=0.5))]
    assert compare_table(more, compare_systems(more, 100, 1)).header[-2:] == ["p b", "p c"]


def test_what_cannot_be_compared() -> None:
    a = system("a", result("a", en=0.5))
    with pytest.raises(UserError, match="give --compare at least two files"):
        compare_systems([a], 10, 1)
    old = system("b", result("b", en=0.5))
    old.results[0].examples = {}
    with pytest.raises(UserError, match=r"b holds no examples of en .* score it again with --json"):
        compare_systems([a, old], 10, 1)
    cut = system("b", result("b", en=0.5))
    cut.results[0].examples["en"] = cut.results[0].examples["en"][:7]
    with pytest.raises(UserError, match="7 and 1000 examples of en, so they were scored on different files"):
        compare_systems([a, cut], 10, 1)
