"""Every option of every command that names an output, with planted files: what the command did not make stays."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from user_dir_tests.cli.prepare_helpers import make_xnli, tokenizer_options
from user_dir_tests.output.test_folder import tree
from user_dir_tests.toy_switch import World, make_world
from xl_plugins.cli import augment, convert, evaluate, mini, predict, prepare, train, xtune
from xl_plugins.cli.training import RECORD, Record
from xl_plugins.errors import UserError
from xl_plugins.evaluation import members
from xl_plugins.mini import pretrain
from xl_plugins.output import MARK, FileOutput, write_together
from xl_plugins.xtreme import READERS

FOLDER, FILES, FILE, ADDED = "folder", "files in a folder", "file", "added to a folder"
OUTPUTS = {
    **{f"xl-prepare {name} dest": FOLDER for name in READERS},
    "xl-mini make folder": FOLDER,
    "xl-mini pretrain folders": FOLDER,
    "xl-evaluate --json": FILE,
    "xl-evaluate --output": FILES,
    "xl-convert members --out": FILES,
    "xl-augment counterparts --json": FILE,
    "xl-augment counterparts --write-pieces": FILES,
    "xl-augment vicinity --json": FILE,
    "xl-augment soft-labels --output": FILES,
    "xl-xtune --save-dir": ADDED,
    # what lies in DATA/<lang>
    **{f"xl-augment {name} data": ADDED for name in ("code-switch", "counterparts", "soft-labels", "vicinity")},
}
_OUTPUT = re.compile(r"\bwrite\b|\bwritten\b|go to DIR|folder to (make|write)|\boutput\b")
_NONE = {"--overwrite", "--null-odds", "--report-only", "--show"}  # their help speaks of outputs


def outputs(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Options and arguments that look like an output, by the name of the command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from outputs(inner)
            continue
        name = action.option_strings[-1] if action.option_strings else action.dest
        named = name.lstrip("-") in ("json", "output", "out", "dest", "save-dir", "write-pieces")
        if action.nargs != 0 and name not in _NONE and (named or _OUTPUT.search(str(action.help))):
            yield f"{parser.prog} {name}"


def test_no_output_is_missing_here() -> None:
    found = {name for module in (augment, convert, evaluate, mini, predict, prepare, xtune)
             for name in outputs(module.make_parser())}  # fmt: skip
    known = {name for name in OUTPUTS if not name.endswith(" data")}
    assert found == known, "an output that no test plants files at, or one that is gone"
    assert not hasattr(train, "make_parser")  # fairseq-train's options


Run = Callable[[Path, bool], object]


@pytest.fixture
def runs(tiny_spm, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> dict[str, Run]:
    """Name of a case: a run of the command on an output, with or without --overwrite."""
    base = tmp_path_factory.mktemp("inputs")
    raw = make_xnli(base / "raw", ("de",), 4, 2, 2)
    text = base / "text.txt"
    text.write_text("the dog sees a small cat\n" * 40)
    gold, guess = base / "gold", base / "guess"
    for folder in (gold, guess):
        folder.mkdir()
        (folder / "test-en.tsv").write_text("entailment\nneutral\n")
    monkeypatch.setattr(pretrain, "_prepare", lambda text, out, *rest: (out / "dict.txt").write_text("new"))
    monkeypatch.setattr(pretrain, "_train", lambda *rest: None)
    monkeypatch.setattr(pretrain, "_strip", lambda checkpoint, model: model.write_text("new"))

    def more(overwrite: bool) -> list[str]:
        return ["--overwrite"] if overwrite else []

    def make(out: Path, overwrite: bool) -> None:
        sizes = "--problem sentence_pair --languages en,de --train 3 --dev 3 --test 3 --unlabelled 3".split()
        mini.main(["make", str(out), *sizes, *more(overwrite)])

    def train_mini(out: Path, overwrite: bool) -> None:
        mini.main(["pretrain", str(out), "--text", str(text), *more(overwrite)])

    def prepared(out: Path, overwrite: bool) -> None:
        prepare.main(["xnli", str(raw), str(out), *tokenizer_options(tiny_spm), *more(overwrite)])

    def scored(out: Path, overwrite: bool) -> None:
        evaluate.main(["--predictions", str(guess), "--labels", str(gold), "--json", str(out), *more(overwrite)])

    def predicted(out: Path, overwrite: bool) -> None:
        with FileOutput("xl-evaluate", overwrite) as output:
            names = {str(out / "xnli" / f"test-{language}.tsv"): "new" for language in ("en", "de")}
            output.plan(names)
            with output.writing(list(names)):
                write_together(names)

    def exported(out: Path, overwrite: bool) -> None:
        members.export_members(str(text), str(out), overwrite)

    monkeypatch.setattr(members.checkpoint_utils, "load_checkpoint_to_cpu", lambda path: {
        "cfg": {"task": {"_name": members.COTRAINING}}, "model": {"members.0.a": 0, "members.1.a": 1},
    })  # fmt: skip
    monkeypatch.setattr(members, "_check_options", lambda *rest: None)
    monkeypatch.setattr(members, "_plain_config", lambda cfg: cfg)
    monkeypatch.setattr(members, "_checkpoint", lambda *rest: {"new": 1})
    monkeypatch.setattr(members.OmegaConf, "to_container", lambda cfg, **options: cfg)
    monkeypatch.setattr(members.OmegaConf, "select", lambda cfg, name: members.COTRAINING)
    return {
        "xl-prepare": prepared, "xl-mini make": make, "xl-mini pretrain": train_mini, "xl-evaluate --json": scored,
        "xl-evaluate --output": predicted, "xl-convert members": exported,
    }  # fmt: skip


PLANTS = ("home", "notes in ours", "link to ours", "link to theirs", "file", "fifo", "old and partial", "empty file")


def plant(kind: str, out: Path, run: Run) -> None:
    """Something of the user's at or near ``out``."""
    near = out.parent
    if kind in ("notes in ours", "link to ours"):
        run(out, False)
        if kind == "link to ours":
            out.rename(near / "real")
            out.symlink_to(near / "real")
        elif out.is_dir():
            (out / "thesis.tex").write_text("mine")
            (out / "checkpoints").mkdir()
            (out / "checkpoints" / "checkpoint_best.pt").write_text("mine")
    elif kind == "file" or kind == "fifo":
        out.write_text("mine") if kind == "file" else os.mkfifo(out)
    elif kind == "home":
        (out / ".ssh").mkdir(parents=True)
        for name in ("dict.txt", "model.pt", "member-1.pt", "meta.json", ".ssh/id", MARK):
            (out / name).write_text("mine")
        (out / "xnli").mkdir()
        (out / "xnli" / "test-en.tsv").write_text("gold")
    elif kind == "link to theirs":
        (near / "theirs").mkdir()
        (near / "theirs" / "model.pt").write_text("mine")
        out.symlink_to(near / "theirs")
    else:
        for name in (".old", ".partial", ".tmp", ".part"):
            (near / f"{out.name}{name}").mkdir()
            (near / f"{out.name}{name}" / "photo").write_text("mine")
            (near / f".{out.name}{name}").write_text("mine")


