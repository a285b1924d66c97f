#!/usr/bin/env python3
"""Count what keeps the package easy to extend, and name what breaks its rules; exit status 1 if anything does.

    tools/house.py

Rules: at most 15 files in a folder, 250 lines in a file of the package (350 in a test), imports downward only, no name
of a problem outside problems/, datasets/ and methods/*/presets.py, no name of a method outside methods/. Rooms are the
folders of xl_plugins; ``ORDER`` names them from the ground up. No module keeps the state of a run: nothing is assigned
by ``global``, and no object that can change stands in a module.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from method_names import strangers

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "xl_plugins"
FILES, LINES, TEST_LINES = 15, 256, 350
KEPT = {"xl_plugins/checkpoints/checksums.py": "_verified"}  # which files' bytes were read: true of any run
OTHER_NAMES = ("functional/scores/metrics.py",)  # where the same word names something else: a metric
# From the ground up: a room imports from itself and those above it here; rooms on a line know nothing of each other,
# and * is any method
ORDER = """
logs.quiet startup starting version terminal
errors
processes ranges
arguments tables functional.draws functional.scores
functional
output
formats
interrupts problems
methods.*.presets methods.presets
methods.base
methods.*.method
methods
defaults formats.examples starting.task_names
checkpoints datasets
logs
compat data.binary preflight
data
huggingface
augment.primitives data.training
data.augmented data.prepare augment.generation
augment.code_switch augment.counterparts augment.vicinity
models optim
problems.counting problems.predicting
problems.base
problems.classification problems.preparation problems.raw
problems.labelled_texts
problems.qa problems.retrieval problems.sentence_pair problems.tagging problems.text
starting.encoder_shape
resuming
criterions hooks starting.configuration starting.hydra_defaults
tasks
methods.*
registration
evaluation
analysis convert mini reporting
api
cli
"""
FOLDERS = sorted(path.parent.name for path in (ROOT / PACKAGE / "methods").glob("*/__init__.py"))
FLOOR = {
    room: number
    for number, line in enumerate(ORDER.split("\n"))
    for pattern in line.split()
    for room in ([pattern.replace("*", name) for name in FOLDERS] if "*" in pattern else [pattern])
}


class Import(NamedTuple):
    """An import of one file of the package by another."""

    file: Path
    line: int
    module: str


def room(module: str) -> str:
    """The room of a module (``xl_plugins.data.binary.rows``): the longest name in ``ORDER``, else the folder itself."""
    parts = module.split(".")[1:]
    names = [".".join(parts[:length]) for length in (3, 2, 1)]
    return next((name for name in names if name in FLOOR), names[-1])


def imports(root: Path = ROOT) -> Iterator[Import]:
    """All imports of the package by its own files, those inside functions too."""
    for path in sorted((root / PACKAGE).rglob("*.py")):
        package = list(path.relative_to(root).with_suffix("").parts[:-1])
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                module = ".".join([*base, *(node.module.split(".") if node.module else [])])
                names = [f"{module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                if name.split(".")[0] == PACKAGE:
                    yield Import(path, node.lineno, _module(root, name))


def _module(root: Path, name: str) -> str:
    """The module of a dotted name that may go on with names in it."""
    parts = name.split(".")
    while len(parts) > 1 and not (root.joinpath(*parts).is_dir() or root.joinpath(*parts).with_suffix(".py").is_file()):
        parts.pop()
    return ".".join(parts)


def upward(found: Iterator[Import], root: Path = ROOT) -> list[str]:
    """Imports of a room that is not below; the package's own ``__init__`` puts everything together."""
    wrong = []
    for file, line, module in found:
        here = ".".join(file.relative_to(root).with_suffix("").parts)
        if here == f"{PACKAGE}.__init__":
            continue
        own, other = room(here), room(module)
        if not other:  # the package itself: a command loads all of it
            continue
        if own not in FLOOR or other not in FLOOR:
            wrong.append(f"{file.relative_to(root)}:{line}: {own if own not in FLOOR else other} stands on no floor")
        elif own != other and FLOOR[other] >= FLOOR[own]:
            wrong.append(f"{file.relative_to(root)}:{line}: {own} imports {module}")
    return wrong


