#!/usr/bin/env python3
"""Write the tables of options in docs/ from the classes and commands that define them.

    tools/option_tables.py            # rewrite what is stale
    tools/option_tables.py --check    # name what is stale; exit status 1 if anything is

A page has a table between ``<!-- options: XMixupConfig SaltConfig -->`` and ``<!-- end of options -->``: the options
that these configurations define themselves, in their order, without inherited ones and those that have no help text.
``xl-augment counterparts`` in place of the classes gives the options of that command; ``without a b`` leaves some out.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import Field, fields
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

ROOT = Path(__file__).resolve().parents[1]
_TABLE = re.compile(r"(<!-- options: ([^>]*?) -->\n).*?(<!-- end of options -->)", re.DOTALL)
Row = tuple[str, Any, str]  # option, default, help


def registered() -> dict[str, dict[str, type]]:
    """Configurations by kind (task, criterion, arch) and the name that they are registered under."""
    from fairseq.criterions import CRITERION_DATACLASS_REGISTRY
    from fairseq.models import MODEL_DATACLASS_REGISTRY
    from fairseq.tasks import TASK_DATACLASS_REGISTRY

    import xl_plugins  # noqa: F401  registers everything

    kinds = {"task": TASK_DATACLASS_REGISTRY, "criterion": CRITERION_DATACLASS_REGISTRY}
    kinds["arch"] = MODEL_DATACLASS_REGISTRY
    return {
        kind: {name: cls for name, cls in registry.items() if cls.__module__.startswith("xl_plugins.")}
        for kind, registry in kinds.items()
    }


def configurations() -> dict[str, type]:
    """Every configuration, and what it inherits from, by the name of the class."""
    classes = (cls for registry in registered().values() for cls in registry.values())
    return {base.__name__: base for cls in classes for base in cls.__mro__ if base.__module__.startswith("xl_plugins.")}


def of_class(cls: type, own: bool = False) -> Iterator[Row]:
    """Options that have a help text and no default in another option; ``own``: only those that the class defines."""
    names = inspect.get_annotations(cls)
    for field in fields(cls):  # type: ignore[arg-type]
        if (not own or field.name in names) and _is_shown(field):
            yield f"--{field.name.replace('_', '-')}", field.default, str(field.metadata["help"]) + _choices(cls, field)


def _is_shown(field: Field) -> bool:
    taken = field.default == "???" or str(field.default).startswith("${")  # positional; another option's value
    return bool(field.metadata.get("help")) and not taken


def _choices(cls: type, field: Field) -> str:
    """The values that an option can have, where they are listed."""
    kind = get_type_hints(cls)[field.name]
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, Enum):
            return f" [{', '.join(str(member.value) for member in one)}]"
    return ""


def of_command(name: str) -> Iterator[Row]:
    """Options of ``xl-augment NAME``."""
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(f"xl_plugins.cli.{name.replace('-', '_')}").add_arguments(parser)
    for action in parser._actions:
        if action.option_strings and action.help not in (None, argparse.SUPPRESS):
            choices = f" [{', '.join(action.choices)}]" if action.choices else ""
            words = re.sub(r" ?\(default: %\(default\)s\)", "", str(action.help))  # the column before says it
            words = re.sub(r"default: %\(default\)s[,;] ", "", words) % {"default": shown(action.default)}
            yield action.option_strings[-1], action.default, words + choices


def shown(default: Any) -> str:
    """A default as it is typed; empty where there is none, or it follows from the task."""
    value = default.value if isinstance(default, Enum) else default
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    is_told = isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""
    return f"{value:g}" if is_told and isinstance(value, float) else str(value) if is_told else ""


def table(rows: Iterator[Row], title: str = "option") -> str:
    """Markdown of the options."""
    lines = [f"| {title} | default | |", "|---|---|---|"]
    for option, default, words in rows:
        cells = (f"`{option}`", shown(default), re.sub(r"(?<!`)<([^>]*)>(?!`)", r"`<\1>`", " ".join(words.split())))
        lines.append(re.sub(" +", " ", f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"))
    return "\n".join(lines) + "\n"


def written(owners: str, known: dict[str, type]) -> str:
    """The table that a marker asks for."""
    names, _, without = owners.partition(" without ")
    if names.startswith("xl-augment "):
        found, title = list(of_command(names.split()[1])), f"option of `{names}`"
    else:
        found, title = [row for name in names.split() for row in of_class(known[name], own=True)], "option"
    left_out = {f"--{name}" for name in without.split()}
    if unknown := left_out - {option for option, _, _ in found}:
        raise SystemExit(f"<!-- options: {owners} -->: {', '.join(sorted(unknown))} is no option of these")
    first = {row[0]: row for row in reversed(found)}  # of two that define an option the first one counts
    return table((row for row in found if row is first[row[0]] and row[0] not in left_out), title)


def rewritten(text: str, known: dict[str, type]) -> str:
    """A page with its tables as they have to be."""
    return _TABLE.sub(lambda found: f"{found.group(1)}\n{written(found.group(2), known)}\n{found.group(3)}", text)


def main(check: bool, folder: Path = ROOT / "docs") -> int:
    """Pages that were stale: rewritten, or with ``check`` named alone."""
    known, stale = configurations(), 0
    for page in sorted(folder.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        new = rewritten(text, known)
        if new != text:
            stale += 1
            print(f"{page}: the tables of options {'are stale; run tools/option_tables.py' if check else 'rewritten'}")
            if not check:
                page.write_text(new, encoding="utf-8")
    return stale


if __name__ == "__main__":
    only_check = "--check" in sys.argv[1:]
    sys.exit(bool(main(only_check)) and only_check)
