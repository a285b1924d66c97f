"""Every command: mistakes in one line, --version, numbers in their range."""

from __future__ import annotations

import argparse
import importlib
import math
import re
from pathlib import Path

import pytest

from xl_plugins import __version__
from xl_plugins.arguments import LARGEST, Parser, number, whole

REPO = Path(__file__).resolve().parents[1]
COMMANDS = re.search(r"COMMANDS = \(([^)]*)\)", (REPO / "setup.py").read_text()).group(1).replace('"', "").split(", ")


@pytest.mark.parametrize("command", COMMANDS)
def test_version_and_one_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main = importlib.import_module(f"xl_plugins.cli.{command}").main
    try:
        assert main(["--version"]) == 0
    except SystemExit as ended:
        assert ended.code == 0
    assert capsys.readouterr().out == f"xl_plugins {__version__}\n"
    if command != "train":  # fairseq reads its options
        with pytest.raises(SystemExit) as ended:
            main([])
        assert ended.value.code == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and error.startswith(f"xl-{command}: error: ")


def test_commands_are_the_documented_ones() -> None:
    documented = "analyze augment convert evaluate mini predict prepare report train xtune"
    assert documented.split() == COMMANDS


@pytest.mark.parametrize(
    ("read", "good", "value"),
    [(whole(), "-3", -3), (whole(1), "7", 7), (number(0, 1), "1", 1.0), (number(0, math.inf, open_below=True), "2", 2)],
)
def test_numbers(read, good: str, value: float) -> None:
    assert read(good) == value


@pytest.mark.parametrize(
    ("read", "bad", "words"),
    [
        (whole(1), "0", f"0: expected a whole number from 1 to {LARGEST}"),
        (whole(), "9" * 20, "99999999999999999999: expected a whole number"),
        (whole(), "9" * 5000, "expected a whole number"),
        (whole(), "1.5", "'1.5' is not a whole number"),
        (number(0, 1), "nan", "nan: expected a number from 0 to 1"),
        (number(0, 1), "x", "'x' is not a number"),
        (number(0, math.inf, open_below=True), "0", "0: expected more than 0"),
        (number(0, math.inf, open_below=True), "inf", "inf: expected more than 0"),
    ],
)
def test_numbers_outside(read, bad: str, words: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=re.escape(words)):
        read(bad)


@pytest.mark.parametrize("resamples", ["0", "99999999999"])
def test_resamples_that_fit_into_memory(resamples: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        importlib.import_module("xl_plugins.cli.evaluate").main(["--compare", "a.json", "--resamples", resamples])
    line = f"xl-evaluate: error: --resamples: {resamples}: expected a whole number from 1 to 1000000\n"
    assert capsys.readouterr().err == line


def test_control_characters_of_an_argument_stay_off_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Parser(prog="xl-x").parse_args(["\x1b[2J"])
    assert capsys.readouterr().err == "xl-x: error: unrecognized arguments: \\x1b[2J\n"
