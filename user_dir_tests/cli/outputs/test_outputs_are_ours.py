"""Every option of every command that names an output, with planted files: what the command did not make stays."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from user_dir_tests.cli.outputs import (
    test_outputs_of_analyses,
    test_outputs_of_augmenting,
    test_outputs_of_models,
    test_outputs_of_preparing,
    test_outputs_of_reports,
    test_outputs_of_xtune,
)
from user_dir_tests.helpers.folders import tree
from user_dir_tests.helpers.planting import ADDED, FILE, FILES, FOLDER, Case, check_survival, pairs
from xl_plugins.cli import analyze, augment, convert, evaluate, mini, predict, prepare, report, train, xtune
from xl_plugins.cli.shared.training import RECORD, Record
from xl_plugins.datasets import READERS
from xl_plugins.errors import UserError
from xl_plugins.mini import pretrain

OUTPUTS = {
    **{f"xl-analyze {name} --out": FOLDER for name in analyze.COMMANDS},
    **{f"xl-prepare {name} dest": FOLDER for name in READERS},
    "xl-mini make folder": FOLDER,
    "xl-mini pretrain folders": FOLDER,
    "xl-evaluate --json": FILE,
    "xl-evaluate --output": FILES,
    "xl-predict --output": FILE,
    "xl-convert average out": FILE,
    "xl-convert from-hf out": FOLDER,
    "xl-convert members --out": FILES,
    "xl-convert onnx out": FOLDER,
    "xl-convert to-hf out": FOLDER,
    "xl-convert trim out": FOLDER,
    "xl-convert untrim out": FILE,
    "xl-augment counterparts --json": FILE,
    "xl-augment counterparts --write-pieces": FILES,
    "xl-augment vicinity --json": FILE,
    "xl-augment soft-labels --output": FILES,
    "xl-report --output": FILE,
    "xl-xtune --save-dir": ADDED,
    # what lies in DATA/<lang>
    **{f"xl-augment {name} data": ADDED for name in ("code-switch", "counterparts", "soft-labels", "vicinity")},
}
_OUTPUT = re.compile(r"\bwrite\b|\bwritten\b|go to DIR|folder to (make|write)|\boutput\b")
_NONE = {"--overwrite", "--null-odds", "--report-only", "--show"}  # their help speaks of outputs


def outputs(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Options and arguments that look like an output, by the name of the command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from outputs(inner)
            continue
        name = action.option_strings[-1] if action.option_strings else action.dest
        named = name.lstrip("-") in ("json", "output", "out", "dest", "save-dir", "write-pieces")
        if action.nargs != 0 and name not in _NONE and (named or _OUTPUT.search(str(action.help))):
            yield f"{parser.prog} {name}"


def test_no_output_is_missing_here() -> None:
    found = {name for module in (analyze, augment, convert, evaluate, mini, predict, prepare, report, xtune)
             for name in outputs(module.make_parser())}  # fmt: skip
    known = {name for name in OUTPUTS if not name.endswith(" data")}
    assert found == known, "an output that no test plants files at, or one that is gone"
    assert not hasattr(train, "make_parser")  # fairseq-train's options


CASES = (
    test_outputs_of_analyses,
    test_outputs_of_augmenting,
    test_outputs_of_models,
    test_outputs_of_preparing,
    test_outputs_of_reports,
    test_outputs_of_xtune,
)
KINDS = {"xl-mini pretrain folders": FOLDER}  # here


def test_every_output_has_things_planted_at_it() -> None:
    """By the command itself; xl-mini pretrain below, with its training left out."""
    found: dict[str, str] = dict(KINDS)
    for module in CASES:
        assert not found.keys() & module.KINDS.keys()
        found |= module.KINDS
    assert found.keys() == OUTPUTS.keys()
    for name, kind in found.items():  # folders in data folders are made as a whole, or hold files
        assert kind == OUTPUTS[name] or (OUTPUTS[name] == ADDED and kind in (FOLDER, FILES))


@pytest.mark.parametrize(("name", "plant"), pairs(KINDS))
def test_what_is_planted_survives(name: str, plant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the dog sees a small cat\n" * 40)
    monkeypatch.setattr(pretrain, "prepare", lambda text, out, *rest: (out / "dict.txt").write_text("new"))
    monkeypatch.setattr(pretrain, "_train", lambda *rest: None)
    monkeypatch.setattr(pretrain, "_strip", lambda checkpoint, model, **_: model.write_text("new"))

    seeds = count(1)  # with the same options a finished model is kept

    def run(out: Path, overwrite: bool) -> None:
        options = ["--text", str(text), "--seed", str(next(seeds)), *["--overwrite"] * overwrite]
        mini.main(["pretrain", str(out), *options])

    check_survival(Case(tmp_path, tmp_path / "place" / "out", run, KINDS[name], "xl-mini pretrain"), plant)


def test_a_record_of_another_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text("mine")
    with pytest.raises(UserError, match="cannot be read"):
        Record(tmp_path, ["data"]).is_finished()
    assert tree(tmp_path) == {RECORD: b"mine"}
