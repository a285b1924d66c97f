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
    """A data set is its file and a line; a problem two tables of tasks besides its folder and entry; an option is
    declared once, except where a method gives it another default."""
    import places

    fewest = {kind: min(map(len, count().values())) for kind, count in places.KINDS.items()}
    assert fewest == {"data set": 1, "problem": 2, "method": 1, "option": 1}
    twice = {name: files for name, files in places.options().items() if len(files) > 1}
    assert len(twice) <= 14, twice