def crowded(root: Path = ROOT) -> list[str]:
    """Folders with more Python files than ``FILES``, and files that are too long."""
    wrong = []
    for top, most in ((PACKAGE, LINES), ("user_dir_tests", TEST_LINES), ("tools", LINES), ("examples", LINES)):
        paths = sorted((root / top).rglob("*.py"))
        folders = Counter(path.parent for path in paths)
        wrong += [f"{folder.relative_to(root)}: {count} files" for folder, count in folders.items() if count > FILES]
        lengths = ((path, len(path.read_text(encoding="utf-8").splitlines())) for path in paths)
        wrong += [f"{path.relative_to(root)}: {length} lines" for path, length in lengths if length > most]
    return wrong


def literals(root: Path = ROOT) -> list[str]:
    """Names of problems, as literals, outside the files in which a problem's name may stand."""
    names = {
        str(node.args[0].value)  # the entries Facts("name", ...) of the registry
        for node in ast.walk(ast.parse((root / PACKAGE / "problems" / "__init__.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Facts"
        if isinstance(node.args[0], ast.Constant)
    }
    names -= {"text"}  # also the word for any text
    wrong = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        inner = path.relative_to(root / PACKAGE)
        if inner.parts[0] in ("problems", "datasets") or inner.name == "presets.py" or str(inner) in OTHER_NAMES:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in names:
                wrong.append(f"{path.relative_to(root)}:{node.lineno}: '{node.value}'")
    return wrong


def run_state(root: Path = ROOT) -> list[str]:
    """Return what modules keep from one call to the next: names declared ``global``, empty containers, objects
    of the package's own classes unless those are frozen."""
    trees = [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted((root / PACKAGE).rglob("*.py"))]
    classes = {
        node.name: _frozen(node) for _, tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    }
    wrong = []
    for path, tree in trees:
        where = path.relative_to(root)
        wrong += [f"{where}:{node.lineno}: global" for node in ast.walk(tree) if isinstance(node, ast.Global)]
        for node in tree.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                names = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
                value = node.value
                called = getattr(getattr(value, "func", None), "id", "")
                empty = isinstance(value, (ast.List, ast.Dict)) and not getattr(
                    value, "elts", getattr(value, "keys", None)
                )
                container = called in ("set", "dict", "list", "defaultdict") and not getattr(value, "args", ())
                if (empty or container or classes.get(called) is False) and KEPT.get(str(where)) != names:
                    wrong.append(f"{where}:{node.lineno}: {names}")
    return wrong


def _frozen(node: ast.ClassDef) -> bool:
    """Whether a class is a frozen dataclass, a named tuple or an enumeration."""
    decorators = [ast.unparse(each) for each in node.decorator_list]
    bases = [ast.unparse(each) for each in node.bases]
    return any("frozen=True" in each for each in decorators) or any(
        each.endswith(("NamedTuple", "Enum", "Flag")) for each in bases
    )


def main() -> int:
    crowd, wrong, names, kept = crowded(), upward(imports()), literals(), run_state()
    methods = strangers(ROOT / PACKAGE)
    print(f"folders over {FILES} files, files too long: {len(crowd)}", *crowd, sep="\n  ")
    print(f"imports against the layers: {len(wrong)}", *wrong, sep="\n  ")
    print(f"names of problems outside their homes: {len(names)}", *names, sep="\n  ")
    print(f"names of methods outside their homes: {len(methods)}", *methods, sep="\n  ")
    print(f"module globals that carry the state of a run: {len(kept)}", *kept, sep="\n  ")
    return int(bool(crowd or wrong or names or methods or kept))


if __name__ == "__main__":
    sys.exit(main())
