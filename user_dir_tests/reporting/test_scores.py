"""The numbers of a report: worked means, deviations, gaps and corrected p-values."""

from __future__ import annotations

import pytest

from user_dir_tests.helpers.evaluation.reported import result, system
from xl_plugins.errors import UserError
from xl_plugins.evaluation.report.compare import System
from xl_plugins.evaluation.report.significance import paired_bootstrap
from xl_plugins.functional.scores.bootstrap import holm
from xl_plugins.reporting.inputs import Scored
from xl_plugins.reporting.scores import Bootstrap, Cell, Comparison, Row, compare, compare_all

QUICK = Bootstrap(resamples=300)


def row(found: Comparison, key: str) -> Row:
    return next(row for row in (*found.scores[0].rows, *found.scores[0].summary) if row.key == key)


def cell(found: Comparison, key: str, number: int) -> Cell:
    found_cell = row(found, key).cells[number]
    assert found_cell is not None
    return found_cell


@pytest.fixture(scope="module")
def found() -> Comparison:
    """Seeds (80, 60, 40) and (82, 64, 40) of the baseline, (81, 70, 50) once."""
    base = system("base", {"en": 80, "de": 60, "sw": 40}, {"en": 82, "de": 64, "sw": 40})
    return compare([base, system("other", {"en": 81, "de": 70, "sw": 50})], None, QUICK)


def test_mean_and_deviation_over_seeds(found: Comparison) -> None:
    """62 ± sqrt(((60 - 62)^2 + (64 - 62)^2) / 1) = 2.83; means 60 and 62: 61 ± 1.41."""
    assert [row.key for row in found.scores[0].rows] == ["en", "de", "sw"]
    assert cell(found, "de", 0).mean == pytest.approx(62)
    assert cell(found, "de", 0).deviation == pytest.approx(8**0.5)
    assert cell(found, "mean", 0).mean == pytest.approx(61)
    assert cell(found, "mean", 0).deviation == pytest.approx(2**0.5)
    assert cell(found, "de", 1).deviation is None


def test_gap_and_mean_without_the_source(found: Comparison) -> None:
    """Gaps 80 - 50 and 82 - 52, of the other 81 - 60 = 21: 9 less."""
    assert cell(found, "transfer_gap", 0) == Cell(pytest.approx(30), pytest.approx(0))  # type: ignore[arg-type]
    assert cell(found, "transfer_gap", 1).mean == pytest.approx(21)
    assert cell(found, "transfer_gap", 1).difference == pytest.approx(-9)
    assert cell(found, "mean_without_source", 0).mean == pytest.approx(51)
    assert row(found, "transfer_gap").best == frozenset(), "a smaller gap is better, a larger one is not marked"


def test_differences_are_to_the_baseline(found: Comparison) -> None:
    assert cell(found, "de", 0).difference is None and cell(found, "de", 0).p is None
    assert cell(found, "de", 1).difference == pytest.approx(8)
    assert row(found, "de").best == {1}
    assert cell(found, "sw", 1).significant and not cell(found, "en", 1).significant


def test_p_is_the_bootstraps_and_holm_goes_over_the_systems() -> None:
    scores = [{"en": 70, "de": 60}, {"en": 71, "de": 64}, {"en": 70, "de": 66.5}, {"en": 75, "de": 61}]
    systems = [system(f"s{i}", each) for i, each in enumerate(scores)]
    found = compare(systems, "s1", QUICK)
    assert found.baseline == 1
    others = [systems[0], systems[2], systems[3]]
    tests = [paired_bootstrap(systems[1], other, 300, 1) for other in others]
    for key, raw in (
        ("de", [t.languages["de"] for t in tests]),
        ("en", [t.languages["en"] for t in tests]),
        ("mean", [t.mean for t in tests]),
    ):
        cells = [cell(found, key, i) for i in (0, 2, 3)]
        assert [each.p for each in cells] == raw
        assert [each.adjusted for each in cells] == pytest.approx(holm(raw))
    assert any("Holm's rule over the 3 systems" in note for note in found.notes)
    assert cell(found, "transfer_gap", 0).p is None


def test_the_mean_is_tested_over_the_languages_it_is_over() -> None:
    """The third system lacks sw: the mean of the second is tested without sw, its sw for itself."""
    systems = [system("a", {"en": 70, "de": 60, "sw": 40}), system("b", {"en": 70, "de": 60, "sw": 60}),
               system("c", {"en": 75, "de": 60})]  # fmt: skip
    found = compare(systems, None, QUICK)
    assert found.common == ["en", "de"]
    assert cell(found, "mean", 1).mean == pytest.approx(65) and cell(found, "mean", 1).p == 1
    assert cell(found, "sw", 1).p == pytest.approx(1 / 301) and row(found, "sw").cells[2] is None


def test_without_significance() -> None:
    systems = [system("a", {"en": 70, "de": 60}), system("b", {"en": 80, "de": 60})]
    assert not compare(systems, None, Bootstrap(resamples=0)).tested
    systems[1].results[0].examples.clear()  # as of the first version
    found = compare(systems, None, QUICK)
    assert not found.tested and cell(found, "en", 1).difference == pytest.approx(10)
    assert any(note.startswith("without p") and note.endswith(": b") for note in found.notes)


def test_one_system_has_no_baseline() -> None:
    found = compare([system("a", {"en": 70, "de": 60})], None, QUICK)
    assert found.baseline is None and cell(found, "en", 0) == Cell(pytest.approx(70))  # type: ignore[arg-type]
    assert row(found, "en").best == frozenset()


def test_a_comparison_per_task() -> None:
    one, two = {"en": 70, "de": 60}, {"en": 71, "de": 61}
    scored = [
        Scored([""], system("plain", one)), Scored([""], System("plain", [result("r", one, "other")])),
        Scored([""], system("salt", two)), Scored([""], System("xla", [result("r", two, "other")])),
    ]  # fmt: skip
    both = compare_all(scored, "plain", Bootstrap(0))
    assert [(each.task, [s.name for s in each.systems], each.baseline) for each in both] == [
        ("mine", ["plain", "salt"], 0), ("other", ["plain", "xla"], 0),
    ]  # fmt: skip
    alone = compare_all(scored, "xla", Bootstrap(0))
    assert [each.baseline for each in alone] == [None, 1]
    assert "no system of this task is called xla: nothing is compared" in alone[0].notes
    with pytest.raises(UserError, match=r"--baseline none: no system has this name; choose one of plain, salt, xla"):
        compare_all(scored, "none", Bootstrap(0))


def test_selection_over_seeds() -> None:
    base = system("base", {"en": 80}, {"en": 82})
    base.results[1].provenance["selection"] = {"score": 83.5, "best": 83.5, "description": "source-dev over en"}
    found = compare([base, system("elsewhere", {"en": 80})], None, Bootstrap(0))
    assert found.selection[0] is not None and found.selection[0].mean == pytest.approx(82.5)
    found.systems[1].results[0].provenance.clear()
    assert found.selection[1] is None
