"""The tables of options in the documents name options that there are, with the defaults that the code has."""

from __future__ import annotations

import argparse
import math
import re
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from fairseq.criterions import CRITERION_DATACLASS_REGISTRY
from fairseq.models import MODEL_DATACLASS_REGISTRY
from fairseq.tasks import TASK_DATACLASS_REGISTRY

from xl_plugins.cli import counterparts, vicinity

DOCS = Path(__file__).resolve().parents[2] / "docs"
METHODS = {
    "xmixup.md": ["xmixup_sentence_pair", "xmixup_tagging", "xmixup_qa", "xmixup_criterion", "xmixup_xlmr"],
    "xtune.md": ["xl_sentence_pair", "xl_tagging", "xl_qa", "xtune_criterion"],
    "salt.md": ["salt_augment_task"],
    "xla.md": ["xla_cotrain_task", "xla_criterion", "xl_tagging"],
}
COMMANDS = {"xl-augment counterparts": counterparts, "xl-augment vicinity": vicinity}
ROW = re.compile(r"\| (`--[^|]+) \| ((?:\\\||[^|])*?) ?\|")


def of_classes(names: list[str]) -> dict[str, Any]:
    """Options of these tasks, criterions and architectures with their defaults."""
    registries = (TASK_DATACLASS_REGISTRY, CRITERION_DATACLASS_REGISTRY, MODEL_DATACLASS_REGISTRY)
    classes = [registry[name] for name in reversed(names) for registry in registries if name in registry]
    assert len(classes) == len(names)
    return {f"--{field.name.replace('_', '-')}": field.default for cls in classes for field in fields(cls)}


def of_command(module: Any) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return {name: action.default for action in parser._actions for name in action.option_strings}


def tables(page: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every table of options: whose they are, and (options, defaults) of its rows."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for line in page.read_text(encoding="utf-8").splitlines():
        if head := re.match(r"\| option(?: of `([^`]+)`)? \| default \|", line):
            found.append((head.group(1) or "", []))
        elif (row := ROW.match(line)) and found:
            found[-1][1].append((row.group(1), row.group(2)))
    return found


def shows(cell: str, default: Any) -> bool:
    """Whether a cell tells a default; none, and one that follows from the task, needs no telling."""
    value = default.value if isinstance(default, Enum) else default
    if value is None or isinstance(value, bool) or value in ("", "???") or str(value).startswith("${"):
        return True
    words = [word.strip("`;()") for word in re.split(r"[,\s]+", cell.replace("\\|", "|"))]
    if isinstance(value, (int, float)):
        numbers = [float(word) for word in words if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", word)]
        return any(math.isclose(value, number) for number in numbers)
    text = ",".join(value) if isinstance(value, (tuple, list)) else str(value)
    return text in cell.replace("\\|", "|")


@pytest.mark.parametrize("name", METHODS)
def test_options_and_defaults(name: str) -> None:
    found = tables(DOCS / name)
    assert found and all(rows for _, rows in found)
    for owner, rows in found:
        known = of_command(COMMANDS[owner]) if owner in COMMANDS else of_classes(METHODS[name])
        for options, cell in rows:
            for option in re.findall(r"--[\w-]+", options):
                assert option in known, f"{name}: {option} is no option"
                assert shows(cell, known[option]), f"{name}: {option} has {known[option]!r}, the table {cell!r}"


def test_a_wrong_default_is_seen() -> None:
    assert shows("0.3, 0.3, -1", -1) and shows("`1:src,tgt`", "1:src,tgt") and shows("", None) and shows("", False)
    assert not shows("0.3, 0.3", -1) and not shows("1:src", "1:src,tgt") and not shows("", 0.5)
