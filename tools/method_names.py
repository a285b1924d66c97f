"""Where a method is known by its name, outside ``methods/``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ORDINARY = ("plain", "xl")  # a method and a prefix that are also a word for any model, and how all our names begin
NAMED = {  # files that name a method, and why
    "cli/shared/hints.py": "xl-prepare's advice how to go on is a command for one method",
    "cli/shared/training.py": "the record of xl-xtune's stages has its name",
    "cli/shared/xtune_stages.py": "xl-xtune is one method's own command",
    "cli/xtune.py": "xl-xtune is one method's own command",
    "criterions/consistency.py": "--xtune-compat says how a divergence is taken, in whichever criterion",
    "tasks/augmentation.py": "--xtune-compat says how augmentations are read, in whichever method",
    "tasks/training_views.py": "--xtune-compat says how augmentations are read, in whichever method",
}


class Name(NamedTuple):
    """A word in a file outside ``methods/`` that is the name of a method or begins with its prefix."""

    file: str
    line: int
    text: str
    method: str


def names_of_methods(package: Path) -> Iterator[Name]:
    """Names of methods and of what is theirs (``xla_epochs``, ``--salt-langs``), as literals, variables and attributes
    outside ``methods/``; texts with blanks are for people to read, and may cite."""
    prefixes = {}
    for path in sorted((package / "methods").glob("*/method.py")):
        given = {
            keyword.arg: keyword.value.value  # of the entry Method(name=..., prefix=...)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Method"
            for keyword in node.keywords
            if isinstance(keyword.value, ast.Constant)
        }
        prefixes |= {str(given[key]): path.parent.name for key in ("prefix", "name") if given[key] not in ORDINARY}
    pattern = re.compile(rf"(?<![A-Za-z_])({'|'.join(prefixes)})(?![A-Za-z])")
    for path in sorted(package.rglob("*.py")):
        inner = str(path.relative_to(package))
        if inner.startswith("methods/"):
            continue
        for line, text in _words(ast.parse(path.read_text(encoding="utf-8"))):
            for found in {prefixes[name] for name in pattern.findall(text)}:
                yield Name(inner, line, text, found)


def _words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not re.search(r"\s", node.value):
            yield node.lineno, node.value
        elif isinstance(node, (ast.Name, ast.Attribute)):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr


def strangers(package: Path) -> list[str]:
    """Names of methods in files that have no reason to know one; and reasons that no name needs any more."""
    found = list(names_of_methods(package))
    wrong = [f"{package.name}/{file}:{line}: '{text}'" for file, line, text, _ in found if file not in NAMED]
    known = {name.file for name in found}
    return wrong + [
        f"{package.name}/{file}: names none" for file in NAMED if (package / file).exists() and file not in known
    ]
