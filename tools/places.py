#!/usr/bin/env python3
"""Count the files that know a data set, a problem, a method or an option by name, besides its own.

    tools/places.py            # the fewest and the most of each kind
    tools/places.py --all      # every one, with its files

The fewest are those to touch for one more; what others have beyond them belongs to what they alone have (a benchmark's
own scoring script, say) or is another thing of the same name (``pairs``, ``squad``). A data set is known where its
module is imported or its name stands as a text; a problem where its folder is imported or registered; a method there,
and where a word of the code is its name or begins with its prefix (``xla_epochs``); an option where a configuration
declares it. Tables of published hyper-parameters (``presets.py``) do not count.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from house import PACKAGE, ROOT, Import, imports
from method_names import names_of_methods

Places = dict[str, list[str]]


def _trees(root: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((root / PACKAGE).rglob("*.py")):
        yield str(path.relative_to(root / PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))


def _texts(tree: ast.Module) -> set[str]:
    """Constants of a file that are texts."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@cache
def _words(root: Path) -> dict[str, set[str]]:
    """Texts of each file of the package, up to their first full stop."""
    return {file: {text.split(".")[0] for text in _texts(tree)} for file, tree in _trees(root)}


@cache
def _imports(root: Path) -> tuple[Import, ...]:
    return tuple(imports(root))


def _named(root: Path, home: str, own: str, words: set[str]) -> list[str]:
    """Files outside ``home`` that import the module or folder ``own``, or have one of ``words`` as a text."""
    found = {str(one.file.relative_to(root / PACKAGE)) for one in _imports(root)
             if f"{one.module}.".startswith(f"{PACKAGE}.{own}.")}  # fmt: skip
    found |= {file for file, texts in _words(root).items() if words & texts}
    return sorted(file for file in found if not file.startswith(home) and Path(file).name != "presets.py")


def data_sets(root: Path = ROOT) -> Places:
    folder = root / PACKAGE / "datasets"
    paths = [path for inner in (folder, folder / "generic") for path in sorted(inner.glob("[a-z]*.py"))]
    homes = [path.relative_to(folder).with_suffix("") for path in paths]
    return {
        home.name: _named(root, f"datasets/{home}.py", f"datasets.{'.'.join(home.parts)}", {home.name})
        for home in homes
    }


def problems(root: Path = ROOT) -> Places:
    entries = _texts(ast.parse((root / PACKAGE / "problems" / "__init__.py").read_text(encoding="utf-8")))
    folders = sorted((root / PACKAGE / "problems").glob("*/problem.py"))
    names = [path.parent.name for path in folders if path.parent.name in entries]
    return {name: _named(root, f"problems/{name}/", f"problems.{name}", {f"xl_{name}", f"xmixup_{name}"})
            for name in names}  # fmt: skip


def methods(root: Path = ROOT) -> Places:
    names = [path.parent.name for path in sorted((root / PACKAGE / "methods").glob("*/__init__.py"))]
    registered = _texts(ast.parse((root / PACKAGE / "methods" / "__init__.py").read_text(encoding="utf-8")))
    literals = list(names_of_methods(root / PACKAGE))
    return {
        name: sorted({
            *_named(root, f"methods/{name}/", f"methods.{name}", set()),
            *(literal.file for literal in literals if literal.method == name),
            *["methods/__init__.py"] * (name in registered),
        })
        for name in names
    }  # fmt: skip


def options(root: Path = ROOT) -> Places:
    """Fields with a help text of all configurations; the same field of two alternatives counts for each."""
    found: Places = {}
    for file, tree in _trees(root):
        for node in ast.walk(tree):
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            keys = (key.value for key in ast.walk(node.value or node) if isinstance(key, ast.Constant))
            if isinstance(node.value, ast.Call) and "help" in keys:
                found.setdefault(node.target.id, []).append(file)
    return found


KINDS = {"data set": data_sets, "problem": problems, "method": methods, "option": options}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--all", action="store_true", help="name every place")
    args = parser.parse_args()
    for kind, count in KINDS.items():
        found = count()
        fewest, most = (choose(found, key=lambda name: len(found[name])) for choose in (min, max))
        print(f"{kind}: {len(found)}; places besides its own: {len(found[fewest])} ({fewest}) to {len(found[most])}"
              f" ({most})")  # fmt: skip
        if args.all:
            for name, files in found.items():
                print(f"  {name}: {len(files)}", *files, sep="\n    ")


if __name__ == "__main__":
    main()
