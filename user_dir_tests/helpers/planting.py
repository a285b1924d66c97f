"""Things that may lie at, in or beside an output without being the command's own, and the check that they stay."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from user_dir_tests.helpers.folders import tree
from xl_plugins.errors import UserError
from xl_plugins.output import MARK, write_mark

FOLDER, FILES, FILE, ADDED = "folder", "files in a folder", "file", "added to a folder"
_ANYWHERE = ("ours", "home", "link to ours", "link to theirs", "dangling link", "file", "empty file", "fifo",
             "neighbours")  # fmt: skip
_FOLDERS = (*_ANYWHERE, "notes in ours", "mark of theirs", "mark without files")
PLANTS = {
    FILE: (*_ANYWHERE, "JSON"),
    FOLDER: (*_FOLDERS, "empty folder"),
    FILES: (*_FOLDERS, "file inside", "empty inside", "link inside", "folder inside", "fifo inside"),
}
_ALWAYS = ("home", "notes in ours", "link to theirs", "file", "fifo", "file inside")
_TEMPORARY = re.compile(r"\.xl-tmp$|\.xl-[0-9a-f]{16}(/|$)|\.xl-lock$|\.job-[0-9a-f]{16}(/|$)")
Run = Callable[[Path, bool], object]


class Case(NamedTuple):
    """An output of a command.

    root: folder of the test, with all that the command reads; out: the output; run: the command on an output, with or
    without ``--overwrite``; files: of ``out``, which are written one by one; always: its own are replaced in any case.
    """

    root: Path
    out: Path
    run: Run
    kind: str
    command: str
    files: tuple[str, ...] = ()
    always: bool = False


def pairs(kinds: Mapping[str, str], slow: Callable[[str], bool] = lambda name: False) -> list[Any]:
    """Name and plant of every test of some outputs. ``slow``: whose commands take long; some plants run quickly."""
    return [
        pytest.param(name, what, marks=[pytest.mark.slow] if slow(name) and what not in _ALWAYS else [])
        for name, kind in kinds.items()
        for what in PLANTS[kind]
    ]


def plant(case: Case, what: str) -> set[str]:
    """Put something at, in or beside ``case.out``; returns the names of what the command made meanwhile."""
    before, out = tree(case.root), case.out
    made: set[str] = set()
    if what in ("ours", "notes in ours", "link to ours"):
        case.run(out, False)
        assert os.path.lexists(out), "the command wrote nothing, so that nothing would be tested"
        real = out.with_name("real") if what == "link to ours" else out
        if what == "link to ours":
            out.rename(real)
            out.symlink_to(real)
        made = {name for name in tree(case.root).keys() - before.keys() if (case.root / name) != out or real == out}
        if what == "notes in ours":
            _write(out, "thesis.tex", "checkpoints/checkpoint_best.pt")
        return made
    out.parent.mkdir(parents=True, exist_ok=True)
    inner = out / (case.files or ("none",))[-1]
    if what in ("file", "JSON"):
        out.write_text("mine" if what == "file" else '{"mine": {"kind": "mine"}}')
    elif what == "empty file":
        out.touch()
    elif what == "empty folder":
        out.mkdir()
    elif what == "fifo":
        os.mkfifo(out)
    elif what == "link to theirs":
        theirs = case.root / "theirs"
        theirs.write_text("mine") if case.kind == FILE else _home(case, theirs)
        out.symlink_to(theirs)
    elif what == "dangling link":
        out.symlink_to(case.root / "nowhere")
    elif what == "neighbours":
        for end in (".old", ".partial", ".tmp", ".part", ".xl-0123456789abcdef", ".xl-tmp"):
            _write(out.parent, f"{out.name}{end}/photo", f".{out.name}{end}")
        _write(out.parent, f".{out.name}.xl-0123456789abcdee/photo")
    elif what.endswith(" inside"):
        inner.parent.mkdir(parents=True)
        _inside(case, what.removesuffix(" inside"), inner)
    else:
        _home(case, out)
        if what.startswith("mark"):
            (out / MARK).unlink()
            write_mark(out, case.command if what == "mark without files" else "xl-mini make", [])
    return made


def _home(case: Case, out: Path) -> None:
    """A folder of the user's with names that commands write as well, and a mark that is none."""
    names = ("dict.txt", "model.pt", "member-1.pt", "meta.json", "manifest.json", "train.npy", ".ssh/id", MARK)
    _write(out, *names, "input0/train.bin", "input0/train.idx", "new/file", *case.files)


def _inside(case: Case, what: str, inner: Path) -> None:
    if what == "file":
        inner.write_text("mine")
    elif what == "empty":
        inner.touch()
    elif what == "folder":
        _write(inner, "photo")
    elif what == "fifo":
        os.mkfifo(inner)
    else:
        _write(case.root, "theirs")
        inner.symlink_to(case.root / "theirs")


def _write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")


def check_survival(case: Case, what: str) -> None:
    """All that the command did not make is what it was, its inputs among it; a refused command changes nothing."""
    made = plant(case, what)
    start = tree(case.root)
    # an empty file has no content to lose: with --overwrite a plain file may take its place
    blank = {name for name in start.keys() - made if what.startswith("empty") and start[name] == b""}
    kept = {name: content for name, content in start.items() if name not in made | blank}
    for overwrite in (False, True):
        before, stamp = tree(case.root), _stamp(case.root, made)
        try:
            case.run(case.out, overwrite)
        except (UserError, OSError):
            assert tree(case.root) == before, "refused, but something is changed"
            refused = True
        else:
            refused = False
        now = tree(case.root)
        assert {name: now.get(name, "gone") for name in kept} == kept
        assert blank <= now.keys() and (overwrite or case.always or all(now[name] == b"" for name in blank))
        assert not [name for name in now.keys() - start.keys() if _TEMPORARY.search(name)]
        if what == "ours":
            assert refused == (not overwrite and not case.always)
            assert refused == (stamp == _stamp(case.root, made)), "its own is replaced, or else refused"
        elif what == "neighbours":
            assert not refused, "what lies beside is no hindrance"
        elif case.kind != FILES and what in ("file", "fifo", "JSON", "dangling link", "home", "notes in ours"):
            assert refused


def _stamp(root: Path, names: set[str]) -> dict[str, tuple[int, int]]:
    """Which files these are, whatever their content."""
    found = {name: os.lstat(root / name) for name in names if (root / name).is_file()}
    return {name: (state.st_ino, state.st_mtime_ns) for name, state in found.items()}
