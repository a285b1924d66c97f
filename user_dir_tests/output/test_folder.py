"""Folders that are replaced as a whole: what is the user's survives byte by byte, whatever happens in between."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from user_dir_tests.helpers.folders import COMMAND, make, refused, tree
from xl_plugins.errors import UserError
from xl_plugins.output import MARK, FolderLock, Staging, read_mark, write_mark


def test_a_folder_is_made_and_replaced(tmp_path: Path) -> None:
    dest = tmp_path / "deep" / "dest"
    make(dest)
    assert tree(dest.parent).keys() == {"dest", f"dest/{MARK}", "dest/inner", "dest/inner/file"}
    mark = read_mark(dest)
    assert mark is not None and mark["command"] == COMMAND and mark["files"] == ["inner/file"]
    refused(dest, "exists; pass --overwrite", overwrite=False)
    make(dest, "newer", overwrite=True)
    assert tree(dest.parent).keys() == {"dest", f"dest/{MARK}", "dest/inner", "dest/inner/file"}
    assert (dest / "inner" / "file").read_text() == "newer"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "dest").mkdir()
    make(tmp_path / "dest")
    assert (tmp_path / "dest" / "inner" / "file").read_text() == "new"


@pytest.mark.parametrize("plant", ["thesis.tex", ".hidden", "inner/notes", "sub/deep/file", f"sub/{MARK}"])
def test_a_file_of_the_user_keeps_the_folder(tmp_path: Path, plant: str) -> None:
    make(tmp_path / "dest")
    path = tmp_path / "dest" / plant
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    refused(tmp_path / "dest", "which xl-mini make did not make", "move it away")


def test_links_and_empty_folders_of_the_user_keep_it(tmp_path: Path) -> None:
    make(tmp_path / "dest")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "dest" / "link").symlink_to(tmp_path / "elsewhere")
    refused(tmp_path / "dest", "holds link")
    (tmp_path / "dest" / "link").unlink()
    (tmp_path / "dest" / "empty").mkdir()
    refused(tmp_path / "dest", "holds empty")


def test_another_output_of_ours_within_is_the_users(tmp_path: Path) -> None:
    make(tmp_path / "dest")
    with Staging(tmp_path / "dest" / "bin", "xl-prepare", "DEST") as staging:
        staging.commit()
    refused(tmp_path / "dest", "holds bin")


@pytest.mark.parametrize("command", [None, "xl-prepare"])
def test_folders_without_the_commands_mark_are_refused(tmp_path: Path, command: str | None) -> None:
    (tmp_path / "dest").mkdir()
    (tmp_path / "dest" / "meta.json").write_text("{}")
    if command:
        write_mark(tmp_path / "dest", command, ["meta.json"])
    refused(tmp_path / "dest", "xl-prepare made it" if command else "did not make it", "remove it yourself")


@pytest.mark.parametrize(
    "content", ["[]", "{", "1", '{"package": "other", "command": "xl-mini make", "files": []}', "[" * 9999,
                '{"package": "xl_plugins", "command": 3, "files": ["a"]}',
                '{"package": "xl_plugins", "command": "xl-mini make", "files": [3]}',
                '{"package": "xl_plugins", "command": "xl-mini make", "files": null}',
                '{"package": "xl_plugins", "command": "xl-mini make", "files": ["../dest/a", "/a"]}'],
)  # fmt: skip
def test_marks_that_say_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "dest").mkdir()
    (tmp_path / "dest" / MARK).write_text(content)
    (tmp_path / "dest" / "a").write_text("mine")
    refused(tmp_path / "dest", "not")


def test_symbolic_links_and_files(tmp_path: Path) -> None:
    make(tmp_path / "real")
    (tmp_path / "dest").symlink_to(tmp_path / "real")
    refused(tmp_path / "dest", "is a symbolic link, not replaced")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    refused(tmp_path / "dangling", "is a symbolic link")
    (tmp_path / "file").write_text("mine")
    refused(tmp_path / "file", "is a file, not replaced")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "is a file, not replaced")


def test_inputs_home_and_working_folder_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dest = tmp_path / "dest"
    make(dest)
    refused(dest, "contains", "not replaced", inputs=[None, dest / "inner" / "file"])
    (tmp_path / "way").symlink_to(dest / "inner")
    refused(dest, "contains", inputs=[tmp_path / "way" / "file"])
    monkeypatch.setenv("HOME", str(dest / "inner"))
    refused(dest, "contains", "inner")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(dest)
    refused(dest, "is", "not replaced")


def test_errors_leave_nothing(tmp_path: Path) -> None:
    make(tmp_path / "dest")
    before = tree(tmp_path)
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), Staging(tmp_path / "dest", COMMAND, "DIR", True) as staging:
            (staging.new / "half").write_text("half")
            raise error
        assert tree(tmp_path) == before


def test_names_like_ours_are_left_alone(tmp_path: Path) -> None:
    for name in ("dest.old", "dest.partial", ".dest.partial", ".dest.xl-0123456789abcdef", ".dest.xl-tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "photo").write_text("mine")
    before = tree(tmp_path)
    make(tmp_path / "dest")
    make(tmp_path / "dest", "newer", overwrite=True)
    assert {name: content for name, content in tree(tmp_path).items() if not name.startswith("dest/")} == {
        **before,
        "dest": None,
    }


def test_the_second_one_leaves(tmp_path: Path) -> None:
    with Staging(tmp_path / "dest", COMMAND, "DIR") as staging:
        with pytest.raises(UserError, match=rf"xl-mini make \(process {os.getpid()} on .*\) is writing it"):
            make(tmp_path / "dest")
        (staging.new / "file").write_text("1")
        staging.commit()
    assert tree(tmp_path).keys() == {"dest", f"dest/{MARK}", "dest/file"}


def test_a_writer_within_keeps_the_folder(tmp_path: Path) -> None:
    make(tmp_path / "dest")
    with FolderLock(tmp_path / "dest" / ".part.xl-lock", "xl-augment", "x"):
        refused(tmp_path / "dest", "is writing in it")
    (tmp_path / "dest" / ".part.xl-lock").write_text("")  # left by a killed process
    make(tmp_path / "dest", "newer", overwrite=True)


PLANTS = ("", "a", "inner", "inner/b", ".c", "new", "old", MARK, "inner/" + MARK)


@settings(max_examples=60, deadline=None)
@given(
    plants=st.sets(st.sampled_from(PLANTS[1:])), marked=st.sampled_from([None, COMMAND, "xl-prepare"]),
    listed=st.sets(st.sampled_from(PLANTS[1:])), overwrite=st.booleans(),
)  # fmt: skip
def test_whatever_is_not_listed_survives(
    tmp_path_factory: pytest.TempPathFactory, plants: set[str], marked: str | None, listed: set[str], overwrite: bool
) -> None:
    root = tmp_path_factory.mktemp("plants")
    dest = root / "dest"
    dest.mkdir()
    for plant in sorted(plants - {MARK, "inner"}):
        (dest / plant).parent.mkdir(exist_ok=True)
        (dest / plant).write_text(f"mine {plant}")
    if marked:
        write_mark(dest, marked, listed - {MARK, "inner"})
    before = tree(root)
    files = {name for name, content in before.items() if content is not None} - {f"dest/{MARK}"}
    own = marked == COMMAND and files <= {f"dest/{name}" for name in listed}
    folders = {name for name, content in before.items() if content is None} - {"dest"}
    own = own and all(any(file.startswith(f"{name}/") for file in files) for name in folders)
    try:
        make(dest, overwrite=overwrite)
    except UserError:
        assert tree(root) == before and (not overwrite or not own)
    else:
        assert (overwrite and own) or before.keys() == {"dest"}


def test_a_file_with_the_name_of_a_mark_is_none(tmp_path: Path) -> None:
    """In a folder of ours, where other commands put marks."""
    make(tmp_path / "dest")
    (tmp_path / "dest" / "inner" / MARK).write_text("mine")
    refused(tmp_path / "dest", f"holds inner/{MARK}")
    (tmp_path / "dest" / "inner" / MARK).unlink()
    write_mark(tmp_path / "dest" / "inner", COMMAND, ["file"])
    make(tmp_path / "dest", "newer", overwrite=True)
