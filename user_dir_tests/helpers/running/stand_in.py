"""A script that stands in for fairseq-train under xl-xtune: it notes its arguments and writes checkpoints."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from xl_plugins.cli.shared.training import parse_options
from xl_plugins.cli.xtune import main
from xl_plugins.methods.xtune.presets import DATA_SETS

STAND_IN = """#!{python}
import os, pathlib, sys, time
arguments = sys.argv[1:]
save = pathlib.Path(arguments[arguments.index("--save-dir") + 1])
with open("calls", "a") as calls:
    print("\\0".join(arguments), file=calls)
if "--nan" in arguments:
    sys.exit(2)
save.mkdir(parents=True, exist_ok=True)
(save / "checkpoint_last.pt").touch()
if "--wait" in arguments:
    (save / "pid").write_text(str(os.getpid()))
    time.sleep(60)
if "--fail" in arguments:
    sys.exit(7)
(save / "checkpoint_best.pt").touch()
"""


def words(data_set: str = "xnli", *more: str, save: str = "save") -> list[str]:
    problem = DATA_SETS[data_set].problem
    return [data_set, problem, "--restore-file", "model.pt", "--save-dir", save, "--dictionaries", "dicts", *more]


def calls(place: Path) -> list[dict[str, list[str]]]:
    path = place / "calls"
    return [parse_options(line.split("\0")) for line in path.read_text().splitlines()] if path.exists() else []


def dry(capsys: pytest.CaptureFixture, *arguments: str) -> list[dict[str, list[str]]]:
    """The commands that --dry-run prints, as a shell reads them."""
    assert main([*arguments, "--dry-run"] if "--" not in arguments else _before(arguments, "--dry-run")) == 0
    commands = capsys.readouterr().out.replace("\\\n", " ").strip().split("\n")
    split = [shlex.split(command) for command in commands]
    assert all(command[0] == "fairseq-train" for command in split)
    return [parse_options(command[1:]) for command in split]


def _before(arguments: tuple[str, ...], word: str) -> list[str]:
    cut = arguments.index("--")
    return [*arguments[:cut], word, *arguments[cut:]]
