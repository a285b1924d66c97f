"""The house's rules: imports downward only, folders and files of a size that one can read."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def house() -> Any:
    sys.path.insert(0, str(REPO / "tools"))
    try:
        import house

        yield house
    finally:
        sys.path.remove(str(REPO / "tools"))


def test_imports_go_downward(house: Any) -> None:
    found = list(house.imports())
    assert len(found) > 900 and house.upward(iter(found)) == []


def test_an_import_upward_is_found(house: Any, tmp_path: Path) -> None:
    """Relative or not, inside a function too; the package itself may be imported, an unknown folder may not."""
    package = tmp_path / "xl_plugins"
    for name in ("cli/evaluate", "data/binary/rows", "errors", "news/paper"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / f"{name}.py").write_text("")
    (package / "data/binary/rows.py").write_text(
        "import xl_plugins\nfrom ... import errors\n\n\ndef f():\n    from ...cli.evaluate import main\n"
    )
    (package / "errors.py").write_text("from xl_plugins.data.binary import rows\nfrom .news import paper\n")
    assert house.upward(house.imports(tmp_path), tmp_path) == [
        "xl_plugins/data/binary/rows.py:6: data.binary imports xl_plugins.cli.evaluate",
        "xl_plugins/errors.py:1: errors imports xl_plugins.data.binary.rows",
        "xl_plugins/errors.py:2: news stands on no floor",
    ]
    assert len(list(house.imports(tmp_path))) == 5


def test_rooms_are_not_crowded(house: Any) -> None:
    """Folders of at most 15 files; of the files only tests may be longer than a sitting."""
    assert [line for line in house.crowded() if not line.startswith("user_dir_tests/") or "files" in line] == []


def test_names_of_problems_stay_at_home(house: Any, tmp_path: Path) -> None:
    """Outside the registry, the data sets and the tables of hyper-parameters nothing asks for a problem by its name."""
    assert house.literals() == []
    for name, text in (
        ("problems/__init__", 'X = Facts("melody", "melodies", ())\nY = Facts("rhyme", "rhymes", ())\n'),
        ("tasks/base", 'kind = "melody"\n'), ("methods/salt/presets", 'ROWS = {"rhyme": 3}\n'),
        ("methods/salt/task", 'if name == "rhyme":\n    pass\n'), ("datasets/songs", 'PROBLEM = "melody"\n'),
    ):  # fmt: skip
        path = tmp_path / "xl_plugins" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert house.literals(tmp_path) == [
        "xl_plugins/methods/salt/task.py:1: 'rhyme'",
        "xl_plugins/tasks/base.py:1: 'melody'",
    ]


def test_names_of_methods_stay_at_home(house: Any, tmp_path: Path) -> None:
    """Literals, variables and attributes that begin with a method's prefix; no text with blanks, no word that only
    contains one, and not what is also said of any model."""
    import method_names

    package = REPO / "xl_plugins"
    assert method_names.strangers(package) == []
    assert {name.file for name in method_names.names_of_methods(package)} == method_names.NAMED.keys()
    for name, text in (
        ("methods/waltz/method", 'METHOD = Method(name="waltz", prefix="dance", modules=("task",))\n'),
        ("methods/plain/method", 'METHOD = Method(name="plain", prefix="xl", modules=())\n'),
        ("methods/waltz/task", 'NAME = "waltz"\n'),
        ("cli/xtune", 'HELP = "two words: dance_task"\nPLAIN = "plain", "xl_criterion"\n'),
        ("defaults", 'TABLE = {"dance_criterion": 1, "--dance-steps": 2}\nstep = given.dance_steps\n'),
        ("tasks/base", 'kind = "waltzing", "old_dance", "dancer"\ndance = 3\n'),
    ):
        path = tmp_path / "xl_plugins" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert sorted(method_names.strangers(tmp_path / "xl_plugins")) == [
        "xl_plugins/cli/xtune.py: names none",
        "xl_plugins/defaults.py:1: '--dance-steps'",
        "xl_plugins/defaults.py:1: 'dance_criterion'",
        "xl_plugins/defaults.py:2: 'dance_steps'",
        "xl_plugins/tasks/base.py:2: 'dance'",
    ]
    found = list(method_names.names_of_methods(tmp_path / "xl_plugins"))
    assert {name.method for name in found} == {"waltz"} and len(found) == 4


def test_docstrings_say_what_is_done_or_returned() -> None:
    """They begin with a verb or with what is returned, not with the middle of a sentence."""
    wrong = []
    for path in (
        path
        for top in ("xl_plugins", "tools", "examples", "user_dir_tests")
        for path in sorted((REPO / top).rglob("*.py"))
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                text = ast.get_docstring(node) or ""
                wrong += [f"{path.relative_to(REPO)}: {text[:40]}"] * text.startswith(("Of ", "What "))
    assert wrong == []


def test_modules_keep_no_state_of_a_run(house: Any, tmp_path: Path) -> None:
    assert house.run_state() == []
    path = tmp_path / "xl_plugins" / "clock.py"
    path.parent.mkdir()
    path.write_text(
        "class Clock:\n    pass\n\n\n@dataclass(frozen=True)\nclass Range:\n    low: int\n\n\nCLOCK = Clock()\n"
        "R = Range(0)\n_seen: set[int] = set()\nNAMES = {}\nWORDS = {'a': 1}\n\n\ndef f() -> None:\n    global WORDS\n"
    )
    expected = ["18: global", "10: CLOCK", "12: _seen", "13: NAMES"]
    assert house.run_state(tmp_path) == [f"xl_plugins/clock.py:{line}" for line in expected]


def test_what_one_more_touches(house: Any) -> None:
    """A data set is its file and a line; a problem two tables of tasks besides its folder and entry; a method its
    folder and a line; an option is declared once, except where a method or a size gives it another default."""
    import places

    fewest = {kind: min(map(len, count().values())) for kind, count in places.KINDS.items()}
    assert fewest == {"data set": 1, "problem": 2, "method": 1, "option": 1}
    twice = {name: files for name, files in places.options().items() if len(files) > 1}
    assert len(twice) <= 16, twice
    knowing = {name: len(files) for name, files in places.methods().items()}
    assert knowing == {"plain": 1, "salt": 1, "xla": 1, "xmixup": 2, "xtune": 7}  # advice; a command, an option
