"""The tables of options in the documents name options that there are, with the defaults that the code has."""

from __future__ import annotations

import argparse
import math
import re
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from fairseq.criterions import CRITERION_DATACLASS_REGISTRY
from fairseq.models import MODEL_DATACLASS_REGISTRY
from fairseq.tasks import TASK_DATACLASS_REGISTRY

from tools import option_tables
from xl_plugins.cli import counterparts, vicinity

DOCS = Path(__file__).resolve().parents[2] / "docs"
METHODS = {
    "plain.md": ["xl_tagging", "xl_qa", "xl_criterion"],
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


def test_the_tables_are_those_of_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    """A page that is stale is named; ``tools/option_tables.py`` writes it anew."""
    assert option_tables.main(check=True) == 0, capsys.readouterr().out


def test_a_stale_page_is_named_and_rewritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, text = tmp_path / "xla.md", (DOCS / "xla.md").read_text(encoding="utf-8")
    stale = text.replace("| `--xla-epochs` | 3 |", "| `--xla-epochs` | 4 |")
    page.write_text(stale, encoding="utf-8")
    assert stale != text and option_tables.main(check=True, folder=tmp_path) == 1
    assert page.read_text(encoding="utf-8") == stale and f"{page}: the tables" in capsys.readouterr().out
    assert option_tables.main(check=False, folder=tmp_path) == 1 and page.read_text(encoding="utf-8") == text
    assert option_tables.main(check=True, folder=tmp_path) == 0


@dataclass
class Base:
    inherited: int = field(default=1, metadata={"help": "inherited"})


@dataclass
class Options(Base):
    word: str = field(default="a|b", metadata={"help": "a <s>\nor none"})
    size: float = field(default=1e-5, metadata={"help": "small"})
    flag: bool = field(default=False, metadata={"help": "a flag"})
    data: str = field(default="???", metadata={"help": "positional"})
    other: int = field(default="${optimization.update_freq}", metadata={"help": "of another"})  # type: ignore[assignment]
    secret: int = 3


def test_what_a_table_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Own options with help, defaults as typed, in their order; bars and tags do no harm to the page."""
    monkeypatch.setattr(option_tables, "get_type_hints", lambda cls: {f.name: str for f in fields(cls)})
    known: dict[str, type] = {"Options": Options, "Base": Base}
    head = "| option | default | |\n|---|---|---|\n"
    flag = "| `--flag` | | a flag |\n"
    rest = "| `--size` | 1e-05 | small |\n" + flag
    assert option_tables.written("Options", known) == head + "| `--word` | a\\|b | a `<s>` or none |\n" + rest
    assert option_tables.written("Base Options without word size", known) == (
        head + "| `--inherited` | 1 | inherited |\n" + flag
    )
    with pytest.raises(SystemExit, match="--nothing is no option of these"):
        option_tables.written("Options without nothing", known)
