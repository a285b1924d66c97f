"""Every example in the help and in the document is a command that the parser takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from xl_plugins.cli import analyze

PAGE = Path(__file__).resolve().parents[3] / "docs" / "analysis.md"


def commands(text: str) -> list[list[str]]:
    lines = text.replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.strip().startswith("xl-analyze ")]


@pytest.mark.parametrize("name", analyze.COMMANDS)
def test_examples(name: str) -> None:
    found = commands(analyze.COMMANDS[name].EPILOG)
    written = [words for words in commands(PAGE.read_text(encoding="utf-8")) if words[0] == name]
    assert found and written
    for words in [*found, *written]:
        assert analyze.make_parser().parse_args(words).command == name


def test_the_page_has_a_row_for_each() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == list(analyze.COMMANDS)


@pytest.mark.parametrize("words", ["errors D --path C --out O --bins 0", "selection D --path C --out O --eta 101"])
def test_numbers_out_of_range(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        analyze.make_parser().parse_args(words.split())
    assert ended.value.code == 2 and "expected a" in capsys.readouterr().err
