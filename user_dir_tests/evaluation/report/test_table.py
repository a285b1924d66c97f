"""Systems side by side: means, deviations over seeds, and what a reader must be told."""

from __future__ import annotations

import io
import math

import pytest

from xl_plugins.errors import UserError
from xl_plugins.evaluation.options import column_names, short_names
from xl_plugins.evaluation.report.compare import Spread, System, common_languages
from xl_plugins.evaluation.report.result import Result
from xl_plugins.evaluation.report.table import compare_table, points, render, seeds_table
from xl_plugins.output import write_together


def result(
    name: str, protocol: str = "mean-dev", score: float = 50.0, best: float = 50.0, **counts: tuple[int, int]
) -> Result:
    selection = {"protocol": protocol, "description": f"{protocol} over en", "score": score, "best": best}
    provenance = {"selection": selection, "inference": {"mode": "plain", "description": "target text alone"}}
    return Result(name, "mini", "test", "en", counts, provenance=provenance)


PLAIN = result("plain", en=(90, 100), de=(60, 100), sw=(30, 100))
MIXED = [result(f"s{seed}", en=(90, 100), de=(60 + 2 * seed, 100), sw=(50 + seed, 100)) for seed in (1, 2, 3)]


def text(table, style: str) -> str:
    out = io.StringIO()
    render(table, style, out)
    return out.getvalue()


def test_mean_and_deviation_over_seeds():
    assert Spread.of([62.0, 64.0, 66.0]) == Spread(64.0, 2.0)  # n - 1
    assert Spread.of([62.0]) == Spread(62.0, None)
    undefined = Spread.of([math.nan, math.nan])  # the gap of seeds without the source language
    assert math.isnan(undefined.mean) and undefined.deviation is None


def test_systems_across_languages_down():
    table = compare_table([System("plain", [PLAIN]), System("xmixup", MIXED)])
    assert text(table, "tsv").splitlines() == [
        "language\tplain\txmixup",
        "en\t90.0\t90.0 ± 0.0",
        "de\t60.0\t64.0 ± 2.0",
        "sw\t30.0\t52.0 ± 1.0",
        "mean\t60.0\t68.7 ± 1.0",
        "mean without en\t45.0\t58.0 ± 1.5",
        "transfer gap (en - others)\t45.0\t32.0 ± 1.5",
    ]
    assert table.notes == [
        "selection: mean-dev over en; dev score 50.0, 50.0, 50.0, 50.0",
        "inference: target text alone",
    ]


def test_a_column_per_seed_with_mean_and_deviation():
    lines = text(seeds_table(System("x", MIXED)), "tsv").splitlines()
    assert lines[0] == "language\ts1\ts2\ts3\tmean\tsd"
    assert lines[2] == "de\t62.0\t64.0\t66.0\t64.0\t2.0"
    assert lines[4] == "mean\t67.7\t68.7\t69.7\t68.7\t1.0"


def test_one_system_shows_its_examples():
    lines = text(seeds_table(System("plain", [PLAIN])), "tsv").splitlines()
    assert lines[0] == "language\texamples\taccuracy"
    assert lines[1] == "en\t100\t90.0"
    assert lines[4:6] == ["mean\t300\t60.0", "mean without en\t\t45.0"]


def test_means_are_over_the_languages_that_all_systems_have():
    other = result("b", en=(80, 100), de=(70, 100))
    table = compare_table([System("a", [PLAIN]), System("b", [other])])
    lines = text(table, "tsv").splitlines()
    assert lines[3:5] == ["sw\t30.0\t-", "mean\t75.0\t75.0"]
    assert table.notes[-1] == "b has no sw; all means are over en, de"


def test_protocols_that_differ_are_named_with_their_systems():
    table = compare_table([System("a", [PLAIN]), System("b", [result("b", "source-dev", 40.0, 45.0, en=(1, 100))])])
    assert table.notes[:3] == [
        "selection (a): mean-dev over en; dev score 50.0",
        "selection (b): source-dev over en; dev score 40.0",
        "b is not the best checkpoint of its run (dev score 40.0, best 45.0)",
    ]


