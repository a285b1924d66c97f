"""xl-report in its three forms, and planted files."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.helpers.evaluation.reported import write_result
from user_dir_tests.helpers.folders import tree
from user_dir_tests.helpers.planting import FILE, Case, check_survival, pairs
from xl_plugins.cli import report
from xl_plugins.errors import UserError

KINDS = {"xl-report --output": FILE}
FORMATS = ("html", "latex", "markdown")


def make_case(root: Path, style: str) -> Case:
    runs = [write_result(root / f"{name}.json", {"en": 80, "de": 60}) for name in "ab"]

    def run(out: Path, overwrite: bool) -> None:
        words = [*runs, "-o", str(out), "--format", style, "--resamples", "0", *["--overwrite"] * overwrite]
        assert report.main(words) == 0

    return Case(root, root / "place" / "out", run, FILE, "xl-report")


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize(("name", "plant"), pairs(KINDS))
def test_what_is_planted_survives(tmp_path: Path, name: str, plant: str, style: str) -> None:
    check_survival(make_case(tmp_path, style), plant)


@pytest.mark.parametrize("style", FORMATS)
def test_no_input_is_replaced(tmp_path: Path, style: str) -> None:
    case = make_case(tmp_path, style)
    before = tree(tmp_path)
    for out in (tmp_path / "a.json", tmp_path):
        for overwrite in (False, True):
            with pytest.raises(UserError):
                case.run(out, overwrite)
            assert tree(tmp_path) == before


def test_a_report_of_another_form_is_ours_as_well(tmp_path: Path) -> None:
    out = tmp_path / "report"
    for style in FORMATS:
        make_case(tmp_path, style).run(out, True)
    out.write_text("# notes\n\n<!-- made by xl-report of xl_plugins 0.2.0 -->\n")  # quoted further down
    with pytest.raises(UserError, match="xl-report did not make it"):
        make_case(tmp_path, "html").run(out, True)
