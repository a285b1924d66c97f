"""Text from outside on its way to a terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import xl_plugins
from xl_plugins.terminal import printable, say

PACKAGE = Path(xl_plugins.__file__).parent
OWN_WORDS = {  # files that print what they wrote themselves, or data as JSON
    "cli/predict.py", "cli/train.py", "errors.py", "evaluation/report/table.py", "evaluation/retrieval/search.py",
    "tables.py", "terminal.py",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 你 │", "plain ünïcode 你 │"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2028b\r", "a\\u2028b\\r"),
        ("\ud800", "\\ud800"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_and_tabs_stay(capsys: pytest.CaptureFixture[str]) -> None:
    say("one\ttwo\nthree\x9b31m", "\x07four")
    assert capsys.readouterr().out == "one\ttwo\nthree\\x9b31m\n\\x07four\n"


def test_commands_print_by_say_alone() -> None:
    printing = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^\s+(?:rich\.)?print\(", path.read_text(encoding="utf-8"), re.M)
    }
    assert {name for name in printing - OWN_WORDS if not name.startswith("mini/")} == {
        "evaluation/__init__.py"
    }  # example