def test_xtremes_average_is_not_claimed_for_fewer_languages():
    seven = dict.fromkeys(("en", "de", "es", "fr", "ja", "ko", "zh"), (1, 2))
    full = Result("p", "pawsx", "test", "en", dict(seven))
    assert seeds_table(System("p", [full])).notes == ["selection: not known"]
    del full.counts["ko"]
    full.counts["sw"] = (1, 2)
    assert seeds_table(System("p", [full])).notes[-1] == (
        "XTREME's pawsx average is over 7 languages; this one is over 7, without ko and with sw"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "pawsx"}, "task is mini in one and pawsx in the other"),
        ({"split": "valid"}, "split is test in one"),
        ({"source_language": "de"}, "source_language is en in one"),
        ({"counts": {"en": (9, 10)}}, "100 and 10 examples of en, so they were scored on different files"),
        ({"counts": {"xx": (9, 10)}}, "no language in common"),
    ],
)
def test_what_does_not_compare_is_refused(change, message):
    other = result("b", en=(80, 100))
    for name, value in change.items():
        setattr(other, name, value)
    with pytest.raises(UserError, match=message):
        common_languages([System("a", [PLAIN]), System("b", [other])])


def test_styles():
    table = seeds_table(System("a|b", [result("a|b", en=(2, 3))]))
    assert text(table, "markdown").splitlines()[:5] == [
        "mini test, accuracy in percent: a|b", "", "| language | examples | accuracy |", "| --- | ---: | ---: |",
        "| en | 3 | 66.7 |",
    ]  # fmt: skip
    drawn = text(table, "table")
    assert "mini test, accuracy in percent: a|b" in drawn and "│ en" in drawn and "66.7 │" in drawn
    assert drawn.rstrip().endswith("inference: target text alone")


def test_fifteen_systems_are_not_cut_off():
    systems = [System(f"a rather long name {i}", [PLAIN]) for i in range(15)]
    drawn = text(compare_table(systems), "table")
    assert all(system.name in drawn for system in systems) and "…" not in drawn


def test_dash_for_no_figure():
    assert points(math.nan) == points(None) == "-"


def test_names_are_what_tells_paths_apart(tmp_path):
    assert short_names(["runs/s1/checkpoint_best.pt", "runs/s2/checkpoint_best.pt"]) == ["s1", "s2"]
    assert short_names(["plain.json", "out/xmixup.json"]) == ["plain", "out/xmixup"]
    assert short_names(["runs/xmixup/checkpoint_best.pt"]) == ["xmixup"]
    assert short_names(["plain.json"]) == ["plain"]
    assert column_names("a, b", ["x", "y"]) == ["a", "b"]
    with pytest.raises(UserError, match="--names a: 1 names for 2 columns"):
        column_names("a", ["x", "y"])
    with pytest.raises(UserError, match="two columns would be called 'a'"):
        column_names("a,a", ["x", "y"])
    with pytest.raises(UserError, match="two columns would be called"):
        column_names(None, ["x.json", "x.json"])


def test_files_appear_together_or_not_at_all(tmp_path, monkeypatch):
    good, bad = tmp_path / "a" / "b" / "one.tsv", tmp_path / "two.tsv"
    write_together({str(good): "1\n", str(bad): "2\n"})
    assert good.read_text() == "1\n" and sorted(p.name for p in tmp_path.rglob("*")) == ["a", "b", "one.tsv", "two.tsv"]

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device", "disk")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_together({str(tmp_path / "new" / "x.tsv"): "3\n", str(good): "changed\n"})
    assert good.read_text() == "1\n" and sorted(p.name for p in tmp_path.rglob("*")) == ["a", "b", "one.tsv", "two.tsv"]
