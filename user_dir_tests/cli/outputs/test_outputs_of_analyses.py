"""xl-analyze with planted files; pictures are drawn in its own tests, here a file stands for each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from user_dir_tests.helpers.evaluation.checkpoints import save_checkpoint
from user_dir_tests.helpers.folders import tree
from user_dir_tests.helpers.planting import FOLDER, Case, check_survival, pairs
from user_dir_tests.helpers.setups.salt import write_counterparts
from user_dir_tests.helpers.toys.toy import make_data
from xl_plugins.analysis.pictures import style
from xl_plugins.cli import analyze
from xl_plugins.errors import UserError

KINDS = {f"xl-analyze {name} --out": FOLDER for name in analyze.COMMANDS}
CHECKPOINTS = {"similarity": "plain.pt", "errors": "plain.pt", "selection": "plain.pt", "mixing": "mixed.pt"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    make_data(root / "data", test=8)
    write_counterparts(root / "data", ("fr",))
    save_checkpoint(root / "plain.pt", root / "data", "xl_sentence_pair")
    save_checkpoint(root / "mixed.pt", root / "data", "xmixup_sentence_pair")
    return root


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def save(figure: Any, path: Path) -> None:
        for end in ("png", "svg"):
            path.with_name(f"{path.name}.{end}").write_text("a picture")

    monkeypatch.setattr(style, "save", save)


def make_case(name: str, world: Path, root: Path) -> Case:
    inputs = Path(shutil.copytree(world, root / "world"))
    command = name.split()[1]

    def run(out: Path, overwrite: bool) -> None:
        words = [command, str(inputs / "data"), "--out", str(out), *["--overwrite"] * overwrite]
        if command in CHECKPOINTS:
            words += ["--path", str(inputs / CHECKPOINTS[command])]
        assert analyze.main([*words, *(["--no-tsne"] if command == "similarity" else [])]) == 0

    return Case(root, root / "place" / "out", run, KINDS[name], f"xl-analyze {command}")


@pytest.mark.parametrize(("name", "plant"), pairs(KINDS, lambda name: "substitutions" not in name))
def test_what_is_planted_survives(world: Path, tmp_path: Path, name: str, plant: str) -> None:
    check_survival(make_case(name, world, tmp_path), plant)


@pytest.mark.parametrize("name", KINDS)
def test_no_input_is_replaced(world: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case(name, world, tmp_path)
    monkeypatch.chdir(tmp_path / "world")
    before = tree(tmp_path)
    for out in ("data", "data/en", "data/dict.txt", "plain.pt", ".", ".."):
        for overwrite in (False, True):
            with pytest.raises((UserError, OSError)):
                case.run(Path(out), overwrite)
            assert tree(tmp_path) == before
