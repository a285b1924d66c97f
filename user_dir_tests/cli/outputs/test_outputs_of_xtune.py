"""xl-xtune with planted files in its save folder, and a script in place of fairseq-train."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from user_dir_tests.helpers.folders import tree
from user_dir_tests.helpers.planting import ADDED
from user_dir_tests.helpers.running.stand_in import words
from xl_plugins.cli.shared.training import RECORD
from xl_plugins.cli.xtune import main
from xl_plugins.errors import UserError

KINDS = {"xl-xtune --save-dir": ADDED}
PLANTS = ("home", "file", "fifo", "link to theirs", "dangling link", "empty folder", "empty stage", "record",
          "empty record", "link of record", "fifo of record", "folder of record", "stage is a file",
          "lock", "neighbours")  # fmt: skip


def plant(what: str, save: Path) -> None:
    record = save / "stage1" / RECORD
    if what.endswith("record") or what == "empty stage":
        record.parent.mkdir(parents=True)
    if what == "home":
        for name in ("thesis.tex", ".ssh/id", "stage1/notes", "stage2/notes", "stage1/model.pt", "checkpoint_best.pt"):
            (save / name).parent.mkdir(parents=True, exist_ok=True)
            (save / name).write_text("mine")
    elif what == "file":
        save.write_text("mine")
    elif what == "fifo":
        os.mkfifo(save)
    elif what == "link to theirs":
        (save.parent / "theirs").mkdir()
        (save.parent / "theirs" / "thesis.tex").write_text("mine")
        save.symlink_to("theirs")
    elif what == "dangling link":
        save.symlink_to("nowhere")
    elif what == "empty folder":
        save.mkdir()
    elif what in ("record", "empty record"):
        record.write_text("" if what.startswith("empty") else '{"arguments": "mine"}')
    elif what == "link of record":
        (save.parent / "theirs").write_text("mine")
        record.symlink_to(save.parent / "theirs")
    elif what == "fifo of record":
        os.mkfifo(record)
    elif what == "folder of record":
        record.mkdir()
    elif what == "stage is a file":
        save.mkdir()
        (save / "stage1").write_text("mine")
    elif what == "lock":
        save.mkdir()
        (save / ".xl-xtune.xl-lock").write_text("mine")
    elif what == "neighbours":
        for name in ("save.old", ".save.xl-lock", ".save.xl-0123456789abcdef", "stage1"):
            (save.parent / name).write_text("mine")


@pytest.mark.parametrize("failing", [False, True], ids=["trains", "fails"])
@pytest.mark.parametrize("what", PLANTS)
def test_what_is_planted_survives(place: Path, what: str, failing: bool) -> None:
    """Also when the run fails before its first checkpoint: then the folders it made go again, and no others."""
    plant(what, place / "save")
    before = tree(place)
    for _ in range(2):
        try:
            status = main(words("xnli", "--stage", "1", *(["--", "--nan"] if failing else [])))
        except (UserError, OSError):
            status = 2
        now = tree(place)
        now.pop("calls", None)  # of the script
        assert {name: now.get(name, "gone") for name in before} == before
        if failing or status:
            assert now == before
        assert status == 2 or not failing
    refused = {"file", "fifo", "dangling link", "record", "empty record", "link of record", "fifo of record",
               "folder of record", "stage is a file", "lock"}  # fmt: skip
    assert (status == 2) == (failing or what in refused)
