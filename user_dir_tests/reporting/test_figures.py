"""Geometry of charts: ticks, thinning, styles, and the points of a line."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from user_dir_tests.helpers.evaluation.reported import end, start, train, valid, write_log, write_matrix
from xl_plugins.reporting.curves import MOST_CHARTS, learning_curves, legend
from xl_plugins.reporting.figures import MOST_POINTS, make_chart, nice_ticks, style, thinned, tick_label
from xl_plugins.reporting.heat import STEPS, heat_map
from xl_plugins.reporting.inputs import read_runs


@pytest.mark.parametrize(
    ("low", "high", "expected", "labels"),
    [
        (0.23, 1.12, [0.0, 0.5, 1.0, 1.5], ["0.0", "0.5", "1.0", "1.5"]),
        (71, 79, [70, 72, 74, 76, 78, 80], ["70", "72", "74", "76", "78", "80"]),
        (0, 12000, [0, 5000, 10000, 15000], ["0", "5,000", "10,000", "15,000"]),
        (0, 5e-6, [0, 2e-6, 4e-6, 6e-6], ["0", "2e-6", "4e-6", "6e-6"]),
        (-3, 3, [-4, -2, 0, 2, 4], ["-4", "-2", "0", "2", "4"]),
        (5, 5, [4.4, 4.6, 4.8, 5.0, 5.2, 5.4, 5.6], ["4.4", "4.6", "4.8", "5.0", "5.2", "5.4", "5.6"]),
    ],
)
def test_ticks(low: float, high: float, expected: list[float], labels: list[str]) -> None:
    ticks = nice_ticks(low, high)
    if low < high:
        assert ticks == pytest.approx(expected)
        assert [tick_label(tick, ticks) for tick in ticks] == labels
    assert ticks[0] <= low and ticks[-1] >= high


@example(0.0, 5e-324, 2)
@given(st.floats(-1e30, 1e30), st.floats(-1e30, 1e30), st.integers(2, 7))
def test_few_distinct_ticks_hold_any_values(a: float, b: float, most: int) -> None:
    low, high = sorted((a, b))
    ticks = nice_ticks(low, high, most)
    slack = 1e-6 * (abs(low) + abs(high)) + 1e-290
    assert 2 <= len(ticks) <= 2 * most + 3 and all(x < y for x, y in itertools.pairwise(ticks))
    assert ticks[0] <= low + slack and ticks[-1] >= high - slack
    chart = make_chart("x", [(0, "run", [(0.0, low), (1.0, high)])], ticks=most)
    ys = [float(point.split(",")[1]) for point in chart.lines[0].points.split()]
    assert all(chart.top - 1 <= y <= chart.bottom + 1 for y in ys)


def test_a_line_in_its_frame() -> None:
    """From 0 to 100 updates and 0 to 1: a third of the way and at half the height."""
    chart = make_chart("loss", [(3, "run", [(0.0, 0.0), (50.0, 0.5), (100.0, 1.0)])])
    (line,) = chart.lines
    assert line.points.split() == [
        f"{chart.left:g},{chart.bottom:g}",
        f"{(chart.left + chart.right) / 2:g},{(chart.top + chart.bottom) / 2:g}",
        f"{chart.right:g},{chart.top:g}",
    ]
    assert (line.number, line.first, line.lowest, line.highest) == (3, (0, 0), (0, 0), (100, 1)) and line.dot is None
    (single,) = make_chart("loss", [(0, "run", [(7.0, 0.5)])]).lines
    assert single.dot is not None and single.reports == 1


def test_every_kth_point_with_both_ends() -> None:
    points = [(float(x), 0.0) for x in range(1000)]
    drawn = [int(x) for x, _ in thinned(points)]
    assert len(drawn) <= MOST_POINTS + 1 and drawn[0] == 0 and drawn[-1] == 999 and drawn[1:4] == [7, 14, 21]
    assert thinned(points[:5]) == points[:5]


def test_eighteen_runs_are_told_apart() -> None:
    assert len({style(index) for index in range(18)}) == 18
    assert all(style(i)[0] != style(i + 1)[0] and style(i)[1] != style(i + 1)[1] for i in range(5))


def test_curves_of_several_runs(tmp_path: Path) -> None:
    first = write_log(
        tmp_path / "a", start(), train(10, 1.0), train(20, 0.6), valid(20, 60), valid(40, 64), end(40, 64)
    )
    second = write_log(tmp_path / "b", start(), train(10, 1.1), train(20, 0.4), valid(20, 70, ("sw",)))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "checkpoint_best.pt").touch()
    trained = read_runs([first, str(tmp_path / "c"), second], None).trained
    assert [(number, name) for number, name, *_ in legend(trained)] == [(0, "a"), (2, "b")]
    training, validation = learning_curves(trained)
    assert [chart.title for chart in training.charts] == ["loss", "lr"], "no figures of the machine"
    assert [(line.name, line.last, line.lowest) for line in training.charts[0].lines] == [
        ("a", (20, 0.6), (20, 0.6)), ("b", (20, 0.4), (20, 0.4)),
    ]  # fmt: skip
    assert [chart.title for chart in validation.charts] == ["loss", "acc_select"]
    small = validation.small["accuracy"]
    assert [(chart.title, [line.number for line in chart.lines]) for chart in small] == [
        ("de", [0]), ("en", [0]), ("sw", [2]),
    ]  # fmt: skip
    assert len({chart.y_ticks[0] for chart in small}) == 1, "the same axes"


def test_what_is_drawn_of_a_validation(tmp_path: Path) -> None:
    """Not the best so far, nor what the charts by language show; of a run without lines of training its epochs."""
    event = valid(20, 60, ("de",))
    event["stats"] |= {"best_acc_select": 60, "accuracy_de": 60}
    epoch = {**train(20, 0.5), "event": "epoch"}
    training, validation = learning_curves(read_runs([write_log(tmp_path, start(), event, epoch)], None).trained)
    assert [chart.title for chart in validation.charts] == ["loss", "acc_select"]
    assert training.charts[0].lines[0].last == (20, 0.5)


def test_figures_beyond_the_most_are_named(tmp_path: Path) -> None:
    event = train(10, 1.0)
    event["stats"] |= {f"loss_{i}": i for i in range(10)} | {"text": "no number"}
    (training,) = learning_curves(read_runs([write_log(tmp_path, start(), event)], None).trained)
    assert len(training.charts) == MOST_CHARTS and training.charts[0].title == "loss"
    assert training.left_out == ["loss_7", "loss_8", "loss_9", "lr"]


def test_a_heat_map(tmp_path: Path) -> None:
    """50 + i + 2 j of 100: from 50 to 56 in three languages, steps of 6 / 9."""
    (item,) = read_runs([write_matrix(tmp_path / "m.json", ["de", "en", "sw"])], None).crossed
    found = heat_map(item)
    assert [[text for _, text, _ in row] for row in found.numbers] == [
        ["50.0", "52.0", "54.0"], ["51.0", "53.0", "55.0"], ["52.0", "54.0", "56.0"],
    ]  # fmt: skip
    assert [[step for _, _, step in row] for row in found.numbers] == [[0, 3, 6], [1, 4, 7], [3, 6, 8]]
    assert sum(path.count("M") for _, path in found.paths) == 9
    assert found.legend[0][1:] == ("50.0", "50.7") and found.legend[STEPS - 1][2] == "56.0"
    assert found.means == [
        ("all pairs of languages", "53.0"), ("one language", "53.0"), ("two languages", "53.0")]  # fmt: skip
