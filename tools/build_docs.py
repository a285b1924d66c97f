#!/usr/bin/env python3
"""Gather the pages of the site: the documents, a reference of the functions, and the options of every task.

    tools/build_docs.py OUT

Links to folders lead to their README; links to other files of the repository become their names.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import option_tables

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def pages() -> list[Path]:
    """Documents of the repository, in its places."""
    top = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
    return [*top, *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("**/*.md"))]


def adapted(page: Path, known: set[Path]) -> str:
    """A page's text, in which every link leads to another page or out of the repository."""

    def replace(found: re.Match) -> str:
        words, target, anchor = found.group(1), found.group(2), found.group(3) or ""
        if "://" in target:
            return found.group(0)
        path = (page.parent / target).resolve()
        if path.is_dir() and path / "README.md" in known:
            target = f"{target.rstrip('/')}/README.md"
        elif path not in known:
            return words
        return f"[{words}]({target}{anchor})"

    return _LINK.sub(replace, page.read_text(encoding="utf-8"))


def functions() -> str:
    """A page with the reference of all functions of ``functional``."""
    modules = sorted(path for path in (ROOT / "xl_plugins" / "functional").rglob("*.py") if path.name != "__init__.py")
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules)
    return "# Functions\n\n" + "\n\n".join(f"::: {name}" for name in names) + "\n"


def options() -> str:
    """A page with the options of every task, criterion and architecture, from the classes that define them."""
    text = ["# Options", "What a task, a criterion or an architecture adds to fairseq's own options."]
    for kind, configurations in option_tables.registered().items():
        for name, cls in configurations.items():
            text += [f"## --{kind} {name}", option_tables.table(option_tables.of_class(cls))]
    return "\n\n".join(text) + "\n"


def main(out: Path) -> None:
    from xl_plugins.output import Staging

    known = set(pages())
    texts = {path.relative_to(ROOT): adapted(path, known) for path in known}
    texts |= {Path("functions.md"): functions(), Path("options.md"): options()}
    with Staging(out, "tools/build_docs.py", "OUT", overwrite=True) as staging:  # replaces what it made, nothing else
        for name, text in texts.items():
            path = staging.new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        staging.commit()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
