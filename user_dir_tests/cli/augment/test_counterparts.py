"""xl-augment counterparts: files, reports, what is printed; see test_counterparts_resume for runs in parts."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.references.counterparts import Oracle, texts_of
from user_dir_tests.helpers.toys.toy_counterparts import LANGUAGES, World
from xl_plugins.augment.counterparts.report import QUANTILES
from xl_plugins.cli.augment import main
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.output import MARK

Bytes = dict[str, bytes]


def test_one_run(made: tuple[World, Bytes]) -> None:
    """Nothing but the counterparts is new; four copies of each of thirty examples."""
    world, files = made
    new = {name for name in files if name.startswith("en/counterparts/")}
    expected = {f"{f}/train.{x}" for f in ("input0", "input1") for x in ("bin", "idx")}
    expected |= {MARK, "checksums.json", "manifest.json"}
    assert new == {f"en/counterparts/{language}/{name}" for language in LANGUAGES for name in expected}
    data, oracle = DataBin(world.pairs), Oracle(world)
    copies = [(row, texts_of(data, "input0", language)[row]) for language in LANGUAGES for row in range(30)]
    assert len(copies) == 120 and [row for row, _ in copies].count(17) == 4
    for language in LANGUAGES:
        for field in ("input0", "input1"):
            assert texts_of(data, field, language) == [oracle.copy(language, row) for row in texts_of(data, field)]


def test_report_writes_nothing_and_says_what_a_run_does(
    world: World, whole: Bytes, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = tree(world.pairs)
    assert main(world.options(report_only=True, json=tmp_path / "r.json")) == 0
    assert tree(world.pairs) == before and not (world.pairs / "en/counterparts").exists()
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report == {name: json.loads(whole[f"en/counterparts/{name}/manifest.json"]) for name in LANGUAGES}
    lines = capsys.readouterr().out.splitlines()
    oracle, data = Oracle(world), DataBin(world.pairs)
    texts = dict.fromkeys(tuple(row) for field in ("input0", "input1") for row in texts_of(data, field))
    assert f"{len(texts)} of {len(texts)} different texts" in lines
    for language in LANGUAGES:
        found = [one for text in texts for one in oracle.find(language, text)]
        powers = [math.log10(one.p) for one in found if one.p is not None]
        stated = report[language]["counts"]
        for share in QUANTILES:
            exact = np.quantile(powers, share, method="inverted_cdf")
            assert math.log10(stated["quantiles"][f"{share:g}"]) == pytest.approx(exact, abs=0.00501)
        for power in range(1, 11):
            above = sum(x > -power for x in powers) / len(found)
            assert stated["share_above"][f"1e-{power:02d}"] == pytest.approx(above, abs=1e-12)
        counts = oracle.counts(language, texts)
        row = next(line.split() for line in lines if line.split()[0] == language and str(counts["eligible"]) in line)
        tau = f"{oracle.tau(language):g}"
        assert row[1:6] == [
            tau, str(counts["eligible"]), str(counts["substituted"]),
            f"{counts['substituted'] / counts['eligible']:.1%}", str(counts["kept"]),
        ]  # fmt: skip


def test_a_sample_is_part_of_the_texts(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(world.options(report_only=True, sample=7, languages="fr", json=tmp_path / "r.json"))
    assert "7 of 50 different texts" in capsys.readouterr().out
    stated = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["fr"]["counts"]
    oracle, data = Oracle(world), DataBin(world.pairs)
    texts = list(dict.fromkeys(tuple(row) for field in ("input0", "input1") for row in texts_of(data, field)))
    counts = oracle.counts("fr", [texts[number * 50 // 7] for number in range(7)])
    assert {name: stated[name] for name in counts} == counts and stated["texts"] == 7
    main(world.options(report_only=True, sample=7, languages="fr", json=tmp_path / "r.json", overwrite=True))


def test_what_dictionaries_say_is_in_the_report(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """All candidates are translations, or none are."""
    words = {name: (world.lists / f"{name}.txt").read_text(encoding="utf-8").split() for name in ("en", "fr")}
    (tmp_path / "d").mkdir()
    for number, targets in enumerate((words["fr"], ["nowhere"])):
        couples = (f"{word} {target}\n" for word in words["en"] for target in targets)
        (tmp_path / "d" / "en-fr.txt").write_text("".join(couples), encoding="utf-8")
        capsys.readouterr()
        more = {"dictionaries": tmp_path / "d", "json": tmp_path / f"{number}.json"}
        assert main(world.options(report_only=True, languages="fr", **more)) == 0
        stated = json.loads((tmp_path / f"{number}.json").read_text(encoding="utf-8"))["fr"]["counts"][
            "translated_above"
        ]
        assert set(stated.values()) - {None} == {1.0 - number} and stated["1e-10"] == 1.0 - number
        row = next(line for line in capsys.readouterr().out.splitlines()[::-1] if line.startswith("fr "))
        assert row.split()[1:] == ["-" if share is None else f"{share:.1%}" for share in stated.values()]


def test_lines_of_pieces(world: World, tmp_path: Path) -> None:
    out = tmp_path / "lines"
    assert main(world.options(write_pieces=out, languages="fr,de")) == 0
    names = {f"train.{field}.{name}" for field in ("input0", "input1") for name in ("orig", "fr", "de")}
    assert {path.name for path in out.iterdir()} == {MARK, *names}
    data = DataBin(world.pairs)
    for field in ("input0", "input1"):
        for name in ("orig", "fr", "de"):
            rows = texts_of(data, field, None if name == "orig" else name)
            expected = "".join(" ".join(data.dictionary[piece] for piece in row) + "\n" for row in rows)
            assert (out / f"train.{field}.{name}").read_text(encoding="utf-8") == expected
    first = (out / "train.input0.orig").read_text(encoding="utf-8").splitlines()[1]
    assert first == "▁old ▁night"


def test_bfloat16_is_close(world: World, whole: Bytes) -> None:
    assert main(world.options(bf16=True)) == 0
    data = DataBin(world.pairs)
    for language in LANGUAGES:
        exact, near = (json.loads(x[f"en/counterparts/{language}/manifest.json"]) for x in (whole, tree(world.pairs)))
        assert near["model"]["precision"] == "bf16" and exact["fingerprint"] != near["fingerprint"]
        assert near["counts"]["eligible"] == exact["counts"]["eligible"]
        assert near["counts"]["rate"] == pytest.approx(exact["counts"]["rate"], abs=0.01)
        for share in map("{:g}".format, QUANTILES):
            ratio = near["counts"]["quantiles"][share] / exact["counts"]["quantiles"][share]
            assert abs(math.log(ratio)) < 0.15
        oracle, same, changed = Oracle(world), 0, 0
        for row, copy in zip(texts_of(data), texts_of(data, "input0", language)):
            for source, expected, found in zip(row, oracle.copy(language, row), copy):
                changed += source != expected
                same += source != expected == found
        assert same > 0.95 * changed


def test_the_command(run_cli: Callable[..., Any], world: World, whole: Bytes) -> None:
    """In a process of its own: one block, the same files; tables on standard output."""
    done = run_cli("augment", *world.options())
    assert done.code == 0 and tree(world.pairs) == whole
    assert "by coverage: en, fr, es, de" in done.out and "Traceback" not in done.err
