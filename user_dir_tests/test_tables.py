"""Tables of any width: every figure is whole at 80 and 60 columns and in a pipe."""

from __future__ import annotations

import io
import random
import re

import pytest

from xl_plugins.datasets import XTREME
from xl_plugins.evaluation.report.compare import System
from xl_plugins.evaluation.report.overall import overall_table
from xl_plugins.evaluation.report.result import Result
from xl_plugins.evaluation.report.table import Table, compare_table, points, render, seeds_table
from xl_plugins.functional.scores.metrics import METRICS
from xl_plugins.tables import print_table

WIDTHS = [None, "120", "80", "60"]


@pytest.fixture(params=WIDTHS, ids=["pipe", "120", "80", "60"])
def width(request, monkeypatch) -> int | None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if request.param:
        monkeypatch.setenv("COLUMNS", request.param)
    return request.param and int(request.param)


def drawn(table: Table) -> str:
    out = io.StringIO()
    render(table, "table", out)
    return out.getvalue()


def check(table: Table, width: int | None) -> None:
    """Every cell is whole in a line that begins with its row's name, as often as it is in the table."""
    text = drawn(table)
    lines = [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in text.splitlines()]
    assert "…" not in text
    for row in (*table.rows, *table.summary):
        found = [cell for line in lines if line and line[0] == row[0] for cell in line[1:]]
        assert found == row[1:], row[0]
    if width:
        assert max(len(line) for line in text.splitlines() if line[:1] in "┏┃┡│├└") <= width
    else:
        assert text.count("┏") == 1


def result(name: str, task: str, metric: str, seed: int) -> Result:
    draw = random.Random(seed)
    counts = {}
    for lang in XTREME[task].languages:
        hits = draw.randint(100, 999)
        counts[lang] = {"span_f1": (1000, 1234, hits, 5000 + hits, 123456), "qa": (hits, hits + 12.5, 1190),
                        "accuracy": (hits, 1000)}[metric]  # fmt: skip
    return Result(name, task, "test", "en", counts, metric=METRICS[metric])


def test_forty_languages_and_many_systems(width) -> None:
    systems = [System(f"system-{n}", [result(f"system-{n}", "panx", "span_f1", n)]) for n in range(9)]
    check(compare_table(systems), width)
    check(seeds_table(systems[0]), width)
    check(seeds_table(System("s", [s.results[0] for s in systems])), width)


def test_questions_of_several_systems(width) -> None:
    check(compare_table([System(f"long name {n}", [result("x", "mlqa", "qa", n)]) for n in range(4)]), width)


def test_overall(width) -> None:
    tasks = [("xnli", "accuracy"), ("panx", "span_f1"), ("mlqa", "qa")]
    systems = {
        name: {task: System(name, [result(name, task, metric, n)]) for n, (task, metric) in enumerate(tasks)}
        for name in ("plain", "translate-train", "x-mixup", "xtune")
    }
    check(overall_table(systems), width)


def test_a_matrix_of_fifteen_languages(width) -> None:
    codes = [*XTREME["xnli"].languages]
    draw = random.Random(1)
    rows = [[code, *(points(draw.uniform(0, 100)) for _ in codes)] for code in codes]
    check(Table("pairs", ["premise", *codes], rows, []), width)


def test_control_characters_do_not_reach_the_terminal() -> None:
    out = io.StringIO()
    print_table("ti\x1b[2Jtle", ["na\x1bme", "n"], [[["a\x07b", "1"]]], out)
    assert "\x1b" not in out.getvalue() and "\x07" not in out.getvalue() and "a\\x07b" in out.getvalue()
    for style in ("table", "markdown", "tsv"):
        out = io.StringIO()
        render(Table("t\x1b", ["a", "b\x1b"], [["x\x1b", "1"]], [], ["n\x1b"]), style, out)
        assert "\x1b" not in out.getvalue()


def test_one_wide_figure_is_wider_than_the_terminal(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    out = io.StringIO()
    print_table("t", ["name", "n"], [[["transfer gap (en - others)", "1,234,567,890"]]], out)
    assert "│ transfer gap (en - others) │ 1,234,567,890 │" in out.getvalue()