@pytest.mark.parametrize("kind", PLANTS[:-1])
@pytest.mark.parametrize(
    "case",
    ["xl-prepare", "xl-mini make", "xl-mini pretrain", "xl-evaluate --json", "xl-evaluate --output",
     "xl-convert members"],
)  # fmt: skip
def test_what_is_planted_survives(runs: dict[str, Run], tmp_path: Path, case: str, kind: str) -> None:
    run, out = runs[case], tmp_path / "place" / "out"
    out.parent.mkdir()
    plant(kind, out, run)
    before = tree(tmp_path)
    mine = {
        name: content for name, content in before.items() if content in (b"mine", b"gold") or isinstance(content, str)
    }
    ours = case in ("xl-evaluate --json", "xl-evaluate --output", "xl-convert members") and kind == "notes in ours"
    beside = kind == "old and partial" or case in ("xl-evaluate --output", "xl-convert members")
    for overwrite in (False, True):
        try:
            run(out, overwrite)
        except (UserError, OSError):
            assert tree(tmp_path) == before or beside
        else:
            assert ours or beside or tree(tmp_path) == before, "replaced what was planted"
        now = tree(tmp_path)
        assert {name: now.get(name) for name in mine} == mine
        assert not [name for name in now if name.endswith(".xl-tmp") or re.search(r"\.xl-[0-9a-f]{16}$", name)]
    if kind == "fifo":
        assert out.is_fifo()


def test_what_lies_in_a_data_folder_survives(tmp_path: Path) -> None:
    world: World = make_world(tmp_path)
    folder = world.tagged / "en" / "code-switch"
    for kind in ("folder", "link"):
        if kind == "folder":
            folder.mkdir()
            (folder / "manifest.json").write_text('{"kind": "code-switch", "fingerprint": "mine"}')
        else:
            (tmp_path / "elsewhere").mkdir()
            folder.rename(tmp_path / "elsewhere" / "theirs")
            folder.symlink_to(tmp_path / "elsewhere" / "theirs")
        before = tree(tmp_path)
        for overwrite in (False, True):
            with pytest.raises(UserError):
                augment.main(world.options(overwrite=overwrite or None))
            assert tree(tmp_path) == before


def test_a_record_of_another_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text("mine")
    with pytest.raises(UserError, match="cannot be read"):
        Record(tmp_path, ["data"]).is_finished()
    assert tree(tmp_path) == {RECORD: b"mine"}
